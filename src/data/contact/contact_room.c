/*
 * Rows that say nothing any more go when others need the room.
 *
 * Between the two there is no relation, no block, no remark, and nothing is to be told. Such a row is kept as long as
 * there is room, since one who ended it may still restore it. Without it:
 *
 * - A later half of the user's is newer than the peer's copy of the lost one all the same: generations are at least the
 *   wall clock; and should a clock have been set back, the half is raised when the peer is told (Settle).
 * - A half of the peer's that the user let lapse cannot come back as if it were new: what was told before is here by
 *   now (KEPT_MS), and whoever tells it again knows that it has lapsed, and tells it only to a row that is there.
 */
#include "base/mem.h"
#include "data/contact/contact_internal.h"

/** Well above what a request may take that still tells an older half. */
#define KEPT_MS (10ull * 60 * 1000)
#define PAGE_ROWS 256u
#define ROWS_A_WRITE (KT_OPS_MAX / 2)

struct room {
	struct contact *contact;
	struct hy_key key;
	uint64_t before_ms;
	struct contact_name names[ROWS_A_WRITE];
	struct kt_op ops[KT_OPS_MAX];
	size_t count; /* of ops */
};

static bool says_nothing(struct call *call, const struct room *room, const struct kt_row *row)
{
	struct spaces_contact contact;

	if (!spaces_contact_read(row->value, &contact) || contact.blocked)
		return false;
	if (spaces_relation(&contact.mine, &contact.theirs) != 0)
		return false;
	if (HY_MAX(contact.mine.generation, contact.theirs.generation) >= room->before_ms)
		return false;
	const Hy__ContactRow *whole = contact_unpack(call, &room->key, row);
	return whole && whole->remark[0] == '\0';
}

/** SUSPENDS. */
static int add(struct room *room, struct call *call, const struct kt_row *row)
{
	struct kt_row intent;
	uint32_t peer;

	if (!says_nothing(call, room, row) || !spaces_peer_of(row->name, &peer))
		return HY_OK;
	int rc = kt_read_row(room->contact->kt, call, &room->key, SPACES_INTENT, row->name, KT_STRONG, &intent);
	if (rc != HY_NOT_FOUND)
		return rc;
	struct hy_bytes name = contact_name_of(peer, &room->names[room->count / 2]);
	room->ops[room->count++] =
		(struct kt_op){.kind = KT_EXPECT_ROW, .space = SPACES_CONTACT, .name = name, .version = row->version};
	room->ops[room->count++] = (struct kt_op){.kind = KT_DELETE, .space = SPACES_CONTACT, .name = name};
	return HY_OK;
}

/** As many as go into one write. SUSPENDS. */
static int collect(struct room *room, struct call *call)
{
	struct kt_limits limits = {.max_rows = PAGE_ROWS};
	struct contact_name after;
	struct kt_rows rows = {.more = true};
	uint32_t peer = 0;

	while (rows.more) {
		hy_arena_reset(call->arena);
		int rc = kt_read_range(room->contact->kt, call, &room->key, SPACES_CONTACT,
			contact_name_of(peer, &after), KT_STRONG, limits, &rows);
		for (size_t i = 0; rc == HY_OK && i < rows.count && room->count < KT_OPS_MAX; i++)
			rc = add(room, call, &rows.rows[i]);
		if (rc != HY_OK || rows.count == 0 || room->count == KT_OPS_MAX)
			return rc;
		if (!spaces_peer_of(rows.rows[rows.count - 1].name, &peer))
			return HY_OK;
	}
	return HY_OK;
}

static int make_room(struct contact *contact, struct call *call, const struct hy_key *key)
{
	uint64_t now_ms = env_wall_ms(svr_env(svr_of_loop(call->loop)));
	struct room room = {.contact = contact, .key = *key, .before_ms = now_ms > KEPT_MS ? now_ms - KEPT_MS : 0};
	struct call own = *call;
	struct kt_result result;
	struct hy_arena arena;

	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT); /* a page's alone: there may be thousands of rows */
	own.arena = &arena;
	int rc = collect(&room, &own);
	if (rc == HY_OK && room.count > 0)
		rc = kt_write(contact->kt, &own, key, room.ops, room.count, &result);
	if (rc == HY_OK && room.count > 0)
		env_mark(svr_env(svr_of_loop(call->loop)), "contacts: rows that said nothing made room");
	hy_arena_fini(&arena);
	return rc == HY_ABORTED ? HY_OK : rc; /* one of them says something again: the next one tries again */
}

int contact_has_room(
	struct contact *contact, struct call *call, const struct hy_key *key, uint32_t rows, bool *ret_room)
{
	struct kt_head head;

	int rc = kt_read_head(contact->kt, call, key, SPACES_CONTACT, KT_STRONG, &head);
	*ret_room = rc == HY_OK && head.rows < rows;
	if (rc != HY_OK || *ret_room)
		return rc;
	rc = make_room(contact, call, key);
	if (rc == HY_OK)
		rc = kt_read_head(contact->kt, call, key, SPACES_CONTACT, KT_STRONG, &head);
	*ret_room = rc == HY_OK && head.rows < rows;
	return rc;
}
