/**
 * session_table.h - users who synced lately, and what their devices brought last. One table per loop, no lock: its
 * loop's alone.
 *
 * Nothing here suspends. Pointers to devices end with the next call that adds or drops one.
 */
#ifndef LOGIC_SESSION_TABLE_H
#define LOGIC_SESSION_TABLE_H

#include "account.pb-c.h"
#include "base/list.h"
#include "base/map.h"

#define SESSION_DEVICE_MAX 32u
/** Of a user, in memory. No more are ever signed in at once (R4); of those that are gone the longest unseen makes room.
 */
#define SESSION_DEVICES_MAX 24u

struct session_device {
	char name[SESSION_DEVICE_MAX + 1];
	uint64_t seen_ms, account, contacts, messages;
	uint64_t written_ms;     /* the seen_ms that Account has */
	uint64_t ticket_version; /* that it held when Account was last asked; 0: not known */
	bool noted;              /* the position is what the device said, not what Account had */
	bool dirty;              /* a position that Account has not */
	uint32_t lowered;        /* how often the position went down */
	bool low;                /* and the last time is not known to be durable */
};

struct session_user {
	struct hy_map_node node;
	struct hy_link link; /* in session_table.users */
	uint32_t uin;
	uint32_t pins; /* coroutines that hold it across a wait */
	uint64_t active_ms;
	uint64_t trimmed; /* up to here the inbox was told to forget */
	uint64_t aged_ms; /* when entries were last trimmed by age */
	unsigned device_count;
	struct session_device *devices;
};

struct session_table {
	uint64_t seed;
	struct hy_map map;
	struct hy_link users; /* least recently active first */
};

void session_table_init(struct session_table *t, uint64_t seed);
void session_table_fini(struct session_table *t);

struct session_user *session_table_find(struct session_table *t, uint32_t uin);
/** `uin` must not be there. With the positions that Account has. */
struct session_user *session_table_add(
	struct session_table *t, uint32_t uin, const Hy__AccountListDevicesResponse *stored);
/** Just now. */
void session_table_touch(struct session_table *t, struct session_user *user, uint64_t now_ms);
/** Takes a user out whom nobody holds and who was last active before `before_ms`, or if there are more than `max`
 * users; NULL: none. The caller frees it. */
struct session_user *session_table_take_idle(struct session_table *t, uint64_t before_ms, size_t max);
void session_user_free(struct session_user *user);

struct session_device *session_user_find(const struct session_user *user, const char *device);
/** Finds or makes it. `device` is at most SESSION_DEVICE_MAX long. */
struct session_device *session_user_device(struct session_user *user, const char *device);
/** Harmless when it is not there. */
void session_user_drop(struct session_user *user, const char *device);
/** Drops all others. */
void session_user_keep(struct session_user *user, const char *device);

#endif
