/* store_message.c - messages: those that sync brings, the outbox, and reading them. See store.h. */
#include "base/mem.h"
#include "chat/store_sql.h"

/* ---- sync -------------------------------------------------------------------------------------------------------- */

/** Whoever writes is somebody, known or not. */
static int know(struct chat_store *s, uint32_t uin, const char *name)
{
	int status = chat_sql_run(
		s, "INSERT OR IGNORE INTO person (uin, name) VALUES (?, ?)", "it", (int64_t)uin, name ? name : "");
	if (status == HY_OK && name && name[0])
		status = chat_sql_run(
			s, "UPDATE person SET name = ? WHERE uin = ? AND name = ''", "ti", name, (int64_t)uin);
	return status;
}

static bool waits_like(struct chat_store *s, uint32_t peer, const char *text)
{
	return chat_sql_number(s, 0, "SELECT count(*) FROM message WHERE state = 1 AND peer = ? AND text = ?", "it",
		       (int64_t)peer, text) > 0;
}

static int take_text(struct chat_store *s, uint32_t me, const struct hongyan_text *m)
{
	bool mine = m->from == me;
	uint32_t peer = mine ? m->to : m->from;
	int status = know(s, peer, mine ? NULL : m->from_name);
	if (status != HY_OK ||
		chat_sql_number(s, 0, "SELECT count(*) FROM message WHERE id = ?", "b", m->id, sizeof m->id) > 0)
		return status;
	if (mine && waits_like(s, peer, m->text))
		return chat_sql_run(s, "INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?)", "biit", m->id, sizeof m->id,
			(int64_t)peer, (int64_t)m->time_ms, m->text);
	return chat_sql_run(s, "INSERT INTO message (peer, mine, state, time_ms, text, id) VALUES (?, ?, 0, ?, ?, ?)",
		"iiitb", (int64_t)peer, (int64_t)mine, (int64_t)m->time_ms, m->text, m->id, sizeof m->id);
}

static int take_contact(struct chat_store *s, const struct hongyan_change *change)
{
	const struct hongyan_contact *c = &change->contact;
	if (c->profile.uin == 0)
		return HY_OK;
	if (change->deleted)
		return chat_sql_run(s,
			"UPDATE person SET relation = 0, blocked = 0, remark = '', greeting = '' WHERE uin = ?", "i",
			(int64_t)c->profile.uin);
	int status = chat_store_profile(s, &c->profile);
	if (status != HY_OK)
		return status;
	return chat_sql_run(s,
		"UPDATE person SET relation = ?, remark = ?, greeting = ?, asked_ms = ?, blocked = ?, gone = ? "
		"WHERE uin = ?",
		"ittiiii", (int64_t)c->relation, c->remark, c->greeting, (int64_t)c->asked_ms, (int64_t)c->blocked,
		(int64_t)c->gone, (int64_t)c->profile.uin);
}

static int take_settings(struct chat_store *s, const struct hongyan_change *change)
{
	char both[2] = {(char)('0' + change->settings.may_write), (char)('0' + change->settings.may_ask)};
	return change->deleted ? HY_OK : chat_store_put(s, "settings", both, sizeof both);
}

static int take_change(struct chat_store *s, uint32_t me, const struct hongyan_change *change)
{
	switch (change->kind) {
	case HONGYAN_CHANGE_TEXT:
		return take_text(s, me, &change->text);
	case HONGYAN_CHANGE_CONTACT:
		return take_contact(s, change);
	case HONGYAN_CHANGE_SETTINGS:
		return take_settings(s, change);
	case HONGYAN_CHANGE_PROFILE:
		return change->deleted || change->profile.uin == 0 ? HY_OK : chat_store_profile(s, &change->profile);
	case HONGYAN_CHANGE_DEVICE: /* asked for when somebody wants to see them */
	case HONGYAN_CHANGE_OTHER:
		break;
	}
	return HY_OK;
}

int chat_store_sync(struct chat_store *s, const struct hongyan_sync *sync)
{
	uint32_t me = chat_store_uin(s);
	int status = chat_sql_run(s, "BEGIN IMMEDIATE", "");
	if (status != HY_OK)
		return status;
	if (sync->reset_contacts)
		status = chat_sql_run(s, "UPDATE person SET relation = 0, blocked = 0, remark = '', greeting = ''", "");
	for (size_t i = 0; i < sync->count && status == HY_OK; i++)
		status = take_change(s, me, &sync->changes[i]);
	if (status == HY_OK)
		status = chat_store_put(s, "snapshot", sync->snapshot, sync->snapshot_len);
	return chat_sql_end(s, status);
}

struct chat_person *chat_store_me(struct chat_store *s)
{
	struct chat_person *me = chat_store_person(s, chat_store_uin(s));
	if (me)
		return me;
	me = hy_zalloc(sizeof *me);
	char **const texts[] = {&me->name, &me->nickname, &me->signature, &me->region, &me->remark, &me->greeting,
		&me->draft, &me->last_text};
	for (size_t i = 0; i < HY_COUNT_OF(texts); i++)
		*texts[i] = hy_strdup("");
	return me;
}

void chat_store_settings(struct chat_store *s, struct hongyan_settings *ret_settings)
{
	struct hy_buf both = {0};
	chat_store_get(s, "settings", &both);
	*ret_settings = (struct hongyan_settings){0};
	if (hy_buf_len(&both) == 2) {
		ret_settings->may_write = (enum hongyan_who)(hy_buf_data(&both)[0] - '0');
		ret_settings->may_ask = (enum hongyan_who)(hy_buf_data(&both)[1] - '0');
	}
	hy_buf_fini(&both);
}

/* ---- the outbox -------------------------------------------------------------------------------------------------- */

/** Behind all that wait. */
#define LAST_TURN "(SELECT 1 + coalesce(max(turn), 0) FROM message WHERE state = 1)"

int chat_store_write(
	struct chat_store *s, uint32_t to, const char *text, const uint8_t *client_id, uint64_t made_ms, int64_t *ret_n)
{
	int status = know(s, to, NULL);
	if (status == HY_OK)
		status = chat_sql_run(s,
			"INSERT INTO message (peer, mine, state, time_ms, made_ms, turn, text, client_id) "
			"VALUES (?1, 1, 1, ?2, ?2, " LAST_TURN ", ?3, ?4)",
			"iitb", (int64_t)to, (int64_t)made_ms, text, client_id, (size_t)HONGYAN_CLIENT_ID_SIZE);
	if (status == HY_OK)
		*ret_n = sqlite3_last_insert_rowid(s->db);
	return status;
}

int chat_store_address(struct chat_store *s, const char *name, const char *text, int64_t *ret_k)
{
	int status = chat_sql_run(s, "INSERT INTO addressed (name, text) VALUES (?, ?)", "tt", name, text);
	if (status == HY_OK)
		*ret_k = sqlite3_last_insert_rowid(s->db);
	return status;
}

int chat_store_unaddress(struct chat_store *s, int64_t k)
{
	return chat_sql_run(s, "DELETE FROM addressed WHERE k = ?", "i", k);
}

int chat_store_write_addressed(struct chat_store *s, int64_t k, uint32_t to, const char *text, const uint8_t *client_id,
	uint64_t made_ms, int64_t *ret_n)
{
	int status = chat_sql_run(s, "BEGIN IMMEDIATE", "");
	if (status != HY_OK)
		return status;
	status = chat_store_write(s, to, text, client_id, made_ms, ret_n);
	if (status == HY_OK)
		status = chat_store_unaddress(s, k);
	return chat_sql_end(s, status);
}

void chat_store_addressed(
	struct chat_store *s, void (*fn)(void *arg, int64_t k, const char *name, const char *text), void *arg)
{
	sqlite3_stmt *stmt = chat_sql_query(s, "SELECT k, name, text FROM addressed ORDER BY k", "");
	if (stmt)
		do
			fn(arg, sqlite3_column_int64(stmt, 0), (const char *)sqlite3_column_text(stmt, 1),
				(const char *)sqlite3_column_text(stmt, 2));
		while (chat_sql_next(stmt));
}

/** Own texts that were held, and that nothing that still waits can be: another device wrote them. */
static int release_held(struct chat_store *s)
{
	int status = chat_sql_run(s,
		"INSERT OR IGNORE INTO message (peer, mine, state, time_ms, text, id) "
		"SELECT peer, 1, 0, time_ms, text, id FROM held WHERE NOT EXISTS (SELECT 1 FROM message AS m "
		"WHERE m.state = 1 AND m.peer = held.peer AND m.text = held.text) ORDER BY time_ms",
		"");
	if (status == HY_OK)
		status = chat_sql_run(s, "DELETE FROM held WHERE id IN (SELECT id FROM message)", "");
	return status;
}

static int note_safe(struct chat_store *s, const uint8_t *client_id, const uint8_t *id)
{
	/* What sync brought of it after a failure that was none goes; the place where it was written stays. */
	int status = chat_sql_run(
		s, "DELETE FROM message WHERE id = ? AND client_id IS NULL", "b", id, (size_t)HONGYAN_MESSAGE_ID_SIZE);
	if (status == HY_OK)
		status = chat_sql_run(s, "DELETE FROM held WHERE id = ?", "b", id, (size_t)HONGYAN_MESSAGE_ID_SIZE);
	if (status == HY_OK)
		status = chat_sql_run(s, "UPDATE message SET state = 0, why = '', id = ? WHERE client_id = ?", "bb", id,
			(size_t)HONGYAN_MESSAGE_ID_SIZE, client_id, (size_t)HONGYAN_CLIENT_ID_SIZE);
	return status;
}

int chat_store_sent(
	struct chat_store *s, const uint8_t *client_id, int status, const char *why, const uint8_t *message_id)
{
	int rc = chat_sql_run(s, "BEGIN IMMEDIATE", "");
	if (rc != HY_OK)
		return rc;
	if (status == HONGYAN_OK)
		rc = note_safe(s, client_id, message_id);
	else
		rc = chat_sql_run(s, "UPDATE message SET state = 2, why = ? WHERE client_id = ? AND state = 1", "tb",
			why ? why : hongyan_status_text(status), client_id, (size_t)HONGYAN_CLIENT_ID_SIZE);
	if (rc == HY_OK)
		rc = release_held(s);
	return chat_sql_end(s, rc);
}

int chat_store_retry(struct chat_store *s, int64_t n, const uint8_t *client_id, uint64_t made_ms)
{
	int status = chat_sql_run(s,
		"UPDATE message SET state = 1, why = '', client_id = ?, made_ms = ?, turn = " LAST_TURN
		" WHERE n = ? AND state = 2",
		"bii", client_id, (size_t)HONGYAN_CLIENT_ID_SIZE, (int64_t)made_ms, n);
	if (status == HY_OK && sqlite3_changes(s->db) == 0)
		return HY_NOT_FOUND;
	return status;
}

int chat_store_drop(struct chat_store *s, int64_t n)
{
	int status = chat_sql_run(s, "DELETE FROM message WHERE n = ? AND state = 2", "i", n);
	if (status == HY_OK && sqlite3_changes(s->db) == 0)
		return HY_NOT_FOUND;
	return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

#define ROW_COLUMNS "n, peer, mine, state, time_ms, made_ms, text, why, id, client_id"

static void column_id(sqlite3_stmt *stmt, int column, uint8_t *id, size_t size)
{
	if ((size_t)sqlite3_column_bytes(stmt, column) == size)
		memcpy(id, sqlite3_column_blob(stmt, column), size);
}

static unsigned each_row(sqlite3_stmt *stmt, chat_row_fn *fn, void *arg)
{
	unsigned count = 0;
	if (!stmt)
		return 0;
	do {
		struct chat_row row = {.n = sqlite3_column_int64(stmt, 0),
			.peer = (uint32_t)sqlite3_column_int64(stmt, 1),
			.mine = sqlite3_column_int(stmt, 2),
			.state = (enum chat_row_state)sqlite3_column_int(stmt, 3),
			.time_ms = (uint64_t)sqlite3_column_int64(stmt, 4),
			.made_ms = (uint64_t)sqlite3_column_int64(stmt, 5),
			.text = (const char *)sqlite3_column_text(stmt, 6),
			.why = (const char *)sqlite3_column_text(stmt, 7)};
		column_id(stmt, 8, row.id, sizeof row.id);
		column_id(stmt, 9, row.client_id, sizeof row.client_id);
		fn(arg, &row);
		count++;
	} while (chat_sql_next(stmt));
	return count;
}

void chat_store_waiting(struct chat_store *s, chat_row_fn *fn, void *arg)
{
	/* A text that was tried again keeps its place among what is read, but is sent after those written before. */
	each_row(
		chat_sql_query(s, "SELECT " ROW_COLUMNS " FROM message WHERE state = 1 ORDER BY turn, n", ""), fn, arg);
}

unsigned chat_store_rows(struct chat_store *s, uint32_t peer, unsigned limit, chat_row_fn *fn, void *arg)
{
	return each_row(chat_sql_query(s,
				"SELECT * FROM (SELECT " ROW_COLUMNS
				" FROM message WHERE peer = ? ORDER BY n DESC LIMIT ?) ORDER BY n",
				"ii", (int64_t)peer, (int64_t)limit),
		fn, arg);
}

void chat_store_rows_after(struct chat_store *s, int64_t n, chat_row_fn *fn, void *arg)
{
	each_row(chat_sql_query(s, "SELECT " ROW_COLUMNS " FROM message WHERE n > ? ORDER BY n", "i", n), fn, arg);
}

bool chat_store_row(struct chat_store *s, int64_t n, chat_row_fn *fn, void *arg)
{
	return each_row(chat_sql_query(s, "SELECT " ROW_COLUMNS " FROM message WHERE n = ?", "i", n), fn, arg) > 0;
}

bool chat_store_row_of(struct chat_store *s, const uint8_t *client_id, chat_row_fn *fn, void *arg)
{
	return each_row(chat_sql_query(s, "SELECT " ROW_COLUMNS " FROM message WHERE client_id = ?", "b", client_id,
				(size_t)HONGYAN_CLIENT_ID_SIZE),
		       fn, arg) > 0;
}

unsigned chat_store_search(struct chat_store *s, const char *text, unsigned limit, chat_row_fn *fn, void *arg)
{
	return each_row(chat_sql_query(s,
				"SELECT " ROW_COLUMNS
				" FROM message WHERE instr(lower(text), lower(?)) > 0 ORDER BY n DESC LIMIT ?",
				"ti", text, (int64_t)limit),
		fn, arg);
}
