/**
 * mon.h - ID-Value monitoring (mission row M14), first half: counters that code sets or adds to.
 *
 * One table declares all IDs. Each loop or actor adds to a strip of its own, so an add is one plain addition; reading
 * sums the strips.
 */
#ifndef MON_H
#define MON_H

#include <stdint.h>

/* name, what it counts */
#define MON_MAP(X)                                                              \
	X(links_opened, "long links accepted")                                  \
	X(links_closed, "long links ended")                                     \
	X(links_refused, "connections closed at a cap")                         \
	X(http_requests, "short-link requests")                                 \
	X(frames_in, "long-link frames received")                               \
	X(frames_bad, "connections ended for malformed bytes")                  \
	X(requests_refused, "requests refused because too many were in work")   \
	X(hints_sent, "push hints written to links")                            \
	X(hints_dropped, "push hints dropped for slow readers")                 \
	X(links_dropped_slow, "links ended for slow readers")                   \
	X(links_moved, "links moved to their user's loop")                      \
	X(hops, "calls that went to another loop")                              \
	X(registered, "accounts registered")                                    \
	X(sign_ins, "sign-ins")                                                 \
	X(sign_in_failures, "sign-ins refused")                                 \
	X(limited_sends, "sends refused by a rate limit")                       \
	X(limited_searches, "searches refused by a rate limit")                 \
	X(limited_asks, "contact requests refused by a rate limit")             \
	X(limited_changes, "changes refused by a rate limit")                   \
	X(limited_registrations, "registrations refused by a rate limit")       \
	X(limited_sign_ins, "sign-ins refused by a rate limit")                 \
	X(limits_forgotten, "rates forgotten early: the table was full")        \
	X(messages_sent, "messages taken, repeats not counted")                 \
	X(messages_repeated, "sends recognised as repeats")                     \
	X(messages_refused, "sends refused")                                    \
	X(own_copies_dropped, "own copies not kept because the inbox was full") \
	X(messages_delivered, "message entries handed out by sync")             \
	X(syncs, "syncs")                                                       \
	X(resyncs, "syncs answered RESYNC")                                     \
	X(rows_skipped, "rows skipped because they could not be read (R8)")     \
	X(kt_writes, "writes committed")                                        \
	X(kt_writes_failed, "writes that failed or whose outcome is unknown")   \
	X(kt_writes_refused, "writes refused: queue, log or disk full")         \
	X(kt_cold_loads, "keys loaded from RocksDB")                            \
	X(kt_cold_reads, "reads that waited for RocksDB")                       \
	X(kt_evictions, "keys that left memory")                                \
	X(kt_moved_rows, "rows moved to RocksDB")                               \
	X(kt_moves_stuck, "rounds of the mover that met a key it cannot read")  \
	X(log_batches, "commit log batches synced")                             \
	X(log_bytes, "commit log bytes written")                                \
	X(log_segments, "commit log segments begun")                            \
	X(rpc_calls_in, "calls received from other processes")                  \
	X(rpc_calls_out, "calls made to other processes")                       \
	X(pool_jobs, "jobs run off the loops")                                  \
	X(pool_refused, "jobs refused because the pool's queue was full")

/* clang-format off */
enum mon_id {
#define X(name, text) MON_##name,
	MON_MAP(X)
#undef X
	MON_COUNT
};
/* clang-format on */

struct mon;

/** `strips`: how many threads of control will add. */
struct mon *mon_create(unsigned strips);
void mon_destroy(struct mon *m);
/** Any thread; `strip` is the caller's own. Relaxed atomics: no lock, no fence. */
void mon_add(struct mon *m, unsigned strip, enum mon_id id, uint64_t n);
void mon_set(struct mon *m, unsigned strip, enum mon_id id, uint64_t value);
uint64_t mon_get(const struct mon *m, enum mon_id id);
const char *mon_name(enum mon_id id);
const char *mon_text(enum mon_id id);

#endif
