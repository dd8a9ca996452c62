/**
 * env.h - the seam (idea 6): clock, randomness, network, files and threads, and nothing of the product.
 *
 * Chosen when a program is linked: env/real (epoll, POSIX, threads) or env/sim (one thread, virtual time, faults drawn
 * from a seed). Code above this folder makes no system call that this header stands for; script/lint checks it.
 *
 * Two kinds of threads of control:
 *   loop   handles events, never blocks. A thread with epoll; in the simulation a series of turns.
 *   actor  a plain function that may block: committer, mover, pool, log writer. A thread; in the simulation a fiber.
 * They talk by messages put into inboxes, never by shared data: a message is handed over with all that it points to.
 * Calls marked [blocks] are for actors alone.
 *
 * Errors: 0 or a negative errno value, as the system calls give them.
 */
#ifndef ENV_H
#define ENV_H

#include <errno.h>
#include <stdarg.h>
#include <sys/uio.h>

#include "base/base.h"

/** One process: real, or simulated (then many live in one real process). */
struct env;

/* ---- clock, randomness ---------------------------------------------------------------------------------------- */

/** Never goes back; counts from an arbitrary point. */
uint64_t env_mono_us(struct env *env);
/** Unix time; may jump. For time stamps and for what people are told. */
uint64_t env_wall_ms(struct env *env);
/** Unpredictable bytes (getrandom), fit for secrets. In the simulation from the seed. */
void env_random(struct env *env, void *p, size_t len);
/** Cheap pseudo-random number for jitter and hash seeds; seeded by env_random. Any thread. */
uint64_t env_rand64(struct env *env);
/** CPU time this process has used so far, all threads, microseconds. 0 in the simulation. */
uint64_t env_cpu_us(struct env *env);

/* ---- what the simulation wants to know: all of these cost next to nothing in the real env ----------------------- */

/** "This rare path was taken": a sweep fails when a mark that it expects was never seen. `name`: a string constant. */
void env_mark(struct env *env, const char *name);
/**
 * True now and then, by the seed, in the simulation: take the rare but legal path (a short read, a tiny batch). Else
 * false.
 */
bool env_buggify(struct env *env, const char *name);

/* ---- log lines -------------------------------------------------------------------------------------------------- */

enum env_log_level { ENV_LOG_DEBUG, ENV_LOG_INFO, ENV_LOG_WARN, ENV_LOG_ERROR };

/**
 * One line for the operator: time, level, room ("kt", "access"), trace ID (0: none), text. Never blocks: lines pass a
 * ring to a writer thread and are dropped, counted, when it is full (X5). Control characters in the text are escaped.
 */
void env_log(struct env *env, enum env_log_level level, const char *room, uint64_t trace, const char *fmt, ...)
	HY_PRINTF(5, 6);
void env_log_set_level(struct env *env, enum env_log_level level);
/** Lines dropped so far. */
uint64_t env_log_dropped(struct env *env);

/* ---- messages and inboxes --------------------------------------------------------------------------------------- */

/** Embedded in what is sent. `fn` is what a loop runs on receipt; actors may use it in any way. */
struct env_msg {
	struct env_msg *next;
	void (*fn)(struct env_msg *msg);
};

/** Many senders; one loop, or any number of actors that each take. Arrival order is one total order per inbox. */
struct env_inbox;

struct env_inbox *env_inbox_create(struct env *env);
/** Nobody may use it any more; messages inside are forgotten, not freed. */
void env_inbox_destroy(struct env_inbox *in);
/** Any thread. Takes a chain first..last (linked by next); wakes the owner at most once for it (X2). */
void env_inbox_post_list(struct env_inbox *in, struct env_msg *first, struct env_msg *last);
static inline void env_inbox_post(struct env_inbox *in, struct env_msg *msg)
{
	env_inbox_post_list(in, msg, msg);
}
/** [blocks] One message, or NULL at `deadline_us` (monotonic; UINT64_MAX: never; 0: do not wait). */
struct env_msg *env_inbox_take(struct env_inbox *in, uint64_t deadline_us);
/** [blocks] All messages there are, oldest first, linked by next; as above. */
struct env_msg *env_inbox_take_all(struct env_inbox *in, uint64_t deadline_us);

/* ---- actors ----------------------------------------------------------------------------------------------------- */

struct env_actor;

/** Runs `fn(arg)` beside the caller. `name` (at most 15 characters) shows in `top -H`. */
int env_actor_start(struct env *env, const char *name, void (*fn)(void *arg), void *arg, struct env_actor **ret_actor);
/** [blocks] Waits for its end and frees it. */
void env_actor_join(struct env_actor *actor);
/** [blocks] */
void env_sleep_us(struct env *env, uint64_t us);
/** [blocks] Until the operator asks the process to end (SIGTERM, SIGINT). */
void env_wait_terminate(struct env *env);

/* ---- loops and timers ------------------------------------------------------------------------------------------- */

struct env_loop;

struct env_loop_config {
	const char *name; /* at most 15 characters */
	/** Runs at the end of each turn, before the loop waits: write out what was gathered. May be NULL. */
	void (*turn_end)(void *arg);
	void *arg;
};

/** Created stopped: sockets, timers and messages may be set up by the caller until env_loop_start(). */
int env_loop_create(struct env *env, const struct env_loop_config *config, struct env_loop **ret_loop);
int env_loop_start(struct env_loop *loop);
/** From the loop itself: no further turn after this one. */
void env_loop_stop(struct env_loop *loop);
/** [blocks] Waits for the end of its last turn; frees it. Its sockets must be closed and timers cancelled before. */
void env_loop_join(struct env_loop *loop);
/** The loop runs msg->fn(msg) for each message posted here. */
struct env_inbox *env_loop_inbox(struct env_loop *loop);
/** The time at which this turn began: what all code on a loop uses. */
uint64_t env_loop_now_us(const struct env_loop *loop);
struct env *env_loop_env(const struct env_loop *loop);

struct env_timer {
	uint64_t at_us;
	void (*fn)(struct env_timer *timer);
	uint32_t slot; /* 0: not set. The rest is the loop's. */
};

/** On the loop's own thread, as all below. Sets or moves a timer; it fires once, at `at_us` or later. */
void env_timer_set(struct env_loop *loop, struct env_timer *timer, uint64_t at_us);
/** Harmless when it is not set. */
void env_timer_cancel(struct env_loop *loop, struct env_timer *timer);
static inline bool env_timer_is_set(const struct env_timer *timer)
{
	return timer->slot != 0;
}

/* ---- network: byte streams, never blocking ---------------------------------------------------------------------- */

/** IPv4, IPv6 or a Unix socket's path. */
struct env_addr {
	uint16_t family; /* AF_INET, AF_INET6, AF_UNIX; 0: none */
	uint16_t port;   /* host order */
	union {
		uint8_t ip[16]; /* IPv4 in the first four bytes; v4-mapped IPv6 is turned into IPv4 */
		char path[108];
	};
};

/** "127.0.0.1:7600", "[::1]:7600", "*:7600" (all IPv6 and IPv4), "unix:/run/x.sock". No name look-up. -EINVAL. */
int env_addr_parse(const char *text, struct env_addr *ret_addr) HY_MUST_USE;
/** The opposite, into `text` (at least 128 bytes). Returns text. */
char *env_addr_text(const struct env_addr *addr, char *text, size_t size);
bool env_addr_is_loopback(const struct env_addr *addr);

enum { ENV_READABLE = 1, ENV_WRITABLE = 2 };

/**
 * A socket, embedded in the caller's struct. Events are edge-triggered: after ENV_READABLE, read until -EAGAIN (or
 * remember that you did not); the same for ENV_WRITABLE. Errors and hang-ups show as readable: the next env_recv tells.
 * ENV_WRITABLE comes when a connection attempt has ended, once after an accept or an attach, and when there is room
 * again after an env_sendv() that took less than it was given. No event comes for a socket that was closed, not even
 * one gathered in the same turn; closing inside on_event is fine.
 */
struct env_sock {
	struct env_loop *loop; /* NULL: closed or detached */
	void (*on_event)(struct env_sock *sock, unsigned events);
	int fd;        /* the env's; -1 once closed. A zeroed struct was never opened. */
	uint8_t state; /* the env's */
};

/** A listening socket: opened once, attached to as many loops as shall accept from it. */
struct env_listener;

/** -EADDRINUSE when any process listens there. A stale Unix socket file is replaced; a live one is not. */
int env_listen(struct env *env, const struct env_addr *addr, struct env_listener **ret_listener);
/** The address really bound (port 0 gives one that is free). */
void env_listener_addr(const struct env_listener *l, struct env_addr *ret_addr);
/** ENV_READABLE on `sock` then means: call env_accept() until -EAGAIN. Each connection goes to one of the loops. */
int env_listener_attach(struct env_listener *l, struct env_loop *loop, struct env_sock *sock);
/** After its attached socks are closed. */
void env_listener_close(struct env_listener *l);

/** `sock->on_event` must be set. -EAGAIN: none is waiting; -EMFILE: too many files, accept no more for a while (X2). */
int env_accept(struct env_sock *listening, struct env_sock *sock, struct env_addr *ret_peer);
/** Starts to connect; ENV_WRITABLE or ENV_READABLE tells that it ended, env_sock_error() how. */
int env_connect(struct env_loop *loop, const struct env_addr *addr, struct env_sock *sock);
/** 0 or the pending error. */
int env_sock_error(struct env_sock *sock);
/** Bytes read, 0 at the end of the stream, or a negative errno value (-EAGAIN: no more now). */
ssize_t env_recv(struct env_sock *sock, void *p, size_t len);
/** Bytes taken, perhaps fewer than given, or a negative errno value. Never raises SIGPIPE. */
ssize_t env_sendv(struct env_sock *sock, const struct iovec *iov, int count);
/** Attached or detached, from the process's own threads; harmless when closed, or never opened. */
void env_sock_close(struct env_sock *sock);
/**
 * Takes the socket off its loop, keeping the connection; the struct may then be copied elsewhere, and the copy is the
 * socket from then on: only one of the two may be attached, or closed.
 */
void env_sock_detach(struct env_sock *sock);
/**
 * Puts a detached socket on `loop` (from that loop's thread); the state of readiness is reported anew. After an error
 * it is still detached.
 */
int env_sock_attach(struct env_sock *sock, struct env_loop *loop);

/* ---- files: all of these [block] -------------------------------------------------------------------------------- */

struct env_file;

enum {
	ENV_OPEN_READ = 0,
	ENV_OPEN_WRITE = 1,  /* read and write */
	ENV_OPEN_CREATE = 2, /* with WRITE: create if missing, mode 0600 */
	ENV_OPEN_EXCL = 4,   /* with CREATE: -EEXIST if it is there */
};

int env_file_open(struct env *env, const char *path, unsigned flags, struct env_file **ret_file);
void env_file_close(struct env_file *f); /* NULL is fine */
/** Bytes read; fewer than `len` only at the end of the file. */
ssize_t env_file_pread(struct env_file *f, void *p, size_t len, uint64_t offset);
/** All of it (0) or an error; after an error an unknown part may have been written. */
int env_file_pwritev(struct env_file *f, const struct iovec *iov, int count, uint64_t offset);
/**
 * fdatasync: data, and the size as far as it is needed to read them. After an error the outcome is unknown for good
 * (S8).
 */
int env_file_sync(struct env_file *f);
int env_file_size(struct env_file *f, uint64_t *ret_size);
int env_file_truncate(struct env_file *f, uint64_t size);
/**
 * Gives the file blocks for its first `size` bytes, so that later writes there need no new ones. It is then at least
 * that
 *  long, with zeros where nothing was written. */
int env_file_allocate(struct env_file *f, uint64_t size);
/** One holder in the world; -EWOULDBLOCK when another process holds it. Ends with the process or on close. */
int env_file_lock(struct env_file *f);

int env_rename(struct env *env, const char *from, const char *to);
int env_unlink(struct env *env, const char *path);
/** A folder that is empty; else -ENOTEMPTY. */
int env_rmdir(struct env *env, const char *path);
/** Mode 0700; 0 if it is there already. */
int env_mkdir(struct env *env, const char *path);
/** Makes creations, renames and removals in the folder last. */
int env_dir_sync(struct env *env, const char *path);
/** Calls `fn` for each name but "." and "..", in byte order. */
int env_dir_list(struct env *env, const char *path, void (*fn)(void *arg, const char *name), void *arg);
/** Bytes that an ordinary user may still write on the file system of `path`. */
int env_disk_free(struct env *env, const char *path, uint64_t *ret_bytes);
/** A whole small file (secrets, settings): at most `limit` bytes, else -EFBIG. hy_alloc'd, with a NUL behind. */
int env_file_read_all(struct env *env, const char *path, size_t limit, char **ret_text, size_t *ret_len);
/** Atomic and lasting: a temporary file, synced, renamed, the folder synced. Mode 0600. */
int env_file_write_all(struct env *env, const char *path, const void *p, size_t len);

/* ---- memory that other processes can look into ------------------------------------------------------------------ */

struct env_shared;

/**
 * `size` bytes, zeroed, that become a file: whoever opens it sees each store at once, and what was stored stays when
 * the process dies (not when the machine does). The disk's blocks are given at once, so that no store can fail later.
 * Nobody finds it under `path` before env_shared_show(); until then it is at PATH.new. The file is locked as by
 * env_file_lock() as long as the process lives. In the simulation: plain memory, and no file. [blocks]
 */
int env_shared_create(struct env *env, const char *path, size_t size, struct env_shared **ret_shared);
void *env_shared_data(const struct env_shared *s);
/** Puts it in the place of what is at `path`; who has that open keeps it. [blocks] */
int env_shared_show(struct env_shared *s);
/** The file stays, if it was shown. NULL is fine. [blocks] */
void env_shared_destroy(struct env_shared *s);

/* ---- the process itself ----------------------------------------------------------------------------------------- */

unsigned env_process_id(struct env *env);
/** Resident memory. 0 in the simulation. [blocks] */
uint64_t env_memory_bytes(struct env *env);
/** Files open now. Takes a microsecond for each on kernels before 6.2. 0 in the simulation. [blocks] */
uint64_t env_files_open(struct env *env);
/** How many may be. 0 in the simulation. */
uint64_t env_files_max(struct env *env);

/* ---- limits ----------------------------------------------------------------------------------------------------- */

/** Raises the soft file limit to the hard one (X2) and tells how many files may be open. */
uint64_t env_raise_file_limit(struct env *env);
unsigned env_cpu_count(struct env *env);
/**
 * No image of this process's memory, with all its secrets, is written when it dies, to a file or a pipe: the limit of
 * core files becomes 0, and the process not dumpable. Only root's debuggers and profilers work then.
 */
void env_no_core_dumps(struct env *env);

#endif
