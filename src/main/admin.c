/* admin.c - see admin.h. */
#include "main/admin.h"

#include <stdio.h>

#include "admin.rpc.h"
#include "base/mem.h"
#include "main/admin_internal.h"
#include "main/admin_user.h"
#include "svrkit/rpc.h"

#define ADMIN_ROWS_MAX 1000u
#define ADMIN_VALUE_MAX 1024u /* of a row's text; the rest is cut */

static uint32_t limit_of(uint32_t wanted)
{
	return wanted == 0 || wanted > ADMIN_ROWS_MAX ? ADMIN_ROWS_MAX : wanted;
}

/* ---- spaces, keys ------------------------------------------------------------------------------------------------ */

static int on_spaces(
	void *self, struct call *call, const Hy__AdminSpacesRequest *request, Hy__AdminSpacesResponse *response)
{
	static const char *const shapes[] = {[KT_LOG] = "log", [KT_MAP] = "map", [KT_WINDOW] = "window"};
	struct admin *admin = self;
	const struct kt_space *spaces = kt_spaces(admin->kt);
	size_t count = 0;
	while (spaces[count].id)
		count++;
	response->spaces = hy_arena_alloc(call->arena, count * sizeof(void *));
	Hy__AdminSpace *all = hy_arena_alloc(call->arena, count * sizeof *all);
	if (!response->spaces || !all)
		return HY_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < count; i++) {
		all[i] = (Hy__AdminSpace)HY__ADMIN_SPACE__INIT;
		all[i].id = spaces[i].id;
		all[i].name = (char *)(uintptr_t)spaces[i].name;
		all[i].shape = (char *)(uintptr_t)shapes[spaces[i].shape];
		response->spaces[i] = &all[i];
	}
	response->n_spaces = count;
	return HY_OK;
}

static int on_keys(void *self, struct call *call, const Hy__AdminKeysRequest *request, Hy__AdminKeysResponse *response)
{
	struct admin *admin = self;
	struct hy_key after, *keys;
	size_t count;
	bool more;
	if (request->after[0] && !hy_key_parse(request->after, &after))
		return call_fail(
			call, HY_INVALID_ARGUMENT, "'%s' names no key; write user:42 or name:ann", request->after);
	int status = kt_list_keys(
		admin->kt, call, request->after[0] ? &after : NULL, limit_of(request->limit), &keys, &count, &more);
	if (status != HY_OK)
		return status;
	response->keys = hy_arena_alloc(call->arena, count * sizeof(char *));
	for (size_t i = 0; response->keys && i < count; i++) {
		char text[4 * HY_KEY_MAX + 16];
		hy_key_text(&keys[i], text, sizeof text);
		response->keys[i] = hy_arena_strndup(call->arena, text, strlen(text));
		if (!response->keys[i])
			return HY_RESOURCE_EXHAUSTED;
		response->n_keys++;
	}
	response->more = more;
	return HY_OK;
}

/* ---- rows, on the key's own loop --------------------------------------------------------------------------------- */

struct rows_question {
	struct admin *admin;
	struct hy_key key;
	const Hy__AdminRowsRequest *request;
	Hy__AdminRowsResponse *response;
};

static int list_heads(struct call *call, struct rows_question *q)
{
	const struct kt_space *spaces = kt_spaces(q->admin->kt);
	Hy__AdminRowsResponse *response = q->response;
	response->heads = hy_arena_alloc(call->arena, (KT_SPACE_ID_MAX + 1) * sizeof(void *));
	for (size_t i = 0; response->heads && spaces[i].id; i++) {
		struct kt_head head;
		int status = kt_read_head(q->admin->kt, call, &q->key, spaces[i].id, KT_STRONG, &head);
		if (status != HY_OK)
			return status;
		Hy__AdminHead *h = hy_arena_alloc(call->arena, sizeof *h);
		if (!h)
			return HY_RESOURCE_EXHAUSTED;
		hy__admin_head__init(h);
		h->space = (char *)(uintptr_t)spaces[i].name;
		h->version = head.version;
		h->trimmed = head.trimmed;
		h->rows = head.rows;
		h->bytes = head.bytes;
		response->heads[response->n_heads++] = h;
	}
	return HY_OK;
}

/** Printable ASCII as it is, all else as \xNN. */
static void append_escaped(struct hy_bytes v, struct hy_buf *out)
{
	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] >= 0x20 && v.data[i] < 0x7f && v.data[i] != '\\')
			hy_buf_append(out, v.data + i, 1);
		else
			hy_buf_printf(out, "\\x%02x", v.data[i]);
	}
}

static void append_name(const struct kt_space *space, struct hy_bytes name, struct hy_buf *out)
{
	if (space->shape == KT_LOG && name.len == 8)
		hy_buf_printf(out, "%llu", (unsigned long long)hy_get_be64(name.data));
	else if (space->shape == KT_WINDOW && name.len >= 8) {
		hy_buf_printf(out, "%llu:", (unsigned long long)hy_get_be64(name.data));
		for (size_t i = 8; i < name.len; i++)
			hy_buf_printf(out, "%02x", name.data[i]);
	} else {
		append_escaped(name, out);
	}
}

static Hy__AdminRow *describe(struct call *call, const struct kt_space *space, const struct kt_row *row)
{
	struct hy_buf name = {0}, value = {0};
	Hy__AdminRow *r = hy_arena_alloc(call->arena, sizeof *r);
	if (!r)
		return NULL;
	append_name(space, row->name, &name);
	if (space->print && !row->deleted)
		space->print(row->name, row->value, &value);
	else
		append_escaped(row->value, &value);
	hy__admin_row__init(r);
	r->name = hy_arena_strndup(call->arena, (char *)hy_buf_data(&name), hy_buf_len(&name));
	r->value =
		hy_arena_strndup(call->arena, (char *)hy_buf_data(&value), HY_MIN(hy_buf_len(&value), ADMIN_VALUE_MAX));
	r->version = row->version;
	r->deleted = row->deleted;
	r->value_len = (uint32_t)row->value.len;
	hy_buf_fini(&name);
	hy_buf_fini(&value);
	return r->name && r->value ? r : NULL;
}

static int list_rows(struct call *call, struct rows_question *q, const struct kt_space *space)
{
	struct kt_rows rows;
	struct kt_limits limits = {.max_rows = limit_of(q->request->limit), .max_bytes = 512 << 10};
	struct hy_bytes after = hy_bytes(q->request->after.data, q->request->after.len);
	int status = kt_read_range(q->admin->kt, call, &q->key, space->id, after, KT_STRONG, limits, &rows);
	if (status != HY_OK)
		return status;
	q->response->rows = hy_arena_alloc(call->arena, rows.count * sizeof(void *));
	for (size_t i = 0; i < rows.count; i++) {
		Hy__AdminRow *r = q->response->rows ? describe(call, space, &rows.rows[i]) : NULL;
		if (!r)
			return HY_RESOURCE_EXHAUSTED;
		q->response->rows[q->response->n_rows++] = r;
	}
	q->response->more = rows.more;
	if (rows.more) {
		q->response->next.data = (uint8_t *)(uintptr_t)rows.rows[rows.count - 1].name.data;
		q->response->next.len = rows.rows[rows.count - 1].name.len;
	}
	return HY_OK;
}

static int rows_here(struct call *call, void *arg)
{
	struct rows_question *q = arg;
	if (!q->request->space[0])
		return list_heads(call, q);
	for (const struct kt_space *s = kt_spaces(q->admin->kt); s->id; s++)
		if (strcmp(s->name, q->request->space) == 0)
			return list_rows(call, q, s);
	return call_fail(call, HY_NOT_FOUND, "no space '%s'; `hongyan kt` lists them", q->request->space);
}

static int on_rows(void *self, struct call *call, const Hy__AdminRowsRequest *request, Hy__AdminRowsResponse *response)
{
	struct rows_question q = {.admin = self, .request = request, .response = response};
	if (!hy_key_parse(request->key, &q.key))
		return call_fail(
			call, HY_INVALID_ARGUMENT, "'%s' names no key; write user:42 or name:ann", request->key);
	return svr_hop(call, svr_loop_of_key(svr_of_loop(call->loop), &q.key), rows_here, &q);
}

/* ---- counters ---------------------------------------------------------------------------------------------------- */

struct stats_writer {
	struct call *call;
	Hy__AdminStatsResponse *response;
	size_t room;
	bool full;
};

static void add_stat(struct stats_writer *w, const char *name, uint64_t value)
{
	Hy__AdminStat *s = hy_arena_alloc(w->call->arena, sizeof *s);
	if (!s || w->response->n_stats == w->room) {
		w->full = true;
		return;
	}
	hy__admin_stat__init(s);
	s->name = hy_arena_strndup(w->call->arena, name, strlen(name));
	s->value = value;
	if (!s->name)
		s->name = (char *)(uintptr_t) "";
	w->response->stats[w->response->n_stats++] = s;
}

static void add_method(void *arg, const struct rpc_stats *stats)
{
	struct stats_writer *w = arg;
	char name[128];
	if (stats->calls == 0)
		return;
	snprintf(name, sizeof name, "%s%s.calls", stats->remote ? "remote." : "", stats->method->name);
	add_stat(w, name, stats->calls);
	for (int status = 1; status < HY_STATUS_COUNT; status++) {
		if (stats->errors[status] == 0)
			continue;
		snprintf(name, sizeof name, "%s%s.%s", stats->remote ? "remote." : "", stats->method->name,
			hy_status_name(status));
		add_stat(w, name, stats->errors[status]);
	}
}

static void add_kt(struct stats_writer *w, const struct kt *kt)
{
	struct kt_stats s;
	kt_stats(kt, &s);
	add_stat(w, "kt.memory_bytes", s.memory_bytes);
	add_stat(w, "kt.memory_budget", s.memory_budget);
	add_stat(w, "kt.log_bytes", s.log_bytes);
	add_stat(w, "kt.log_limit", s.log_limit);
	add_stat(w, "kt.durable_pos", s.durable_pos);
	add_stat(w, "kt.moved_pos", s.moved_pos);
	add_stat(w, "kt.persisted_pos", s.persisted_pos);
	add_stat(w, "kt.failed", s.failed);
	add_stat(w, "kt.floor_ms", kt_floor_ms(kt));
}

static int on_stats(
	void *self, struct call *call, const Hy__AdminStatsRequest *request, Hy__AdminStatsResponse *response)
{
	struct admin *admin = self;
	struct svr *svr = svr_of_loop(call->loop);
	struct stats_writer w = {.call = call, .response = response, .room = 4096};
	response->stats = hy_arena_alloc(call->arena, w.room * sizeof(void *));
	if (!response->stats)
		return HY_RESOURCE_EXHAUSTED;
	for (unsigned i = 0; i < MON_COUNT; i++)
		add_stat(&w, mon_name((enum mon_id)i), mon_get(svr_mon(svr), (enum mon_id)i));
	add_kt(&w, admin->kt);
	add_stat(&w, "log_lines_dropped", env_log_dropped(svr_env(svr)));
	add_stat(&w, "process.cpu_us", env_cpu_us(svr_env(svr)));
	add_stat(&w, "process.wall_ms", env_wall_ms(svr_env(svr)));
	rpc_stats_each(svr, add_method, &w);
	return w.full ? HY_RESOURCE_EXHAUSTED : HY_OK;
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

static int on_backup(
	void *self, struct call *call, const Hy__AdminBackupRequest *request, Hy__AdminBackupResponse *response)
{
	struct admin *admin = self;
	struct kt_backup_report report;
	char *why;
	uint64_t began_us = svr_now_us(call->loop);
	if (request->path[0] != '/')
		return call_fail(call, HY_INVALID_ARGUMENT, "'%s': the path must be absolute", request->path);
	int status = kt_backup(admin->kt, call, request->path, &report, &why);
	response->bytes = report.bytes;
	response->position = report.position;
	response->took_ms = (svr_now_us(call->loop) - began_us) / 1000;
	if (status == HY_OK)
		audit_line(admin->audit, call, "backup to %s, %llu bytes, position %llu: OK", request->path,
			(unsigned long long)report.bytes, (unsigned long long)report.position);
	else
		audit_line(admin->audit, call, "backup to %s: %s", request->path, why ? why : hy_status_text(status));
	/* UNAVAILABLE is what no server answers. */
	if (status != HY_OK)
		status = call_fail(call, status == HY_UNAVAILABLE ? HY_FAILED_PRECONDITION : status, "%s",
			why ? why : hy_status_text(status));
	hy_free(why);
	return status;
}

static const struct admin_handlers handlers = {
	.backup = on_backup,
	.spaces = on_spaces,
	.keys = on_keys,
	.rows = on_rows,
	.stats = on_stats,
	.list_users = admin_user_list,
	.show_user = admin_user_show,
	.create_user = admin_user_create,
	.reset_password = admin_user_reset_password,
	.disable_user = admin_user_disable,
	.delete_user = admin_user_delete,
	.invite = admin_user_invite};

struct admin *admin_create(struct svr *svr, struct kt *kt, struct audit *audit)
{
	struct admin *admin = hy_zalloc(sizeof *admin);
	admin->kt = kt;
	admin->audit = audit;
	rpc_add_service(svr, &admin_service, &handlers, admin);
	return admin;
}

void admin_destroy(struct admin *admin)
{
	hy_free(admin);
}
