/*
 * A turn: wait; read the clock; messages; sockets; timers; turn_end.
 *
 * The wake-up eventfd is edge-triggered and never read: each write is an edge, and nobody asks for its count.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "env/real/internal.h"
#include "env/real/real.h"

static void loop_free(struct env_loop *loop)
{
	inbox_fini(&loop->inbox);
	timers_fini(&loop->timers);
	if (loop->timer_fd > 0)
		close(loop->timer_fd);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	hy_free(loop);
}

int env_loop_create(struct env *env, const struct env_loop_config *config, struct env_loop **ret_loop)
{
	struct env_loop *loop = hy_zalloc(sizeof *loop);
	loop->env = env;
	loop->config = *config;
	snprintf(loop->name, sizeof loop->name, "%s", config->name);
	loop->now_us = env_mono_us(env);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	inbox_init(&loop->inbox, loop->wake_fd);
	struct epoll_event wake = {.events = EPOLLIN | EPOLLET};
	if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake) != 0) {
		int r = -errno;
		loop_free(loop);
		return r;
	}
	*ret_loop = loop;
	return 0;
}

/* Milliseconds, rounded up: a timer never fires early. */
static int sleep_ms(struct env_loop *loop)
{
	uint64_t at_us = timers_next_us(&loop->timers);
	if (at_us == UINT64_MAX)
		return -1;
	uint64_t now_us = env_mono_us(loop->env);
	if (at_us <= now_us)
		return 0;
	uint64_t ms = (at_us - now_us + 999) / 1000;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static int wait_for_events(struct env_loop *loop, int at_most_ms)
{
	int ms = sleep_ms(loop);
	if (at_most_ms >= 0 && (ms < 0 || ms > at_most_ms))
		ms = at_most_ms;
	if (!inbox_sleep(&loop->inbox))
		ms = 0;
	int n = epoll_wait(loop->epoll_fd, loop->events, LOOP_BATCH, ms);
	assert(n >= 0 || errno == EINTR);
	return n < 0 ? 0 : n;
}

static void run_messages(struct env_msg *msg)
{
	while (msg) {
		struct env_msg *next = msg->next; /* msg is its function's from here on */
		msg->fn(msg);
		msg = next;
	}
}

/**
 * What a connection is registered for. A Unix socket would wake its owner each time the peer has read something, so it
 * is registered for EPOLLOUT only while a write waits; TCP tells only after there was no room.
 */
enum { STREAM_IDLE = EPOLLIN | EPOLLRDHUP | (int)EPOLLET, STREAM_WRITES = STREAM_IDLE | EPOLLOUT };

static void loop_modify(struct env_sock *sock, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = sock};
	int r = epoll_ctl(sock->loop->epoll_fd, EPOLL_CTL_MOD, sock->fd, &e);
	assert(r == 0);
}

/** What the owner is told of it. */
static unsigned take_events(struct env_sock *sock, uint32_t events)
{
	unsigned told = 0;
	if (events & ~(uint32_t)EPOLLOUT) {
		told |= ENV_READABLE;
		sock->state &= (uint8_t)~SOCK_READ_OUT;
	}
	if (events & ~(uint32_t)(EPOLLOUT | EPOLLIN))
		sock->state |= SOCK_HUNG_UP;
	if ((events & EPOLLOUT) && (sock->state & SOCK_AWAITS_ROOM)) {
		told |= ENV_WRITABLE;
		sock->state &= (uint8_t)~SOCK_AWAITS_ROOM;
		if (sock->state & SOCK_LOCAL)
			loop_modify(sock, STREAM_IDLE);
	}
	return told;
}

static void run_events(struct env_loop *loop, int count)
{
	loop->batch_count = count;
	for (loop->batch_at = 0; loop->batch_at < loop->batch_count; loop->batch_at++) {
		const struct epoll_event *e = &loop->events[loop->batch_at];
		struct env_sock *sock = e->data.ptr;
		if (!sock) /* the wake-up, or taken off in this turn */
			continue;
		unsigned events = take_events(sock, e->events);
		if (events)
			sock->on_event(sock, events);
	}
	loop->batch_count = 0;
}

static void run_timers(struct env_loop *loop)
{
	uint64_t order = timers_order(&loop->timers);
	struct env_timer *timer;
	while ((timer = timers_pop(&loop->timers, loop->now_us, order)))
		timer->fn(timer);
}

static void turn(struct env_loop *loop, int at_most_ms)
{
	int count = wait_for_events(loop, at_most_ms);
	loop->now_us = env_mono_us(loop->env);
	struct env_msg *messages = inbox_wake(&loop->inbox);
	loop->batch_at = -1;
	loop->batch_count = count; /* a message may close a socket that has an event in this batch */
	run_messages(messages);
	run_events(loop, count);
	run_timers(loop);
	if (loop->config.turn_end)
		loop->config.turn_end(loop->config.arg);
}

static void *loop_run(void *arg)
{
	struct env_loop *loop = arg;
	while (!loop->stopping)
		turn(loop, -1);
	return NULL;
}

int env_loop_start(struct env_loop *loop)
{
	assert(!loop->started);
	sigset_t all, before;
	bool guest = !loop->env->log;
	sigfillset(&all);
	if (guest)
		pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = thread_start(&loop->thread, loop->name, loop_run, loop);
	if (guest)
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	loop->started = r == 0;
	return r;
}

/* ---- a loop that its owner drives -------------------------------------------------------------------------------- */

/* Between two turns: whatever comes must make the epoll descriptor readable, due timers and messages too. */
static void rest(struct env_loop *loop)
{
	if (loop->timer_fd > 0) {
		uint64_t at_us = timers_next_us(&loop->timers);
		struct itimerspec at = {0}; /* zero: never */
		if (at_us != UINT64_MAX) {
			at.it_value.tv_sec = (time_t)(at_us / 1000000);
			at.it_value.tv_nsec = (long)(at_us % 1000000) * 1000 + 1;
		}
		int r = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
		assert(r == 0);
	}
	uint64_t one = 1;
	if (!inbox_sleep(&loop->inbox)) {
		ssize_t n = RETRY(write(loop->wake_fd, &one, sizeof one));
		assert(n == sizeof one);
	}
}

int env_real_loop_fd(struct env_loop *loop)
{
	if (loop->timer_fd == 0) {
		struct epoll_event e = {.events = EPOLLIN | EPOLLET};
		int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		if (fd < 0 || epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0) {
			if (fd >= 0)
				close(fd);
			return -1;
		}
		loop->timer_fd = fd;
		rest(loop);
	}
	return loop->epoll_fd;
}

void env_real_loop_turn(struct env_loop *loop, int timeout_ms)
{
	assert(!loop->started);
	turn(loop, timeout_ms);
	rest(loop);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

void env_loop_stop(struct env_loop *loop)
{
	loop->stopping = true;
}

void env_loop_join(struct env_loop *loop)
{
	if (loop->started) {
		int r = pthread_join(loop->thread, NULL);
		assert(r == 0);
	}
	assert(loop->socks == 0 && loop->timers.count == 0);
	loop_free(loop);
}

struct env_inbox *env_loop_inbox(struct env_loop *loop)
{
	return &loop->inbox;
}

uint64_t env_loop_now_us(const struct env_loop *loop)
{
	return loop->now_us;
}

struct env *env_loop_env(const struct env_loop *loop)
{
	return loop->env;
}

void env_timer_set(struct env_loop *loop, struct env_timer *timer, uint64_t at_us)
{
	timers_set(&loop->timers, timer, at_us);
}

void env_timer_cancel(struct env_loop *loop, struct env_timer *timer)
{
	timers_cancel(&loop->timers, timer);
}

int loop_add(struct env_loop *loop, struct env_sock *sock, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = sock};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, sock->fd, &e) != 0)
		return -errno;
	sock->loop = loop;
	loop->socks++;
	return 0;
}

int loop_add_stream(struct env_loop *loop, struct env_sock *sock, bool local)
{
	sock->state = SOCK_AWAITS_ROOM | (local ? SOCK_LOCAL : 0);
	return loop_add(loop, sock, STREAM_WRITES);
}

void loop_await_room(struct env_sock *sock)
{
	sock->state |= SOCK_AWAITS_ROOM;
	loop_modify(sock, STREAM_WRITES);
}

void loop_remove(struct env_sock *sock)
{
	struct env_loop *loop = sock->loop;
	for (int i = loop->batch_at + 1; i < loop->batch_count; i++)
		if (loop->events[i].data.ptr == sock)
			loop->events[i].data.ptr = NULL;
	struct epoll_event unused = {0};
	int r = epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, sock->fd, &unused);
	assert(r == 0);
	sock->loop = NULL;
	loop->socks--;
}
