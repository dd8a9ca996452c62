/**
 * internal.h - what the files of the real env share; nobody else includes it.
 */
#ifndef ENV_REAL_INTERNAL_H
#define ENV_REAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "env/env.h"
#include "env/timers.h"

struct log_ring;

struct env {
	atomic_uint_fast64_t rand_state;
	struct log_ring *log; /* NULL: a guest in somebody else's process */
};

/** Repeats a system call that a signal interrupted. */
#define RETRY(call)                               \
	({                                        \
		__typeof__(call) r_;              \
		do                                \
			r_ = (call);              \
		while (r_ < 0 && errno == EINTR); \
		r_;                               \
	})

/** A result as env.h gives it. */
static inline ssize_t result(ssize_t r)
{
	return r < 0 ? -errno : r;
}

/* ---- log -------------------------------------------------------------------------------------------------------- */

/** Starts the writer. Lines go to `fd`, which stays the caller's. */
struct log_ring *log_create(struct env *env, int fd);
/** Writes out what is left. */
void log_destroy(struct log_ring *log);

/* ---- inbox ------------------------------------------------------------------------------------------------------ */

struct env_inbox {
	pthread_mutex_t lock;
	pthread_cond_t arrived; /* for actors; on the monotonic clock */
	struct env_msg *first, **end;
	unsigned waiting; /* actors that sleep in `arrived` */
	bool waking;      /* one of them was signalled and has not come yet */
	int wake_fd;      /* the loop's eventfd; -1: taken from by actors */
	bool asleep;      /* the loop is in epoll_wait, or about to be, and nobody has signalled it */
};

void inbox_init(struct env_inbox *in, int wake_fd);
void inbox_fini(struct env_inbox *in);
/** The loop says that it will sleep. False, and it must not, when messages are there. */
bool inbox_sleep(struct env_inbox *in);
/** The loop is awake and takes what there is: oldest first, or NULL. */
struct env_msg *inbox_wake(struct env_inbox *in);

/* ---- loop ------------------------------------------------------------------------------------------------------- */

enum { LOOP_BATCH = 64 };

struct env_loop {
	struct env *env;
	struct env_loop_config config;
	char name[16];
	pthread_t thread;
	bool started, stopping;
	int epoll_fd, wake_fd;
	int timer_fd; /* 0: none; of a loop whose owner waits for env_real_loop_fd() */
	uint64_t now_us;
	size_t socks; /* registered now */
	struct timers timers;
	struct env_inbox inbox;
	int batch_at, batch_count; /* events[batch_at] is the one at work */
	struct epoll_event events[LOOP_BATCH];
};

/** Registers `sock` (fd and on_event set) for `events`. A negative errno value leaves it off the loop. */
int loop_add(struct env_loop *loop, struct env_sock *sock, uint32_t events);
/** A connection, as it is accepted, connected or attached: its state of readiness is reported. */
int loop_add_stream(struct env_loop *loop, struct env_sock *sock, bool local);
/** It had no room for all that was to be written: it is told when there is some. With room there again already, the
 *  kernel tells at once. */
void loop_await_room(struct env_sock *sock);
/** Takes it off: no event gathered already reaches it. The fd stays open. */
void loop_remove(struct env_sock *sock);

/** In env_sock.state. */
enum {
	SOCK_LOCAL = 1,       /* a Unix socket */
	SOCK_AWAITS_ROOM = 2, /* ENV_WRITABLE is owed */
	SOCK_READ_OUT = 4,    /* nothing is there to be read until the kernel tells */
	SOCK_HUNG_UP = 8,     /* the end of the stream, or an error, is there to be read */
};

/** Starts a named thread; its name is cut at 15 characters. */
int thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *arg), void *arg);

#endif
