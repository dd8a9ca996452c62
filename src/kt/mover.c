/*
 * The mover carries what outlives memory to RocksDB (S9), lets the log go behind it, advances the floor, and watches
 * the disk. An actor.
 *
 * A round: P is the log's durable position; every loop hands out, in portions, its keys that changed up to P; each
 * portion is one batch in RocksDB; a last batch says "moved up to P". Batches are kept in order on any death, so
 * whenever RocksDB says P, all of them are there; and what is there beyond P does no harm, because a key lies there
 * whole, with its versions (place.h).
 *
 * It waits as long as it may: what is trimmed soon should never get as far as RocksDB.
 */
#include "base/mem.h"
#include "base/planted.h"
#include "kt/sdb.h"

#define TICK_US (100u * 1000)
#define DISK_LOOK_US (1000u * 1000)
#define REST_US (10u * 1000) /* between two looks, also when it is woken */
#define IDLE_FLUSH_US (20u * 1000 * 1000)
#define RETRY_US (1000u * 1000)
#define ALARM_US (60u * 1000 * 1000)
/* The floor follows the wall clock in steps: a clock that is wrong for an hour must not lift it for good. */
#define FLOOR_STEP_MS (3600u * 1000)
#define FLOOR_REST_US (60u * 1000 * 1000)

struct sdb_mover {
	struct sdb *sdb;
	struct env_actor *actor;
	struct env_inbox *inbox;
	struct env_msg stop, wake;
	bool stopping;
	struct sdb_portion *portions; /* one per shard */
	uint64_t disk_looked_us;
	uint64_t retry_at_us, alarmed_us;       /* a round met a key it could not read */
	uint64_t floor_at_us;                   /* when the floor was last advanced, or the mover began */
	uint64_t told_full_us;                  /* when the disk was last said to be full */
	struct env_msg *held, **held_end;       /* answers that came while it waited for room on the disk */
	uint64_t written;                       /* by all loops, when the last round began */
	uint64_t durable_pos, durable_since_us; /* to know when nothing is written any more */
	bool disk_very_low;                     /* not even flushes */
};

static unsigned strip(const struct sdb *sdb)
{
	return sdb->shard_count + 1;
}

/** RocksDB refused: what was handed out cannot be handed out again, so nothing more is taken until the next start (S8).
 */
static void fail(struct sdb *sdb, const char *what, int status)
{
	if (!sdb_get(&sdb->failed))
		env_log(sdb->env, ENV_LOG_ERROR, "kt", 0,
			"%s failed (%s): the store takes no writes until it is started again", what,
			hy_status_name(status));
	sdb_set(&sdb->failed, true);
}

/* ---- a round ----------------------------------------------------------------------------------------------------- */

static void ask(struct sdb_mover *m, struct sdb_portion *p)
{
	p->msg.fn = sdb_gather;
	env_inbox_post(env_loop_inbox(svr_loop_env(p->shard->loop)), &p->msg);
}

static int write_system(struct sdb *sdb, const char *name, uint64_t value)
{
	struct place_name place;
	uint8_t be[8];
	place_system(&place, name);
	hy_put_be64(be, value);
	struct rows_batch *batch = rows_batch_create(sdb->rows);
	rows_batch_put(batch, place_bytes(&place), hy_bytes(be, 8));
	return rows_batch_write(sdb->rows, batch);
}

/** The next answer; NULL: time is up, or it was asked to stop, or woken. */
static struct env_msg *take(struct sdb_mover *m, uint64_t deadline_us)
{
	struct env_msg *msg = env_inbox_take(m->inbox, deadline_us);
	if (msg == &m->stop)
		m->stopping = true;
	else if (msg == &m->wake)
		__atomic_store_n(&m->sdb->mover_woken, false, __ATOMIC_RELEASE); /* the message may be posted again */
	else
		return msg;
	return NULL;
}

/** The next portion: one that was held, or as take(). */
static struct env_msg *take_portion(struct sdb_mover *m)
{
	struct env_msg *msg = m->held;
	if (!msg)
		return take(m, UINT64_MAX);
	m->held = msg->next;
	if (!m->held)
		m->held_end = &m->held;
	return msg;
}

static void tell_full(struct sdb_mover *m)
{
	uint64_t now = env_mono_us(m->sdb->env);
	env_mark(m->sdb->env, "kt: rows wait for disk");
	if (m->told_full_us && now - m->told_full_us < ALARM_US)
		return;
	m->told_full_us = now;
	env_log(m->sdb->env, ENV_LOG_ERROR, "kt", 0, "the disk is full: rows stay in memory and log");
}

static void watch_disk(struct sdb_mover *m)
{
	struct sdb *sdb = m->sdb;
	uint64_t now = env_mono_us(sdb->env), free_bytes;
	if (m->disk_looked_us && now - m->disk_looked_us < DISK_LOOK_US)
		return;
	m->disk_looked_us = now;
	if (env_disk_free(sdb->env, sdb->dir, &free_bytes) != 0)
		return;
	bool low = free_bytes < sdb->disk_reserve;
	if (low != sdb->disk_low)
		env_log(sdb->env, low ? ENV_LOG_WARN : ENV_LOG_INFO, "kt", 0,
			"%llu MiB of disk are free: users' writes are %s", (unsigned long long)(free_bytes >> 20),
			low ? "refused" : "taken again");
	sdb_set(&sdb->disk_low, low);
	m->disk_very_low = free_bytes < sdb->disk_reserve / 4;
}

/** Until it may be worth a try again, or it is asked to stop. */
static void wait_for_disk(struct sdb_mover *m)
{
	uint64_t until = env_mono_us(m->sdb->env) + RETRY_US;
	tell_full(m);
	watch_disk(m);
	while (!m->stopping && env_mono_us(m->sdb->env) < until) {
		struct env_msg *msg = take(m, until);
		if (!msg)
			continue;
		msg->next = NULL;
		*m->held_end = msg;
		m->held_end = &msg->next;
	}
}

/** What a loop has handed out it does not hand out again, so this waits for as long as the disk is full. */
static int write_portion(struct sdb_mover *m, struct sdb_portion *p)
{
	struct sdb *sdb = m->sdb;
	if (p->rows == 0 && hy_buf_len(&p->ops) == 0)
		return HY_OK;
	for (;;) {
		struct rows_batch *batch = rows_batch_create(sdb->rows);
		bool good = sdb_portion_apply(p, batch);
		assert(good);
		int status = rows_batch_write(sdb->rows, batch);
		if (status == HY_OK)
			mon_add(svr_mon(sdb->kt.svr), strip(sdb), MON_kt_moved_rows, p->rows);
		if (status != HY_RESOURCE_EXHAUSTED)
			return status;
		wait_for_disk(m);
		if (m->stopping)
			return HY_CANCELLED;
	}
}

/** A key cannot be read, so nothing behind it in the log can be given up: an operator must know before the log is full.
 */
static void alarm(struct sdb_mover *m, int status)
{
	struct sdb *sdb = m->sdb;
	uint64_t now = env_mono_us(sdb->env);
	m->retry_at_us = now + RETRY_US;
	mon_add(svr_mon(sdb->kt.svr), strip(sdb), MON_kt_moves_stuck, 1);
	if (m->alarmed_us && now - m->alarmed_us < ALARM_US)
		return;
	m->alarmed_us = now;
	env_log(sdb->env, ENV_LOG_ERROR, "kt", 0,
		"a key cannot be moved to the database (%s): the log grows, and at its limit writes are refused",
		hy_status_name(status));
}

/** All portions up to `target`. HY_CANCELLED: the server stops, or a loop could not read what it needed; again later.
 */
static int collect(struct sdb_mover *m, uint64_t target)
{
	int status = HY_OK;
	unsigned outstanding = m->sdb->shard_count;
	for (unsigned i = 0; i < m->sdb->shard_count; i++) {
		m->portions[i].target = target;
		ask(m, &m->portions[i]);
	}
	while (outstanding) {
		struct env_msg *msg = take_portion(m);
		if (m->stopping)
			return HY_CANCELLED; /* the loops have ended: no more answers come */
		if (!msg)
			continue;
		struct sdb_portion *p = hy_container_of(msg, struct sdb_portion, msg);
		int wrote = write_portion(m, p); /* what it has is handed out, whatever else happened */
		if (wrote == HY_CANCELLED)
			return wrote;
		if (wrote) {
			fail(m->sdb, "writing rows", wrote);
			status = wrote;
		}
		if (p->status && !m->stopping && !p->shard->stopping)
			alarm(m, p->status);
		if (p->status && !status)
			status = HY_CANCELLED;
		if (p->more && !p->status && !status)
			ask(m, p);
		else
			outstanding--;
	}
	return status;
}

static void move(struct sdb_mover *m)
{
	struct sdb *sdb = m->sdb;
	/* Whoever reads it has been sent all answers up to it: loops know all these changes when our message comes. */
	uint64_t target = kt_log_durable_pos(sdb->log);
	if (env_mono_us(sdb->env) < m->retry_at_us)
		return;
	if (target <= sdb->moved_pos || sdb_get(&sdb->failed))
		return;
	sdb_set(&sdb->handing_out, true);
	if (collect(m, target) != HY_OK)
		return;
	int status = write_system(sdb, PLACE_MOVED, target);
	if (status == HY_RESOURCE_EXHAUSTED) {
		tell_full(m);
		m->retry_at_us = env_mono_us(sdb->env) + RETRY_US;
		return; /* the next round says it */
	}
	if (status) {
		fail(sdb, "writing the moved position", status);
		return;
	}
	__atomic_store_n(&sdb->moved_pos, target, __ATOMIC_RELEASE);
	__atomic_store_n(&sdb->handing_out, false, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < sdb->shard_count; i++) {
		if (sdb_get(&sdb->shards[i].memory_shown) > sdb->shard_budget)
			sdb_evict_soon(&sdb->shards[i]);
	}
	if (PLANTED(segment_deleted_at_written_position))
		kt_log_release(sdb->log, target);
	env_mark(sdb->env, "kt: moved");
}

static bool flush(struct sdb_mover *m)
{
	struct sdb *sdb = m->sdb;
	uint64_t moved = sdb->moved_pos;
	if (m->disk_very_low || sdb_get(&sdb->failed))
		return false;
	int status = rows_flush(sdb->rows);
	if (status == HY_RESOURCE_EXHAUSTED) {
		tell_full(m);
		return false;
	}
	if (status) {
		fail(sdb, "flushing rows", status);
		return false;
	}
	sdb_set(&sdb->persisted_pos, moved);
	kt_log_release(sdb->log, moved);
	env_mark(sdb->env, "kt: flushed");
	return true;
}

/* ---- the floor --------------------------------------------------------------------------------------------------- */

/** Durable before it is used, and never back (S5). */
static void advance_floor(struct sdb_mover *m)
{
	struct sdb *sdb = m->sdb;
	uint64_t now = env_mono_us(sdb->env), wall_ms = env_wall_ms(sdb->env);
	if (wall_ms < sdb->window_ms + sdb->floor_ms + FLOOR_STEP_MS || sdb_get(&sdb->failed) || m->disk_very_low)
		return;
	bool first = sdb->floor_ms == 0; /* a new store */
	if (!first && now - m->floor_at_us < FLOOR_REST_US)
		return;
	m->floor_at_us = now;
	uint64_t floor_ms = first ? wall_ms - sdb->window_ms : sdb->floor_ms + FLOOR_STEP_MS;
	int status = write_system(sdb, PLACE_FLOOR, floor_ms);
	if (status == HY_RESOURCE_EXHAUSTED)
		tell_full(m);
	else if (status)
		fail(sdb, "writing the floor", status);
	else if (flush(m))
		sdb_set(&sdb->floor_ms, floor_ms);
}

/* ---- when ------------------------------------------------------------------------------------------------------ */

static uint64_t idle_us(struct sdb_mover *m)
{
	uint64_t now = env_mono_us(m->sdb->env), durable = kt_log_durable_pos(m->sdb->log);
	if (durable != m->durable_pos) {
		m->durable_pos = durable;
		m->durable_since_us = now;
	}
	return now - m->durable_since_us;
}

static uint64_t written_bytes(const struct sdb *sdb)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < sdb->shard_count; i++)
		bytes += sdb_get(&sdb->shards[i].written_shown);
	return bytes;
}

static void look(struct sdb_mover *m)
{
	struct sdb *sdb = m->sdb;
	uint64_t idle = idle_us(m);
	watch_disk(m);
	advance_floor(m);
	bool pressure = sdb_get(&sdb->pressure);
	bool early = env_buggify(sdb->env, "kt: an early round");
	uint64_t written = written_bytes(sdb);
	if (early || pressure || idle >= sdb->idle_move_us || written - m->written >= sdb->move_bytes ||
		kt_log_bytes_after(sdb->log, sdb->moved_pos) > sdb->log_limit / 8) {
		sdb_set(&sdb->pressure, false);
		m->written = written;
		move(m);
	}
	if (sdb->moved_pos == sdb->persisted_pos || m->stopping)
		return;
	early = env_buggify(sdb->env, "kt: an early flush");
	if (early || idle >= IDLE_FLUSH_US || kt_log_bytes_after(sdb->log, sdb->persisted_pos) > sdb->flush_bytes)
		flush(m);
}

/** Until the next tick, or until it is woken, but not before it has rested. */
static void rest(struct sdb_mover *m)
{
	uint64_t now = env_mono_us(m->sdb->env), soonest = now + REST_US;
	uint64_t tick_us = HY_MIN(TICK_US, m->sdb->idle_move_us);
	if (m->stopping || (take(m, now + tick_us), m->stopping))
		return;
	while (!m->stopping && env_mono_us(m->sdb->env) < soonest)
		(void)take(m, soonest);
}

static void mover_main(void *arg)
{
	struct sdb_mover *m = arg;
	while (!m->stopping) {
		look(m);
		rest(m);
	}
}

void sdb_mover_wake(struct sdb *sdb)
{
	if (sdb->mover && !__atomic_exchange_n(&sdb->mover_woken, true, __ATOMIC_ACQ_REL))
		env_inbox_post(sdb->mover->inbox, &sdb->mover->wake);
}

int sdb_mover_start(struct sdb *sdb)
{
	struct sdb_mover *m = hy_zalloc(sizeof *m);
	m->sdb = sdb;
	m->floor_at_us = env_mono_us(sdb->env);
	m->inbox = env_inbox_create(sdb->env);
	m->held_end = &m->held;
	m->portions = hy_zalloc(sdb->shard_count * sizeof(*m->portions));
	for (unsigned i = 0; i < sdb->shard_count; i++) {
		m->portions[i].shard = &sdb->shards[i];
		m->portions[i].reply_to = m->inbox;
	}
	sdb->mover = m;
	return env_actor_start(sdb->env, "mover", mover_main, m, &m->actor) ? HY_RESOURCE_EXHAUSTED : HY_OK;
}

void sdb_mover_stop(struct sdb *sdb)
{
	struct sdb_mover *m = hy_take(sdb->mover);
	if (!m)
		return;
	if (m->actor) {
		env_inbox_post(m->inbox, &m->stop);
		env_actor_join(m->actor);
	}
	for (unsigned i = 0; i < sdb->shard_count; i++)
		hy_buf_fini(&m->portions[i].ops);
	hy_free(m->portions);
	env_inbox_destroy(m->inbox);
	hy_free(m);
}
