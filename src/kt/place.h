/**
 * place.h - how rows lie in RocksDB. These bytes are at rest: letters are never reused.
 *
 *	'h' key                              head row: the heads of all the key's tables
 *	'l' key length, key, space, version  row of a LOG (version: 8 bytes, big-endian): total, value
 *	'm' key length, key, space, name     row of a MAP: version, deleted (1 byte), value
 *	'w' hour, key length, key, space, name   row of a WINDOW: version, value
 *	's' name                             the store's own: the moved position, the floor
 *
 * The hour of a window row (4 bytes, big-endian) comes first, so that old rows stand together, age out together, and
 * new ones come nearly at the end.
 *
 * What one key has lies there as of one moment (a batch holds a key's head and its rows together), at or after the
 * moved position: replaying the log from that position over it adds what came later and nothing twice, as the versions
 * in the head row tell.
 */
#ifndef KT_PLACE_H
#define KT_PLACE_H

#include "kt/kt.h"

#define PLACE_NAME_MAX (1 + 4 + 1 + HY_KEY_MAX + 1 + KT_NAME_MAX)

struct place_name {
	size_t len;
	uint8_t bytes[PLACE_NAME_MAX];
};

static inline struct hy_bytes place_bytes(const struct place_name *n)
{
	return hy_bytes(n->bytes, n->len);
}

void place_head(struct place_name *n, const struct hy_key *key);
void place_log_row(struct place_name *n, const struct hy_key *key, uint8_t space, uint64_t version);
/** An empty `name` gives the place before all rows of the map. */
void place_map_row(struct place_name *n, const struct hy_key *key, uint8_t space, struct hy_bytes name);
/** The place behind all rows of the map. */
void place_map_end(struct place_name *n, const struct hy_key *key, uint8_t space);
void place_window_row(struct place_name *n, const struct hy_key *key, uint8_t space, struct hy_bytes name);
void place_system(struct place_name *n, const char *name);
#define PLACE_MOVED "moved" /* 8 bytes, big-endian */
#define PLACE_FLOOR "floor"

/** True for a window row whose whole hour is at or below the floor. */
bool place_is_expired(struct hy_bytes place, uint64_t floor_ms);
/** The key of a head row's place; the name within the map of a map row's. False: malformed. */
bool place_get_key(struct hy_bytes place, struct hy_key *ret_key) HY_MUST_USE;
bool place_get_map_name(struct hy_bytes place, struct hy_bytes *ret_name) HY_MUST_USE;

/** A table's part of the head row. */
struct place_table {
	uint8_t space;
	uint64_t version, trimmed;
	/* LOG: bytes of values ever appended, up to `version` and up to `trimmed`. MAP: bytes of its rows, and 0 */
	uint64_t total, trimmed_total;
	union {
		uint64_t newest_ms; /* WINDOW: no row in RocksDB has a later time */
		uint64_t counts;    /* MAP: place_map_counts(); 0: nobody has counted its rows */
	};
};

/** The numbers of rows and of tombstones in one. */
uint64_t place_map_counts(uint64_t rows, uint64_t tombstones);
/** False: they were not counted. */
bool place_get_map_counts(uint64_t counts, uint64_t *ret_rows, uint64_t *ret_tombstones);

void place_put_table(struct hy_buf *out, const struct place_table *t);
/** Takes one table from the front of a head row's value. False: malformed. */
bool place_get_table(struct hy_bytes *in, struct place_table *ret_table) HY_MUST_USE;

/** What stands before a row's value. */
void place_put_log_value(struct hy_buf *out, uint64_t total, struct hy_bytes value);
bool place_get_log_value(struct hy_bytes in, uint64_t *ret_total, struct hy_bytes *ret_value) HY_MUST_USE;
void place_put_map_value(struct hy_buf *out, uint64_t version, bool deleted, struct hy_bytes value);
bool place_get_map_value(
	struct hy_bytes in, uint64_t *ret_version, bool *ret_deleted, struct hy_bytes *ret_value) HY_MUST_USE;
void place_put_window_value(struct hy_buf *out, uint64_t version, struct hy_bytes value);
bool place_get_window_value(struct hy_bytes in, uint64_t *ret_version, struct hy_bytes *ret_value) HY_MUST_USE;

#endif
