/**
 * load.h - what the message benchmarks share: a server process on one core, links that load it from the other, and
 * figures.
 *
 * Benchmarks are no part of the server: they use system calls directly and end the process on any error.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <protobuf-c/protobuf-c.h>
#include <sys/types.h>

#include "base/buf.h"
#include "mars_frame.h"

/* ---- the server -------------------------------------------------------------------------------------------------- */

struct load_server {
	pid_t pid;
	char dir[256]; /* its data folder, made for this run */
	char program[512];
	uint16_t port;
};

/**
 * Starts `hongyan serve` on core 0 with a new data folder and these further options (ended by NULL), and waits until it
 * is ready.
 */
void load_server_start(struct load_server *s, const char *const *options);
/** SIGTERM and wait; the folder stays, for load_server_start_again(). */
void load_server_stop(struct load_server *s);
void load_server_start_again(struct load_server *s, const char *const *options);
/** Removes the folder. */
void load_server_remove(struct load_server *s);

struct load_cpu {
	double all_us;   /* the whole process */
	double loops_us; /* event loops and committer */
};
struct load_cpu load_server_cpu(const struct load_server *s);
/** A value by its name in `hongyan mon --once`; gauges are a second old. */
uint64_t load_server_stat(const struct load_server *s, const char *name);

/* ---- links ------------------------------------------------------------------------------------------------------- */

struct load;

struct load_link {
	struct load *load;
	int fd;
	uint32_t next_seq;
	struct hy_buf in, out;
	bool flush_queued;
	struct load_link *next_flush;
	/** Every frame that comes. */
	void (*on_frame)(struct load_link *l, const struct mars_frame *f);
	void *user;
};

struct load {
	int epoll;
	uint16_t port;
	struct load_link *flush;
	uint64_t now_us;
};

void load_init(struct load *load, uint16_t port);
struct load_link *load_link_open(struct load *load);
void load_link_close(struct load_link *l);
/** Appends a frame; what one turn appends is written at its end. Returns the seq it was given. */
uint32_t load_send(struct load_link *l, uint32_t cmd, const ProtobufCMessage *body);
void load_send_packed(struct load_link *l, uint32_t cmd, uint32_t seq, const void *body, size_t len);
/** One turn: waits at most `timeout_ms`. */
void load_turn(struct load *load, int timeout_ms);
/** Sends and turns until the answer is there; `out` gets its body. */
void load_ask(struct load_link *l, uint32_t cmd, const ProtobufCMessage *body, struct hy_buf *out);

/* ---- people ------------------------------------------------------------------------------------------------------ */

struct load_person {
	uint32_t uin;
	uint8_t ticket[36];
};
/** Registers PREFIX-0 to PREFIX-(count - 1), many at once. */
void load_register_many(struct load *load, const char *prefix, struct load_person *people, unsigned count);

struct load_contact {
	const struct load_person *asks, *accepts;
};
/** Requests, then acceptances, many at once: afterwards they may write to each other. */
void load_make_contacts(struct load *load, const struct load_contact *contacts, unsigned count);

/** A link that has identified itself. */
struct load_link *load_link_enter(struct load *load, const struct load_person *who);

uint64_t load_now_us(void);
uint64_t load_wall_ms(void);
uint64_t load_random(void);

/* ---- figures ----------------------------------------------------------------------------------------------------- */

/** Latencies in microseconds: 16 linear steps for each power of two. */
struct load_histogram {
	uint64_t buckets[64 * 16], count;
};
void load_histogram_add(struct load_histogram *h, uint64_t us);
uint64_t load_histogram_quantile(const struct load_histogram *h, double q);

/**
 * The yardstick: a bare epoll server that parses each frame's head, appends the body to a file, and answers all of a
 * turn after one fdatasync; `connections` links, `window` frames of `body` bytes in flight on each, for `seconds`. CPU
 * of that server per frame.
 */
struct load_yardstick {
	double cpu_us_per_op, ops_per_s;
};
struct load_yardstick load_yardstick(unsigned connections, unsigned window, size_t body, unsigned seconds);

#endif
