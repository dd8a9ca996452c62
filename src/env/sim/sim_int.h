/**
 * sim_int.h - what the files of the simulation share.
 *
 * Lifetimes: a `struct sim` outlives its machines, a machine its processes. A `struct env` stays, dead, until the
 * simulation ends, so that events of a dead process can be told apart; everything else of a process goes with it. What
 * the simulation itself keeps lies in sim->heap, never in a process's.
 */
#ifndef ENV_SIM_INT_H
#define ENV_SIM_INT_H

#include "base/buf.h"
#include "base/list.h"
#include "env/fiber.h"
#include "env/sim/sim.h"
#include "env/sim/sim_mem.h"
#include "env/timers.h"

#define SEC_US 1000000ull

/** What an event is, for the trace: numbers stay the same in every build. */
enum sim_event_kind {
	SIM_EV_CALL = 1,
	SIM_EV_ACTOR,
	SIM_EV_TURN,
	SIM_EV_KILL,
	SIM_EV_SYN,
	SIM_EV_SYN_ANSWER,
	SIM_EV_SEGMENT,
	SIM_EV_RTO,
	SIM_EV_RESET,
	SIM_EV_SILENCE,
};

typedef void sim_event_fn(struct sim *s, void *p, uint64_t a);

struct sim_event {
	uint64_t at, seq;
	sim_event_fn *fn;
	void *p;
	uint64_t a;
	struct env *owner; /* NULL: the world's; else it is skipped when that process is dead */
	enum sim_event_kind kind;
};

struct sim_mark {
	const char *name;
	uint64_t count;
	bool drawn, active; /* of a buggify site */
};

struct sim_marks {
	struct sim_mark *items;
	size_t count, cap;
};

struct sim {
	struct sim_heap heap;
	uint64_t rng[4];
	uint64_t now, event_seq, event_count, trace;
	struct sim_event *events;
	size_t event_len, event_cap;
	struct sim_faults faults;
	struct hy_link machines;
	uint32_t machine_count;
	struct hy_link conns;
	bool *cuts; /* machine_count squared: [from * machine_count + to] */
	struct sim_marks marks, sites;
	void (*log_fn)(void *arg, uint64_t now_us, const char *machine, enum env_log_level level, const char *line);
	void *log_arg;
	/* who runs now */
	struct fiber fiber; /* the thread */
	struct fiber_stacks *stacks;
	struct env_actor *actor;
	struct env_loop *loop;
	struct env *running;
};

struct sim_clock {
	uint64_t boot_at, mono_base; /* virtual time of the last boot, and what the monotonic clock said then */
	int32_t ppm;
	int64_t wall_offset_us;
	uint64_t wall_checked_s; /* jumps were drawn up to this second */
};

struct sim_death {
	struct sim_death *next;
	void (*fn)(void *arg, bool power_cut);
	void *arg;
};

struct sim_attachment {
	struct sim_attachment *next;
	char *name;
	void *p;
	void (*destroy)(void *p);
};

struct sim_machine {
	struct hy_link link;
	struct sim *sim;
	uint32_t id; /* from 0, in order of creation */
	char name[32];
	struct env_addr addr; /* port 0 */
	bool powered;         /* the kernel runs: it answers, if only with a reset */
	struct env *env;      /* the process, or NULL */
	struct sim_clock clock;
	struct sim_disk *disk;
	struct hy_link listeners;
	uint16_t next_port;
	struct sim_death *deaths;
	struct sim_attachment *attachments;
	size_t left_behind;
};

struct env {
	struct sim_machine *machine;
	struct sim *sim;
	struct sim_heap heap;
	bool alive, terminating;
	enum env_log_level log_level;
	unsigned cpu_count;
	struct env_actor *main;
	struct hy_link actors, loops, files, listeners; /* listeners: also those in machine->listeners */
	struct hy_link terminate_waiters;
	struct sim_end **fds;
	unsigned fd_count, fd_cap, fd_lowest;
};

/* ---- sim.c ----------------------------------------------------------------------------------------------------- */

void sim_push(
	struct sim *s, uint64_t at, enum sim_event_kind kind, sim_event_fn *fn, void *p, uint64_t a, struct env *owner);
/** Numbers from 1 upwards, small ones far likelier: a long tail up to `max`. */
uint64_t sim_tail(struct sim *s, uint64_t max);
/** The simulation's own buggify: sites in the env. */
bool sim_buggify(struct sim *s, const char *name);
/** How long it takes until a loop or an actor that was woken runs. */
uint64_t sim_wake_delay(struct sim *s);

/* ---- sim_clock.c ----------------------------------------------------------------------------------------------- */

void sim_clock_boot(struct sim_machine *m);
uint64_t sim_mono(const struct sim_machine *m);
/** The earliest virtual time at which the machine's monotonic clock has reached `mono_us`. */
uint64_t sim_time_of_mono(const struct sim_machine *m, uint64_t mono_us);
/** A standstill: how long, or 0. `checked_s` is the second up to which this loop or actor was asked. */
uint64_t sim_pause(struct sim *s, uint64_t *checked_s);

/* ---- sim_actor.c ----------------------------------------------------------------------------------------------- */

struct env_actor {
	struct hy_link link;   /* env->actors */
	struct hy_link waiter; /* where it waits to be woken, or in no list */
	struct env *env;
	struct fiber fiber;
	void *stack;
	void (*fn)(void *arg);
	void *arg;
	char name[16];
	uint64_t wait_number; /* events that wake it carry it: an older one comes too late */
	uint64_t pause_checked_s;
	unsigned events;
	bool done, joined;
	struct env_actor *joiner;
};

struct env_actor *sim_actor_new(struct env *env, const char *name, void (*fn)(void *arg), void *arg);
/** The actor that runs now; ends the test if a loop makes a call that blocks. */
struct env_actor *sim_actor_here(struct env *env);
/** Stands still until sim_actor_wake(). */
void sim_actor_wait(struct env_actor *a);
void sim_actor_wake(struct env_actor *a);
void sim_actor_wake_at(struct env_actor *a, uint64_t at);
/** A blocking call takes this long. */
void sim_block(struct env *env, uint64_t us);
/** sim_machine.c: the main actor has returned. */
void sim_process_returned(struct env *env);
/** Gives up the stacks of a dead process. */
void sim_actors_abandon(struct env *env);

/* ---- sim_loop.c ------------------------------------------------------------------------------------------------ */

struct env_inbox {
	struct env *env;
	struct env_loop *loop; /* NULL: actors take from it */
	struct env_msg *first, *last;
	struct hy_link waiters;
};

struct sim_ready {
	struct sim_end **ends;
	size_t count, cap;
};

struct env_loop {
	struct hy_link link;
	struct env *env;
	struct env_loop_config config;
	char name[16];
	struct env_inbox inbox;
	struct timers timers;
	struct sim_ready ready[2]; /* [0] gathered for the next turn, [1] of this one */
	bool started, stopping, ended, joined, in_turn, poked;
	uint64_t now_us, turn_at, turn_number, pause_checked_s;
	unsigned events, sock_count;
	struct env_actor *joiner;
};

/** Something is there for the loop: a turn soon. */
void sim_loop_poke(struct env_loop *loop);
void sim_loop_ready_add(struct env_loop *loop, struct sim_end *end);
void sim_loop_ready_remove(struct env_loop *loop, struct sim_end *end);
/** Frees all loops of a dead process. */
void sim_loops_abandon(struct env *env);

/* ---- sim_net.c, sim_stream.c ----------------------------------------------------------------------------------- */

/** One end of a connection, or a listener's place on a loop (then conn is NULL). */
struct sim_end {
	struct sim_conn *conn;
	struct env_listener *listener;
	struct sim_machine *machine;
	struct env *env; /* NULL: the process has closed it, or is gone */
	struct env_loop *loop;
	struct env_sock *sock; /* NULL: detached, or not yet accepted */
	int fd;
	unsigned events;
	uint8_t ready_list; /* 0: in none; else the index in loop->ready, plus 1 */
	uint32_t ready_index;
	struct hy_link listener_link;
	struct env_addr addr;
	/* incoming */
	struct hy_buf in;
	bool in_end; /* a FIN came */
	int err;     /* to be told once */
	bool dead;   /* reset or timed out: nothing goes or comes any more */
	/* outgoing */
	struct hy_buf out;
	size_t unacked;  /* arrived, but the sender does not know */
	bool connecting; /* the answer to our SYN has not come */
	bool closed;     /* by its process */
	bool flowing;    /* a segment is on its way */
	bool end_due, end_sent;
	bool silent; /* what it sends is lost, for ever */
	bool want_write;
	bool rto_armed;
	uint64_t rto_number;
};

struct sim_conn {
	struct hy_link link;
	struct sim *sim;
	struct sim_end end[2]; /* [0] the one who connected */
	bool local;            /* within one machine */
	size_t send_max, recv_max;
	unsigned events;
};

static inline struct sim_end *sim_peer(struct sim_end *e)
{
	return &e->conn->end[e == &e->conn->end[0]];
}

struct env_listener {
	struct hy_link link;         /* env->listeners */
	struct hy_link machine_link; /* machine->listeners */
	struct env *env;
	struct env_addr addr;
	struct hy_link ends;
	unsigned end_count;
	struct sim_end **backlog;
	size_t backlog_count;
};

enum { SIM_BACKLOG_MAX = 128, SIM_FD_FIRST = 3, SIM_FD_MAX = 20000 };

bool sim_blocked(const struct sim *s, const struct sim_machine *from, const struct sim_machine *to);
/** How long a segment is on its way. */
uint64_t sim_net_delay(struct sim *s, const struct sim_conn *c);
struct sim_conn *sim_conn_new(struct sim *s, bool local);
void sim_conn_push(struct sim_conn *c, uint64_t at, enum sim_event_kind kind, sim_event_fn *fn, void *p, uint64_t a);
/** At the end of an event's handler: the connection may be freed by it. */
void sim_conn_event_done(struct sim_conn *c);
/** Frees it when nobody needs it. */
void sim_conn_check(struct sim_conn *c);
/** Sends what there is, when it may. */
void sim_flow(struct sim_end *e, uint64_t extra_us);
/** Tells the end's loop. */
void sim_end_notify(struct sim_end *e, unsigned events);
/** As after adding to epoll: tells what is possible now. */
void sim_end_report(struct sim_end *e);
/** The end learns of a reset, now. */
void sim_end_fail(struct sim_end *e, int err);
/** A reset travels from `e` to its peer. */
void sim_send_reset(struct sim_end *e);
/** The process closes it, or the kernel does for a dead one. */
void sim_end_close(struct sim_end *e);
int sim_fd_take(struct env *env, struct sim_end *e);
void sim_fd_release(struct sim_end *e);
struct sim_end *sim_end_of(const struct env_sock *sock);
/** What closing says to the other side. */
void sim_stream_close(struct sim_end *e);
/** Something between this end and its peer was healed. */
void sim_end_healed(struct sim_end *e);
/**
 * Events: the answer to a connection attempt (0 or an error); a connection goes silent (bit 0: from `p`, bit 1: to
 * it).
 */
void sim_syn_answer(struct sim *s, void *p, uint64_t err);
void sim_silence(struct sim *s, void *p, uint64_t directions);
/** A process is gone; with `power_cut` nobody is told. */
void sim_net_process_gone(struct env *env, bool power_cut);
/** The machine answers again. */
void sim_net_powered(struct sim_machine *m);

/* ---- sim_disk.c, sim_inode.c, sim_names.c ---------------------------------------------------------------------- */

struct sim_disk *sim_disk_new(struct sim_machine *m);
/** Locks and open files of a dead process. */
void sim_disk_process_gone(struct env *env);
void sim_disk_power_cut(struct sim_disk *d);
void sim_disk_set_size(struct sim_disk *d, uint64_t bytes);
int sim_disk_damage(struct sim_disk *d, const char *path, uint64_t offset);

#endif
