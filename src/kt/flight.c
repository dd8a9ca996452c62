#include "base/mem.h"
#include "base/planted.h"
#include "kt/sdb.h"

/* A flight's buffer larger than this is not kept for the next one. */
#define BUFFER_KEPT (1u << 20)

struct waiter {
	struct hy_link link;
	struct co_wait wait;
};

void sdb_flight_destroy(struct sdb_flight *f)
{
	if (!f)
		return;
	for (struct sdb_row *r = f->first; r;) {
		struct sdb_row *next = r->next;
		/* rows of logs and maps are in their tables, and go with them; a window's only once they are durable */
		if (r->kind == KT_EFFECT_WINDOW)
			hy_map_remove(&f->shard->window_rows, &r->window.node);
		if (r->kind == KT_EFFECT_WINDOW || r->kind == KT_EFFECT_TRIM)
			sdb_row_destroy(f->shard, r);
		r = next;
	}
	hy_list_remove(&f->link);
	hy_buf_fini(&f->log.records);
	hy_free(f);
}

static void recycle(struct sdb_flight *f)
{
	struct sdb_shard *s = f->shard;
	if (s->spare || f->log.records.cap > BUFFER_KEPT) {
		sdb_flight_destroy(f);
		return;
	}
	hy_buf_clear(&f->log.records);
	s->spare = f;
}

/** All before it are durable (S3), so its rows become visible in the order in which they were judged. */
static void commit(struct sdb_flight *f)
{
	struct sdb_shard *s = f->shard;
	uint64_t count = 0;
	while (f->first) {
		struct sdb_row *r = f->first;
		f->first = r->next;
		r->table->entry->pending--;
		count++;
		sdb_row_commit(s, r, f->log.pos);
	}
	f->last = &f->first;
}

static void on_back(struct env_msg *msg)
{
	struct sdb_flight *f = hy_container_of(msg, struct sdb_flight, log.msg);
	struct sdb_shard *s = f->shard;
	int status = f->log.status;
	svr_loop_release(s->loop);
	hy_list_remove(&f->link);
	if (status == HY_OK) {
		assert(!s->failed);
		commit(f);
	} else {
		s->failed = true; /* its rows stay pending, invisible for ever (S8) */
		hy_list_push_back(&s->flights, &f->link);
	}
	struct waiter *w;
	hy_list_each (w, &f->waiters, struct waiter, link) {
		hy_list_remove(&w->link);
		co_wake(&w->wait, status);
	}
	if (status == HY_OK)
		recycle(f);
}

struct sdb_flight *sdb_flight_open(struct sdb_shard *s)
{
	if (s->open)
		return s->open;
	struct sdb_flight *f = hy_take(s->spare);
	if (!f) {
		f = hy_zalloc(sizeof *f);
		f->shard = s;
		hy_link_init(&f->link);
		hy_link_init(&f->waiters);
	}
	f->first = NULL;
	f->last = &f->first;
	f->log.msg.fn = on_back;
	f->log.reply_to = env_loop_inbox(svr_loop_env(s->loop));
	return s->open = f;
}

int sdb_flight_wait(struct sdb_shard *s, struct sdb_flight *f, struct call *call)
{
	struct waiter w;
	if (PLANTED(answer_before_sync))
		return HY_OK;
	hy_link_init(&w.link);
	co_wait_init(&w.wait, s->loop);
	hy_list_push_back(&f->waiters, &w.link);
	int status = co_wait(&w.wait, call->deadline_us);
	if (hy_link_linked(&w.link)) {
		env_mark(s->sdb->env, "kt: waiter left before commit");
		hy_list_remove(&w.link);
	}
	return status;
}

void sdb_flight_submit(struct sdb_shard *s)
{
	struct sdb_flight *f = hy_take(s->open);
	if (!f)
		return;
	hy_list_push_back(&s->flights, &f->link);
	svr_loop_hold(s->loop);
	kt_log_submit(s->sdb->log, &f->log);
}
