/* store_sql.c - see store_sql.h. */
#include "chat/store_sql.h"

#include <stdarg.h>
#include <stdio.h>

static sqlite3_stmt *prepare(struct chat_store *s, const char *sql, const char *types, va_list ap)
{
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return NULL;
	for (int i = 1; types[i - 1]; i++) {
		if (types[i - 1] == 'i') {
			sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
		} else if (types[i - 1] == 't') {
			sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		} else {
			const void *p = va_arg(ap, const void *);
			size_t len = va_arg(ap, size_t);
			sqlite3_bind_blob(stmt, i, len ? p : "", (int)len, SQLITE_TRANSIENT);
		}
	}
	return stmt;
}

/** The statement at its first row; else NULL, and *ret_status says whether that is a failure. */
static sqlite3_stmt *step(struct chat_store *s, sqlite3_stmt *stmt, int *ret_status)
{
	int rc = stmt ? sqlite3_step(stmt) : SQLITE_ERROR;
	*ret_status = rc == SQLITE_ROW || rc == SQLITE_DONE ? HY_OK : HY_UNAVAILABLE;
	if (rc == SQLITE_ROW)
		return stmt;
	if (*ret_status != HY_OK)
		snprintf(s->why, sizeof s->why, "%s", sqlite3_errmsg(s->db));
	sqlite3_finalize(stmt);
	return NULL;
}

sqlite3_stmt *chat_sql_query(struct chat_store *s, const char *sql, const char *types, ...)
{
	int status;
	va_list ap;
	va_start(ap, types);
	sqlite3_stmt *stmt = step(s, prepare(s, sql, types, ap), &status);
	va_end(ap);
	return stmt;
}

int chat_sql_run(struct chat_store *s, const char *sql, const char *types, ...)
{
	int status;
	va_list ap;
	va_start(ap, types);
	sqlite3_finalize(step(s, prepare(s, sql, types, ap), &status));
	va_end(ap);
	return status;
}

int64_t chat_sql_number(struct chat_store *s, int64_t preset, const char *sql, const char *types, ...)
{
	int status;
	va_list ap;
	va_start(ap, types);
	sqlite3_stmt *stmt = step(s, prepare(s, sql, types, ap), &status);
	va_end(ap);
	int64_t number = stmt && sqlite3_column_type(stmt, 0) != SQLITE_NULL ? sqlite3_column_int64(stmt, 0) : preset;
	sqlite3_finalize(stmt);
	return number;
}

bool chat_sql_next(sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) == SQLITE_ROW)
		return true;
	sqlite3_finalize(stmt);
	return false;
}

int chat_sql_end(struct chat_store *s, int status)
{
	if (status == HY_OK)
		status = chat_sql_run(s, "COMMIT", "");
	if (status != HY_OK && chat_sql_run(s, "ROLLBACK", "") != HY_OK)
		return HY_UNAVAILABLE; /* there is no transaction any more: SQLite has rolled it back */
	return status;
}
