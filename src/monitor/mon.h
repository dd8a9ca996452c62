/**
 * mon.h - ID-Value monitoring: two calls, set and add, on shared memory.
 *
 * One table declares all IDs. Each loop or actor writes to a strip of its own, so an add is one plain addition; reading
 * sums the strips. The memory can be a file in the data folder (mon_publish()), mapped shared: `hongyan mon` reads it
 * from another process while the server runs, and as it was left when the server was killed. How the file looks stands
 * in mon_file.h, who reads it in mon_view.h.
 */
#ifndef MON_H
#define MON_H

#include <stdint.h>

#include "base/base.h"

/* counters: name, what it counts */
#define MON_MAP(X)                                                              \
	X(links_opened, "long links accepted")                                  \
	X(links_closed, "long links ended")                                     \
	X(links_refused, "connections closed at a cap")                         \
	X(websockets_opened, "long links by WebSocket accepted")                \
	X(websockets_refused, "handshakes of WebSocket links refused")          \
	X(origins_refused, "of those, for the page's origin")                   \
	X(pages_refused, "short-link requests refused for the page's origin")   \
	X(websocket_errors, "WebSocket links ended for breaking its rules")     \
	X(http_requests, "short-link requests")                                 \
	X(page_requests, "requests for /healthz, /metrics, /server.json")       \
	X(file_requests, "requests for files of the page")                      \
	X(files_unchanged, "such requests of those who had the file already")   \
	X(frames_in, "long-link frames received")                               \
	X(frames_bad, "connections ended for malformed bytes")                  \
	X(requests_refused, "requests refused because too many were in work")   \
	X(hints_sent, "push hints written to links")                            \
	X(hints_dropped, "push hints dropped for slow readers")                 \
	X(links_dropped_slow, "links ended for slow readers")                   \
	X(links_moved, "links moved to their user's loop")                      \
	X(hops, "calls that went to another loop")                              \
	X(registered, "accounts registered")                                    \
	X(deleted, "accounts deleted")                                          \
	X(registrations_lost, "registrations undone: another got the name")     \
	X(sign_ins, "sign-ins")                                                 \
	X(sign_in_failures, "sign-ins refused")                                 \
	X(limited_sends, "sends refused by a rate limit")                       \
	X(limited_searches, "searches refused by a rate limit")                 \
	X(limited_asks, "contact requests refused by a rate limit")             \
	X(limited_changes, "changes refused by a rate limit")                   \
	X(limited_registrations, "registrations refused by a rate limit")       \
	X(limited_sign_ins, "sign-ins refused by a rate limit")                 \
	X(limits_forgotten, "rates forgotten early: the table was full")        \
	X(passwords_changed, "passwords changed by their owners")               \
	X(passwords_renewed, "passwords hashed anew, at another cost")          \
	X(revocations, "devices signed out, by themselves or others")           \
	X(profiles_changed, "profiles and settings changed")                    \
	X(messages_sent, "messages taken, repeats not counted")                 \
	X(messages_repeated, "sends recognised as repeats")                     \
	X(messages_refused, "sends refused")                                    \
	X(own_copies_dropped, "own copies not kept because the inbox was full") \
	X(messages_delivered, "message entries handed out by sync")             \
	X(contact_requests, "contacts asked for")                               \
	X(contact_changes, "other changes of contacts")                         \
	X(contacts_refused, "requests and changes of contacts refused")         \
	X(contact_halves_told, "changes of contacts told to the other one")     \
	X(contact_halves_stale, "changes of contacts that came late, dropped")  \
	X(contact_cards_told, "profiles told to contacts")                      \
	X(contact_intents_again, "changes of contacts driven again")            \
	X(messages_not_permitted, "sends refused as a stranger's")              \
	X(syncs, "syncs")                                                       \
	X(resyncs, "syncs answered RESYNC")                                     \
	X(rows_skipped, "rows skipped because they could not be read (R8)")     \
	X(kt_writes, "writes committed")                                        \
	X(kt_writes_failed, "writes that failed or whose outcome is unknown")   \
	X(kt_writes_refused, "writes refused: queue, log or disk full")         \
	X(kt_cold_loads, "keys loaded from RocksDB")                            \
	X(kt_cold_reads, "reads that waited for RocksDB")                       \
	X(kt_rows_looked_up, "rows of cold maps read by themselves")            \
	X(kt_heads_listed, "keys listed with heads, for rounds over all")       \
	X(kt_evictions, "keys that left memory")                                \
	X(kt_moved_rows, "rows moved to RocksDB")                               \
	X(kt_moves_stuck, "rounds of the mover that met a key it cannot read")  \
	X(kt_backups, "copies of the store made while it served")               \
	X(kt_backup_bytes, "bytes of such copies")                              \
	X(kt_backups_failed, "copies of the store that failed")                 \
	X(log_batches, "commit log batches synced")                             \
	X(log_bytes, "commit log bytes written")                                \
	X(log_segments, "commit log segments begun")                            \
	X(sweeps, "rounds over all users")                                      \
	X(sweep_failures, "users that a round could not look after")            \
	X(rpc_calls_in, "calls received from other processes")                  \
	X(rpc_calls_out, "calls made to other processes")                       \
	X(pool_jobs, "jobs run off the loops")                                  \
	X(pool_refused, "jobs refused because the pool's queue was full")

/* gauges: name, what it is. The strips' values are summed, so each loop sets its share, or one of them all.
 * users: goes up with each registration and down with each deletion; a round over all users corrects it */
#define MON_GAUGE_MAP(X)                                                              \
	X(users, "users registered")                                                  \
	X(users_online, "users with a long link")                                     \
	X(links, "long links")                                                        \
	X(websockets, "of those, by WebSocket")                                       \
	X(http_connections, "connections of the short link")                          \
	X(requests_in_work, "requests of clients in work")                            \
	X(coroutines, "coroutines alive")                                             \
	X(loop_lag_us, "how late the latest loop comes to what is due, microseconds") \
	X(kt_memory_bytes, "bytes of rows in memory")                                 \
	X(kt_memory_budget, "the budget of rows in memory, bytes")                    \
	X(kt_log_bytes, "bytes of the commit log after the persisted position")       \
	X(kt_log_limit, "the limit of the commit log, bytes")                         \
	X(kt_durable_pos, "log position up to which writes are durable")              \
	X(kt_moved_pos, "log position up to which rows are in RocksDB")               \
	X(kt_persisted_pos, "log position up to which RocksDB is flushed")            \
	X(kt_failed, "1: the store takes no more writes until a restart")             \
	X(disk_free_bytes, "bytes free on the data folder's file system")             \
	X(disk_reserve_bytes, "below so many free bytes messages are refused")        \
	X(log_lines_dropped, "log lines dropped because the writer was behind")       \
	X(process_cpu_us, "CPU time of the process, all threads, microseconds")       \
	X(process_memory_bytes, "resident memory of the process")                     \
	X(process_files, "files that the process has open, sockets too")              \
	X(process_files_max, "files that the process may have open")

/* histograms of times: name, what it is */
#define MON_HISTOGRAM_MAP(X) X(sync_lag, "from storing a message to its fetching, people's absence included")

/* clang-format off */
enum mon_id {
#define X(name, text) MON_##name,
	MON_MAP(X)
	MON_GAUGE_MAP(X)
#undef X
	MON_COUNT
};

enum mon_histogram {
#define X(name, text) MON_##name,
	MON_HISTOGRAM_MAP(X)
#undef X
	MON_HISTOGRAM_COUNT
};
/* clang-format on */

/** Slot i of a histogram counts times below 2^i microseconds, and at least half of that; the last but one: longer ones
 * too; the last one sums up the microseconds. */
#define MON_HISTOGRAM_SLOTS 41

struct env;

/** What a strip holds: MON_COUNT values by ID, the histograms, then what mon_define() gave slots to. */
struct mon {
	unsigned strip_count, slot_count;
	uint64_t *
		*strips; /* each stands on cache lines of its own. Replaced as one by mon_settle() and mon_publish() */
	struct mon_rest *rest;
};

enum mon_kind {
	MON_KIND_COUNTER = 1,   /* one slot */
	MON_KIND_GAUGE = 2,     /* one slot */
	MON_KIND_HISTOGRAM = 3, /* of times, as above, of any number of slots */
	MON_KIND_STATUSES = 4,  /* slot i counts outcomes of status i (base/status.h) */
};

/** `strips`: how many threads of control will add. In ordinary memory. */
struct mon *mon_create(unsigned strips);
void mon_destroy(struct mon *m);

/**
 * Gives `slots` slots in each strip to a value beyond the table: svrkit's, for each method. `label` tells values of one
 * name apart ("Send.SendText"). Texts are copied, and cut at the lengths in mon_file.h. Returns the first slot, usable
 * after mon_settle() or mon_publish(). From one thread, while nobody but actors adds.
 */
unsigned mon_define(
	struct mon *m, const char *name, const char *label, const char *help, enum mon_kind kind, unsigned slots);
/** Memory for all slots that were defined. As above. */
void mon_settle(struct mon *m);
/**
 * Moves all into a new file `path`, put in the place of an older one by renaming: whoever has that mapped keeps it. The
 * caller owns the folder. `version` is the program's. [blocks] A negative errno value: everything stays as it was.
 */
int mon_publish(struct mon *m, struct env *env, const char *path, const char *version) HY_MUST_USE;
/** Says that the process is alive, for mon_publish()'s readers. Any one thread. */
void mon_beat(struct mon *m, uint64_t wall_ms);
/** Says that it ended in order. After the last beat. */
void mon_ended(struct mon *m, uint64_t wall_ms);

/** One writer each: a load and a store do for an addition, no locked instruction. */
static inline uint64_t *mon_slot(const struct mon *m, unsigned strip, unsigned slot)
{
	assert(strip < m->strip_count && slot < m->slot_count);
	return __atomic_load_n(&m->strips[strip], __ATOMIC_ACQUIRE) + slot;
}

static inline void mon_slot_add(uint64_t *v, uint64_t n)
{
	__atomic_store_n(v, __atomic_load_n(v, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/** Any thread; `strip` is the caller's own. Relaxed atomics: no lock, no fence. */
static inline void mon_add(struct mon *m, unsigned strip, enum mon_id id, uint64_t n)
{
	mon_slot_add(mon_slot(m, strip, id), n);
}

static inline void mon_set(struct mon *m, unsigned strip, enum mon_id id, uint64_t value)
{
	__atomic_store_n(mon_slot(m, strip, id), value, __ATOMIC_RELAXED);
}

/** Which slot of a histogram of `slots` slots counts this time. */
static inline unsigned mon_bucket(uint64_t us, unsigned slots)
{
	unsigned bucket = us ? 64u - (unsigned)__builtin_clzll(us) : 0;
	return HY_MIN(bucket, slots - 2);
}

/** Adds one time to a histogram. */
static inline void mon_time(struct mon *m, unsigned strip, enum mon_histogram id, uint64_t us)
{
	uint64_t *h = mon_slot(m, strip, MON_COUNT + id * MON_HISTOGRAM_SLOTS);
	mon_slot_add(&h[mon_bucket(us, MON_HISTOGRAM_SLOTS)], 1);
	mon_slot_add(&h[MON_HISTOGRAM_SLOTS - 1], us);
}

/**
 * Sets a gauge that others add to, each on its own strip, so that the sum over the strips is `sum`: for who has counted
 * anew what they count as it changes.
 */
void mon_set_sum(struct mon *m, unsigned strip, enum mon_id id, uint64_t sum);

uint64_t mon_get(const struct mon *m, enum mon_id id);
/** A slot that mon_define() gave, summed. */
uint64_t mon_get_slot(const struct mon *m, unsigned slot);
const char *mon_name(enum mon_id id);
const char *mon_text(enum mon_id id);
/** The memory as mon_file.h describes it, for a view of oneself. */
struct hy_bytes mon_memory(const struct mon *m);

#endif
