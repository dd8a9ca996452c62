/**
 * conf.h - the conformance suite of kt.h: scenarios by its public calls alone, for every engine, in the real and the
 * simulated env.
 *
 * A scenario is a list of steps. Each step runs in a coroutine of a fresh server that has opened the store of the step
 * before: so engines that keep nothing run only conf_cases.
 */
#ifndef KT_CONF_H
#define KT_CONF_H

#include <stdio.h>

#include "kt/kt.h"

enum { CONF_LOG = 1, CONF_MAP = 2, CONF_WINDOW = 3, CONF_OTHER_LOG = 4, CONF_OTHER_MAP = 5, CONF_UNFOLLOWED = 6 };
extern const struct kt_space conf_spaces[];

struct conf {
	struct env *env;
	struct svr *svr;
	struct kt *kt;
	int (*open)(struct conf *c, char **ret_why);
	struct kt_config config;
	unsigned loops;
	uint64_t seed;
	char failure[512]; /* the first; empty: all is well */
	void *state;       /* of the scenario, from step to step; hy_alloc'd */
};

typedef void conf_step(struct conf *c, struct call *call);

struct conf_scenario {
	const char *name;
	conf_step *steps[8];
	bool tiny; /* budgets so small that keys leave memory all the time */
};
/** Of one step each. Both lists end with a NULL name. */
extern const struct conf_scenario conf_cases[];
/** Of several steps: not for engines that keep nothing. */
extern const struct conf_scenario conf_restart_cases[];

/** [blocks] Runs one scenario. False: c->failure says what went wrong. */
bool conf_run(struct conf *c, const struct conf_scenario *scenario);
/** [blocks] Runs one step on a fresh server over the store. */
bool conf_run_step(struct conf *c, conf_step *step);

int conf_open_mem(struct conf *c, char **ret_why);
int conf_open_sdb(struct conf *c, char **ret_why);

void conf_fail(struct conf *c, const char *file, int line, const char *what, long long got, long long want);
/** Notes the first failure and leaves the step. */
#define CHECK_EQ(c, got, want)                                                \
	do {                                                                  \
		long long got_ = (long long)(got), want_ = (long long)(want); \
		if (got_ != want_) {                                          \
			conf_fail(c, __FILE__, __LINE__, #got, got_, want_);  \
			return;                                               \
		}                                                             \
	} while (0)
#define CHECK(c, cond) CHECK_EQ(c, !!(cond), 1)

/* The calls of kt.h from any loop. */
int conf_write(struct conf *c, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count,
	struct kt_result *r);
int conf_write_lazily(
	struct conf *c, struct call *call, const struct hy_key *key, const struct kt_op *ops, size_t count);
int conf_row(struct conf *c, struct call *call, const struct hy_key *key, uint8_t space, struct hy_bytes name,
	struct kt_row *row);
int conf_rows(struct conf *c, struct call *call, const struct hy_key *key, const struct kt_place *places, size_t count,
	struct kt_row *rows);
int conf_changes(struct conf *c, struct call *call, const struct hy_key *key, uint8_t space, uint64_t since,
	struct kt_limits limits, struct kt_rows *rows);
int conf_range(struct conf *c, struct call *call, const struct hy_key *key, uint8_t space, struct hy_bytes after,
	struct kt_limits limits, struct kt_rows *rows);
int conf_head(struct conf *c, struct call *call, const struct hy_key *key, uint8_t space, struct kt_head *head);

/** Runs fn(c, call, index) in `count` coroutines spread over the loops, each with a call of its own, and waits for all.
 */
void conf_parallel(struct conf *c, struct call *call, unsigned count,
	void (*fn)(struct conf *c, struct call *call, unsigned index));
/** SUSPENDS. */
void conf_sleep_ms(struct call *call, uint64_t ms);
/** Waits until all that is durable has been moved, at most some seconds of the env's time. Engines that move nothing:
 * at once. */
void conf_wait_moved(struct conf *c, struct call *call);

/** The key of most scenarios. */
static inline const struct hy_key *ann(void)
{
	static const struct hy_key key = {5, {'u', 0, 0, 0, 42}};
	return &key;
}

#define ALL ((struct kt_limits){0})

/* Operations, short. */
#define B(text) hy_bytes_str(text)
#define OP_APPEND(v)                                             \
	{                                                        \
		.kind = KT_APPEND, .space = CONF_LOG, .value = v \
	}
#define OP_TRIM(v)                                               \
	{                                                        \
		.kind = KT_TRIM, .space = CONF_LOG, .version = v \
	}
#define OP_TRIM_MAP(v)                                           \
	{                                                        \
		.kind = KT_TRIM, .space = CONF_MAP, .version = v \
	}
#define OP_PUT(n, v)                                                     \
	{                                                                \
		.kind = KT_PUT, .space = CONF_MAP, .name = n, .value = v \
	}
#define OP_INSERT(n, v)                                                     \
	{                                                                   \
		.kind = KT_INSERT, .space = CONF_MAP, .name = n, .value = v \
	}
#define OP_DELETE(n)                                            \
	{                                                       \
		.kind = KT_DELETE, .space = CONF_MAP, .name = n \
	}
#define OP_WINDOW(n, v)                                                        \
	{                                                                      \
		.kind = KT_INSERT, .space = CONF_WINDOW, .name = n, .value = v \
	}
#define PLACES(...) (struct kt_place[]){__VA_ARGS__}, sizeof((struct kt_place[]){__VA_ARGS__}) / sizeof(struct kt_place)
#define OPS(...) (struct kt_op[]){__VA_ARGS__}, sizeof((struct kt_op[]){__VA_ARGS__}) / sizeof(struct kt_op)

/** A window name: a time and a number. */
struct conf_name {
	uint8_t bytes[16];
};
struct conf_name conf_window_name(uint64_t ms, uint64_t number);
#define NAME(n) hy_bytes((n).bytes, 16)

/** A pseudo-random stream of the scenario's own. */
uint64_t conf_rand(uint64_t *state);

void conf_random_start(struct conf *c, struct call *call);
void conf_random_go_on(struct conf *c, struct call *call);

#endif
