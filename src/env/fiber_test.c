#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "env/fiber.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_do_recoverable_leak_check() 0
#endif

/* One thread, a pool, and up to eight fibers that write down what they did. */
struct bench {
	struct fiber thread;
	struct fiber fibers[8];
	struct fiber_stacks *stacks;
	int rounds, sum;
	char trace[64];
	size_t len;
};

struct part {
	struct bench *b;
	int me, next; /* next: -1 is the thread */
	void *held;
};

static struct fiber *fiber_at(struct bench *b, int i)
{
	return i < 0 ? &b->thread : &b->fibers[i];
}

static void note(struct bench *b, int c)
{
	if (b->len + 1 < sizeof b->trace)
		b->trace[b->len++] = (char)c;
}

static int setup(void **state)
{
	struct bench *b = hy_zalloc(sizeof *b);
	fiber_init_thread(&b->thread);
	b->stacks = fiber_stacks_create();
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	fiber_fini(&b->thread);
	fiber_stacks_destroy(b->stacks);
	hy_free(b);
	return 0;
}

static void begin(struct bench *b, int i, void (*fn)(void *arg), void *arg)
{
	void *stack = fiber_stack_get(b->stacks);
	assert_non_null(stack);
	fiber_init(&b->fibers[i], stack, FIBER_STACK_SIZE, fn, arg);
}

static void end(struct bench *b, int i)
{
	void *stack = b->fibers[i].stack;
	fiber_fini(&b->fibers[i]);
	fiber_stack_put(b->stacks, stack);
}

static void count_rounds(void *arg)
{
	struct part *p = arg;
	double scale = 0.5; /* floating point survives a switch */
	for (int i = 0; i < p->b->rounds; i++) {
		p->b->sum += (int)(scale * 2);
		fiber_switch(&p->b->fibers[p->me], &p->b->thread);
	}
	fiber_exit_to(&p->b->fibers[p->me], &p->b->thread);
}

static void test_switch(void **state)
{
	struct bench *b = *state;
	struct part p[2] = {{b, 0, -1}, {b, 1, -1}};
	b->rounds = 1000;
	begin(b, 0, count_rounds, &p[0]);
	begin(b, 1, count_rounds, &p[1]);
	for (int i = 0; i <= b->rounds; i++) {
		fiber_switch(&b->thread, &b->fibers[0]);
		fiber_switch(&b->thread, &b->fibers[1]);
	}
	assert_int_equal(b->sum, 2000);
	end(b, 0);
	end(b, 1);
	assert_int_equal(fiber_stacks_in_use(b->stacks), 0);
}

static void exit_to_next(void *arg)
{
	struct part *p = arg;
	note(p->b, 'a' + p->me);
	fiber_exit_to(fiber_at(p->b, p->me), fiber_at(p->b, p->next));
}

static void test_exit_chain(void **state)
{
	struct bench *b = *state;
	struct part p[4];
	for (int i = 0; i < 4; i++) {
		p[i] = (struct part){b, i, i < 3 ? i + 1 : -1};
		begin(b, i, exit_to_next, &p[i]);
	}
	fiber_switch(&b->thread, &b->fibers[0]);
	assert_string_equal(b->trace, "abcd");
	for (int i = 0; i < 4; i++)
		end(b, i);
}

__attribute__((noinline)) static int dig(int depth)
{
	char frame[512];
	memset(frame, depth, sizeof frame);
	__asm__ volatile("" : : "r"(frame) : "memory"); /* so that every call has its own frame */
	int below = depth > 0 ? dig(depth - 1) : 0;
	__asm__ volatile("" : : "r"(frame) : "memory");
	return below + (frame[0] == (char)depth);
}

/* The sanitizers make frames a few times larger, and the stack with them. */
#define DEEP (int)(FIBER_STACK_SIZE / 4096 * 5)

static void dig_deep(void *arg)
{
	struct part *p = arg;
	p->b->sum = dig(DEEP);
	fiber_exit_to(&p->b->fibers[p->me], &p->b->thread);
}

static void test_deep(void **state)
{
	struct bench *b = *state;
	struct part p = {b, 0, -1};
	begin(b, 0, dig_deep, &p);
	fiber_switch(&b->thread, &b->fibers[0]);
	assert_int_equal(b->sum, DEEP + 1);
	end(b, 0);
	assert_true(fiber_stacks_high_water(b->stacks) > (size_t)DEEP * 512);
	assert_true(fiber_stacks_high_water(b->stacks) <= FIBER_STACK_SIZE);
}

static void test_reuse(void **state)
{
	struct bench *b = *state;
	struct part p = {b, 0, -1};
	void *first = NULL;
	for (int i = 0; i < 2000; i++) {
		begin(b, 0, i % 2 ? exit_to_next : dig_deep, &p);
		first = first ? first : b->fibers[0].stack;
		assert_ptr_equal(b->fibers[0].stack, first);
		fiber_switch(&b->thread, &b->fibers[0]);
		end(b, 0);
	}
}

static void wait_once(void *arg)
{
	struct part *p = arg;
	note(p->b, 'a' + p->me);
	fiber_switch(fiber_at(p->b, p->me), &p->b->thread);
	note(p->b, 'A' + p->me);
	fiber_exit_to(fiber_at(p->b, p->me), &p->b->thread);
}

static void test_given_up(void **state)
{
	struct bench *b = *state;
	struct part p = {b, 0, -1};
	for (int i = 0; i < 100; i++) {
		begin(b, 0, wait_once, &p);
		fiber_switch(&b->thread, &b->fibers[0]);
		end(b, 0); /* in the middle of its call */
		begin(b, 0, dig_deep, &p);
		fiber_switch(&b->thread, &b->fibers[0]);
		end(b, 0);
	}
	begin(b, 0, wait_once, &p);
	fiber_switch(&b->thread, &b->fibers[0]);
	fiber_fini(&b->fibers[0]);
	assert_int_equal(fiber_stacks_in_use(b->stacks), 1); /* gone with the pool */
}

static void hold_memory(void *arg)
{
	struct part *p = arg;
	struct fiber *me = &p->b->fibers[p->me];
	void *held = hy_alloc(100);
	fiber_switch(me, &p->b->thread);
	hy_free(held);
	fiber_exit_to(me, &p->b->thread);
}

static void test_no_false_leak(void **state)
{
	struct bench *b = *state;
	struct part p = {b, 0, -1};
	begin(b, 0, hold_memory, &p);
	fiber_switch(&b->thread, &b->fibers[0]);
	assert_int_equal(__lsan_do_recoverable_leak_check(), 0);
	fiber_switch(&b->thread, &b->fibers[0]);
	end(b, 0);
}

static void test_many_stacks(void **state)
{
	struct bench *b = *state;
	enum { N = 300 };
	char *stacks[N];
	for (int i = 0; i < N; i++) {
		stacks[i] = fiber_stack_get(b->stacks);
		memset(stacks[i], i, FIBER_STACK_SIZE);
	}
	assert_int_equal(fiber_stacks_in_use(b->stacks), N);
	for (int i = 0; i < N; i++) {
		assert_int_equal(stacks[i][0], (char)i);
		assert_int_equal(stacks[i][FIBER_STACK_SIZE - 1], (char)i);
		fiber_stack_put(b->stacks, stacks[i]);
	}
	assert_int_equal(fiber_stacks_in_use(b->stacks), 0);
	assert_int_equal(fiber_stacks_high_water(b->stacks), FIBER_STACK_SIZE);
}

static void be_ready_to_die(void)
{
	close(STDERR_FILENO);
	signal(SIGSEGV, SIG_DFL); /* cmocka's handler would go on with the tests */
	signal(SIGABRT, SIG_DFL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
}

static bool died(pid_t child)
{
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

static void overrun(volatile char *stack)
{
	for (int i = 63; i >= -64; i--)
		stack[i] = 1;
}

static void test_guard(void **state)
{
	struct bench *b = *state;
	volatile char *stack = fiber_stack_get(b->stacks);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		be_ready_to_die();
		stack[-8] = 1;
		_exit(0);
	}
	assert_true(died(child));
	stack[0] = 1;
	fiber_stack_put(b->stacks, (void *)stack);
}

/* However it is guarded: at once, or when it comes back. */
static void test_guard_of_many(void **state)
{
	struct bench *b = *state;
	enum { N = 4200 };
	void **stacks = hy_alloc(N * sizeof *stacks);
	for (int i = 0; i < N; i++) {
		stacks[i] = fiber_stack_get(b->stacks);
		assert_non_null(stacks[i]);
	}
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		be_ready_to_die();
		overrun((char *)stacks[N - 1]);
		fiber_stack_put(b->stacks, stacks[N - 1]);
		_exit(0);
	}
	assert_true(died(child));
	for (int i = 0; i < N; i++)
		fiber_stack_put(b->stacks, stacks[i]);
	hy_free(stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define FIBER_TEST(label, fn) {label, fn, setup, teardown, NULL}
		FIBER_TEST("two fibers and the thread take turns", test_switch),
		FIBER_TEST("a fiber ends by going on with another", test_exit_chain),
		FIBER_TEST("most of a stack can be used", test_deep),
		FIBER_TEST("a stack that came back is handed out first", test_reuse),
		FIBER_TEST("a fiber may be given up in the middle", test_given_up),
		FIBER_TEST("memory held by a waiting fiber is no leak", test_no_false_leak),
		FIBER_TEST("many stacks do not overlap", test_many_stacks),
		FIBER_TEST("touching the page below a stack kills the process", test_guard),
		FIBER_TEST("the 4,200th stack is guarded too", test_guard_of_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
