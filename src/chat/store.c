/* store.c - the file: opened, locked, made; small things, people, drafts. See store.h. */
#include "chat/store.h"

#include <stdio.h>

#include "base/mem.h"
#include "chat/store_sql.h"

#define FORMAT 2

/** What makes of each format the next one; the first of nothing. */
static const char *const schemas[FORMAT] = {
	"CREATE TABLE thing (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE person (uin INTEGER PRIMARY KEY, name TEXT NOT NULL, nickname TEXT NOT NULL DEFAULT '',"
	"  signature TEXT NOT NULL DEFAULT '', region TEXT NOT NULL DEFAULT '', colour INTEGER NOT NULL DEFAULT 0,"
	"  remark TEXT NOT NULL DEFAULT '', greeting TEXT NOT NULL DEFAULT '', relation INTEGER NOT NULL DEFAULT 0,"
	"  asked_ms INTEGER NOT NULL DEFAULT 0, blocked INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0,"
	"  draft TEXT NOT NULL DEFAULT '', read_n INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX person_by_name ON person (name);"
	/* AUTOINCREMENT: a place is never given twice, not even after the last message was dropped. */
	"CREATE TABLE message (n INTEGER PRIMARY KEY AUTOINCREMENT, peer INTEGER NOT NULL, mine INTEGER NOT NULL,"
	"  state INTEGER NOT NULL, time_ms INTEGER NOT NULL, made_ms INTEGER NOT NULL DEFAULT 0, text TEXT NOT NULL,"
	"  why TEXT NOT NULL DEFAULT '', id BLOB UNIQUE, client_id BLOB UNIQUE);"
	"CREATE INDEX message_by_peer ON message (peer, n);"
	"CREATE INDEX message_waiting ON message (n) WHERE state = 1;"
	/* Own texts that came by a sync while one like it waits for its answer: they may be that one. */
	"CREATE TABLE held (id BLOB PRIMARY KEY, peer INTEGER NOT NULL, time_ms INTEGER NOT NULL, text TEXT NOT NULL)"
	"  WITHOUT ROWID;"
	"PRAGMA user_version = 1",
	/* Among those that wait: a clock that was set back does not change their order. */
	"ALTER TABLE message ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;"
	/* Texts to names that are still looked up. */
	"CREATE TABLE addressed (k INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, text TEXT NOT NULL);"
	"PRAGMA user_version = 2",
};

static char *fail_open(struct chat_store *s, const char *what)
{
	struct hy_buf out = {0};
	hy_buf_printf(&out, "%s%s%s", what, s->db ? ": " : "", s->db ? sqlite3_errmsg(s->db) : "");
	hy_buf_append(&out, "", 1);
	return (char *)out.mem;
}

/** Takes the lock, which lasts as long as the file is open, and makes the tables that it lacks. */
static int set_up(struct chat_store *s, char **ret_why)
{
	sqlite3_extended_result_codes(s->db, 0);
	int rc = sqlite3_exec(s->db,
		"PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		"PRAGMA secure_delete=ON; BEGIN IMMEDIATE",
		NULL, NULL, NULL);
	if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
		*ret_why = fail_open(s, "another process has it open");
		return HY_ABORTED;
	}
	if (rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT) {
		*ret_why = fail_open(s, "it is damaged, or no file of this program");
		return HY_DATA_LOSS;
	}
	int64_t format = rc == SQLITE_OK ? chat_sql_number(s, 0, "PRAGMA user_version", "") : 0;
	if (format > FORMAT) {
		*ret_why = fail_open(s, "a newer version of this program has written it");
		return HY_DATA_LOSS;
	}
	for (; rc == SQLITE_OK && format < FORMAT; format++)
		rc = sqlite3_exec(s->db, schemas[format], NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		*ret_why = fail_open(s, "it cannot be written");
		return HY_UNAVAILABLE;
	}
	return HY_OK;
}

int chat_store_open(const char *path, struct chat_store **ret_store, char **ret_why)
{
	struct chat_store *s = hy_zalloc(sizeof *s);
	int status = HY_UNAVAILABLE;
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
		SQLITE_OK)
		*ret_why = fail_open(s, "it cannot be opened");
	else
		status = set_up(s, ret_why);
	if (status == HY_OK)
		*ret_store = s;
	else
		chat_store_close(s);
	return status;
}

void chat_store_close(struct chat_store *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	hy_free(s);
}

const char *chat_store_why(const struct chat_store *s)
{
	return s->why;
}

void chat_store_get(struct chat_store *s, const char *name, struct hy_buf *out)
{
	hy_buf_clear(out);
	sqlite3_stmt *stmt = chat_sql_query(s, "SELECT value FROM thing WHERE name = ?", "t", name);
	if (stmt)
		hy_buf_append(out, sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0));
	sqlite3_finalize(stmt);
}

int chat_store_put(struct chat_store *s, const char *name, const void *p, size_t len)
{
	return chat_sql_run(s, "INSERT OR REPLACE INTO thing VALUES (?, ?)", "tb", name, p, len);
}

uint32_t chat_store_uin(struct chat_store *s)
{
	return (uint32_t)chat_sql_number(s, 0, "SELECT CAST(value AS INTEGER) FROM thing WHERE name = 'uin'", "");
}

int chat_store_sign_in(struct chat_store *s, uint32_t uin, const void *ticket, size_t len)
{
	uint32_t before = chat_store_uin(s);
	char number[16];
	int number_len = snprintf(number, sizeof number, "%u", uin);
	int status = chat_sql_run(s, "BEGIN IMMEDIATE", "");
	if (status != HY_OK)
		return status;
	if (before != 0 && before != uin)
		status = sqlite3_exec(s->db,
				 "DELETE FROM message; DELETE FROM held; DELETE FROM addressed; DELETE FROM person;"
				 "DELETE FROM thing WHERE name NOT IN ('device', 'learnt')",
				 NULL, NULL, NULL) == SQLITE_OK
				 ? HY_OK
				 : HY_UNAVAILABLE;
	if (status == HY_OK)
		status = chat_store_put(s, "uin", number, (size_t)number_len);
	if (status == HY_OK)
		status = chat_store_put(s, "ticket", ticket, len);
	if (status == HY_OK)
		status = chat_store_put(s, "snapshot", "", 0);
	return chat_sql_end(s, status);
}

/* ---- people ------------------------------------------------------------------------------------------------------ */

#define PERSON_COLUMNS                                                                                                 \
	"SELECT uin, name, nickname, signature, region, colour, remark, greeting, relation, asked_ms, blocked, gone, " \
	"draft, read_n, (SELECT count(*) FROM message WHERE peer = uin AND n > read_n AND mine = 0) FROM person "

static char *column_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	return hy_strdup(text ? text : "");
}

static struct chat_person *read_person(struct chat_store *s, sqlite3_stmt *stmt)
{
	struct chat_person *p = hy_zalloc(sizeof *p);
	p->uin = (uint32_t)sqlite3_column_int64(stmt, 0);
	p->name = column_text(stmt, 1);
	p->nickname = column_text(stmt, 2);
	p->signature = column_text(stmt, 3);
	p->region = column_text(stmt, 4);
	p->colour = (uint32_t)sqlite3_column_int64(stmt, 5);
	p->remark = column_text(stmt, 6);
	p->greeting = column_text(stmt, 7);
	p->relation = (enum hongyan_relation)sqlite3_column_int(stmt, 8);
	p->asked_ms = (uint64_t)sqlite3_column_int64(stmt, 9);
	p->blocked = sqlite3_column_int(stmt, 10);
	p->gone = sqlite3_column_int(stmt, 11);
	p->draft = column_text(stmt, 12);
	p->read_n = sqlite3_column_int64(stmt, 13);
	p->unread = (unsigned)sqlite3_column_int(stmt, 14);
	sqlite3_stmt *last = chat_sql_query(s,
		"SELECT n, time_ms, substr(text, 1, 200), mine FROM message WHERE peer = ? ORDER BY n DESC LIMIT 1",
		"i", (int64_t)p->uin);
	if (last) {
		p->last_n = sqlite3_column_int64(last, 0);
		p->last_ms = (uint64_t)sqlite3_column_int64(last, 1);
		p->last_text = column_text(last, 2);
		p->last_mine = sqlite3_column_int(last, 3);
	} else {
		p->last_text = hy_strdup("");
	}
	sqlite3_finalize(last);
	return p;
}

void chat_person_free(struct chat_person *p)
{
	if (!p)
		return;
	char *const texts[] = {
		p->name, p->nickname, p->signature, p->region, p->remark, p->greeting, p->draft, p->last_text};
	for (size_t i = 0; i < HY_COUNT_OF(texts); i++)
		hy_free(texts[i]);
	hy_free(p);
}

struct hongyan_profile chat_person_profile(const struct chat_person *p)
{
	return (struct hongyan_profile){.uin = p->uin,
		.name = p->name,
		.nickname = p->nickname,
		.signature = p->signature,
		.region = p->region,
		.avatar_colour = p->colour};
}

static struct chat_person *one_person(struct chat_store *s, sqlite3_stmt *stmt)
{
	struct chat_person *p = stmt ? read_person(s, stmt) : NULL;
	sqlite3_finalize(stmt);
	return p;
}

struct chat_person *chat_store_person(struct chat_store *s, uint32_t uin)
{
	return one_person(s, chat_sql_query(s, PERSON_COLUMNS "WHERE uin = ?", "i", (int64_t)uin));
}

struct chat_person *chat_store_person_named(struct chat_store *s, const char *name)
{
	return one_person(
		s, chat_sql_query(s, PERSON_COLUMNS "WHERE name = ? AND gone = 0 ORDER BY relation DESC", "t", name));
}

void chat_store_people(struct chat_store *s, void (*fn)(void *arg, struct chat_person *person), void *arg)
{
	sqlite3_stmt *stmt = chat_sql_query(s, PERSON_COLUMNS "ORDER BY uin", "");
	if (stmt)
		do
			fn(arg, read_person(s, stmt));
		while (chat_sql_next(stmt));
}

int chat_store_profile(struct chat_store *s, const struct hongyan_profile *p)
{
	return chat_sql_run(s,
		"INSERT INTO person (uin, name, nickname, signature, region, colour) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
		"ON CONFLICT (uin) DO UPDATE SET name = ?2, nickname = ?3, signature = ?4, region = ?5, colour = ?6",
		"itttti", (int64_t)p->uin, p->name, p->nickname, p->signature, p->region, (int64_t)p->avatar_colour);
}

int chat_store_read(struct chat_store *s, uint32_t peer, int64_t up_to)
{
	return chat_sql_run(s, "UPDATE person SET read_n = max(read_n, ?) WHERE uin = ?", "ii", up_to, (int64_t)peer);
}

int chat_store_draft(struct chat_store *s, uint32_t peer, const char *draft)
{
	return chat_sql_run(s, "UPDATE person SET draft = ? WHERE uin = ?", "ti", draft, (int64_t)peer);
}
