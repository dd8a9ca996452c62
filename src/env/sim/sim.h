/**
 * sim.h - the simulated world: many machines in one thread, virtual time, everything drawn from one seed.
 *
 * A simulation is a heap of events ordered by (time, number). Loops take turns, actors are fibers, and each seam call
 * of an actor that would block suspends it for a drawn time. The same seed gives the same trace, whichever compiler
 * built it.
 *
 * What may happen is written as prose at the top of sim_net.c, sim_disk.c and sim_clock.c. A machine that is killed
 * keeps only its disk: its heap (base/mem.h) is dropped in one stroke, its stacks are given up, its connections end.
 */
#ifndef ENV_SIM_H
#define ENV_SIM_H

#include "env/env.h"

struct sim;
struct sim_machine; /* a computer with a disk and an address; runs at most one process at a time */

/**
 * How likely faults are; each in 1/1000 unless said. sim_draw_faults() draws them swarm-style: most kinds are off in
 * most runs.
 */
struct sim_faults {
	/* network */
	unsigned net_slow;        /* a segment is delayed by a long tail (up to seconds) */
	unsigned net_reset;       /* a connection is reset at a write */
	unsigned net_half_open;   /* a connection goes silent in one or both directions without telling */
	unsigned net_refuse;      /* a connection attempt is refused */
	unsigned net_short;       /* reads and writes are cut short */
	unsigned net_dup_connect; /* a connection attempt succeeds late, after the client has given up */
	/* disk */
	unsigned disk_slow;     /* a call takes up to 500 ms */
	unsigned disk_sync_eio; /* a sync fails; the unsynced pages are in an unknown state */
	unsigned disk_enospc;   /* a write or allocation finds the disk full */
	/* clock and scheduling */
	unsigned clock_jump;      /* the wall clock jumps by up to an hour, per second of virtual time */
	unsigned clock_drift_ppm; /* each machine's monotonic clock runs off by up to this */
	unsigned pause;           /* a loop or actor stands still for up to 2 s, per second of virtual time */
	unsigned buggify;         /* chance that an env_buggify() site is active in this run; then fires 1 in 4 */
};

struct sim *sim_create(uint64_t seed);
/** Frees everything, machines included. */
void sim_destroy(struct sim *s);
/** Draws from the seed; the caller may change them at any time. */
void sim_draw_faults(struct sim *s);
struct sim_faults *sim_faults(struct sim *s);

/** `ip` like "10.0.0.1". The machine is off. */
struct sim_machine *sim_machine_create(struct sim *s, const char *name, const char *ip);
/**
 * Starts a process on it: `main_fn(env, arg)` runs as an actor; the process ends when it returns. Its env lives until
 * then.
 */
void sim_machine_start(struct sim_machine *m, void (*main_fn)(struct env *env, void *arg), void *arg);
/** kill -9: the process is gone, the page cache stays. Harmless when off. */
void sim_machine_kill(struct sim_machine *m);
/**
 * The power goes: kill, and what was not synced is lost or torn, 4 KiB pages (and creations, renames, sizes) each by
 * chance.
 */
void sim_machine_power_cut(struct sim_machine *m);
/** As env_wait_terminate() of its process returning: a clean end begins. */
void sim_machine_terminate(struct sim_machine *m);
bool sim_machine_running(const struct sim_machine *m);
/** Bytes the disk holds at most; default 1 GiB. */
void sim_machine_set_disk(struct sim_machine *m, uint64_t bytes);
/** Flips one byte of a file on its disk, also in what was synced. For tests of damage. -ENOENT, -ERANGE. */
int sim_machine_damage(struct sim_machine *m, const char *path, uint64_t offset);
/**
 * State that a double of some on-disk library (RocksDB) keeps with the machine's disk: created once by `name` with a
 * destructor.
 */
void *sim_machine_attachment(
	struct sim_machine *m, const char *name, void *(*create)(void *arg), void (*destroy)(void *p), void *arg);
struct sim_machine *sim_env_machine(struct env *env);
struct sim *sim_machine_sim(struct sim_machine *m);
/**
 * Between the two, memory comes from outside of every simulated heap, whoever runs: for doubles and checkers whose
 * state outlives the process that calls them. (hy_free and hy_realloc know where a block came from and need neither.)
 */
void *sim_outside_begin(void);
void sim_outside_end(void *before);
/** Blocks that the running process holds; 0 when off. */
size_t sim_machine_heap_blocks(const struct sim_machine *m);
/**
 * What the last process whose main_fn returned had not given back: blocks, actors, loops, files, sockets. 0 after a
 * clean end.
 */
size_t sim_machine_left_behind(const struct sim_machine *m);
/**
 * Called at each kill and power cut of the machine, before its heap goes: for such doubles. Outside every simulated
 * heap.
 */
void sim_machine_on_death(struct sim_machine *m, void (*fn)(void *arg, bool power_cut), void *arg);

/** Cuts what flows from `from` to `to` (one way), or heals it. New connections then time out. */
void sim_cut(struct sim *s, struct sim_machine *from, struct sim_machine *to, bool cut);
/** Ends every connection between the two, with a reset that either side may or may not see. */
void sim_reset_links(struct sim *s, struct sim_machine *a, struct sim_machine *b);

/** Calls fn(arg) at now + `us`, in no machine (for fault plans). */
void sim_after(struct sim *s, uint64_t us, void (*fn)(void *arg), void *arg);
/** Runs until `stop()` is true, no event is left, or virtual time passes `until_us`. False in the last case. */
bool sim_run(struct sim *s, uint64_t until_us, bool (*stop)(void *arg), void *arg);
uint64_t sim_now_us(const struct sim *s);

/** The seed's generator, for workloads and fault plans: one call per expression (X4). */
uint64_t sim_rand(struct sim *s);
uint64_t sim_range(struct sim *s, uint64_t lo, uint64_t hi); /* both ends included */
bool sim_chance(struct sim *s, unsigned per_mille);

/** Folds into the trace hash; every event does so by itself. No pointers, no real time. */
void sim_trace(struct sim *s, uint64_t a, uint64_t b);
uint64_t sim_trace_hash(const struct sim *s);
uint64_t sim_events(const struct sim *s);
/** Marks seen so far, by name, in the order first seen. */
void sim_marks_each(const struct sim *s, void (*fn)(void *arg, const char *name, uint64_t count), void *arg);
/** Log lines of all machines go to `fn` (default: dropped). */
void sim_on_log(struct sim *s,
	void (*fn)(void *arg, uint64_t now_us, const char *machine, enum env_log_level level, const char *line),
	void *arg);

#endif
