/**
 * store_sql.h - SQLite for the files of the store: statements that are bound and run in one line.
 */
#ifndef CHAT_STORE_SQL_H
#define CHAT_STORE_SQL_H

#include <sqlite3.h>

#include "chat/store.h"

struct chat_store {
	sqlite3 *db;
	char why[256]; /* of the last failure */
};

/**
 * Binds and runs; `types` says what follows: i int64_t, t const char * (NULL too), b const void * and size_t. The
 * statement is left at its first row, or finalised and NULL.
 */
sqlite3_stmt *chat_sql_query(struct chat_store *s, const char *sql, const char *types, ...);
/** For statements without rows. HY_OK or HY_UNAVAILABLE. */
int chat_sql_run(struct chat_store *s, const char *sql, const char *types, ...) HY_MUST_USE;
/** The first column of the first row, or `preset`. */
int64_t chat_sql_number(struct chat_store *s, int64_t preset, const char *sql, const char *types, ...);
/** To the next row; false: there is none, and the statement is finalised. */
bool chat_sql_next(sqlite3_stmt *stmt);
/** COMMIT if `status` is HY_OK, else ROLLBACK; the status of both. */
int chat_sql_end(struct chat_store *s, int status) HY_MUST_USE;

#endif
