/**
 * rows_world.h - the contract of rows.h as a table of tests, run on RocksDB and on its double.
 */
#ifndef KT_ROWS_WORLD_H
#define KT_ROWS_WORLD_H

#include "kt/rows.h"

struct rows_case {
	const char *label;
	/** Runs in an actor, on an empty folder `dir`. NULL: passed; else what was wrong (a string constant). */
	const char *(*run)(struct env *env, const char *dir);
};

/** Ended by a NULL label. */
extern const struct rows_case rows_cases[];

#endif
