/* What a user's devices are told of a row: what two halves mean, not the halves. */
#include "contacts.pb-c.h"
#include "data/contact/contact_internal.h"
#include "sync.pb-c.h"

static void fill_card(const Hy__AccountCard *card, Hy__ContactEntry *entry)
{
	entry->name = card->name;
	entry->nickname = card->nickname;
	entry->signature = card->signature;
	entry->region = card->region;
	entry->avatar_colour = card->avatar_colour;
	entry->gone = card->gone;
}

static void fill_entry(const Hy__ContactRow *row, Hy__ContactEntry *entry)
{
	uint32_t relation = contact_relation_of(row);
	const Hy__ContactHalf *asks = NULL;

	/* whoever is blocked may ask as ever, and nobody hears it */
	if (row->blocked && relation == HY__RELATION__RELATION_INCOMING)
		relation = HY__RELATION__RELATION_NONE;
	entry->relation = (Hy__Relation)relation;
	if (relation == HY__RELATION__RELATION_OUTGOING)
		asks = row->mine;
	else if (relation == HY__RELATION__RELATION_INCOMING)
		asks = row->theirs;
	if (asks) {
		entry->greeting = asks->greeting;
		entry->asked_ms = asks->asked_ms;
	}
	if (row->card)
		fill_card(row->card, entry);
	entry->remark = row->remark;
	entry->blocked = row->blocked;
}

static int change_body(struct call *call, const struct hy_key *key, const struct kt_row *row, Hy__ContactChange *change)
{
	Hy__ContactEntry entry = HY__CONTACT_ENTRY__INIT;
	struct hy_bytes body;

	if (!spaces_peer_of(row->name, &entry.uin)) {
		row_damaged(call, key, row, "name of a contact");
		return HY_DATA_LOSS;
	}
	if (!row->deleted) {
		Hy__ContactRow *stored = (Hy__ContactRow *)row_unpack(call, key, row, &hy__contact_row__descriptor);
		if (!stored)
			return HY_DATA_LOSS;
		fill_entry(stored, &entry);
	}
	int rc = row_pack(call, &entry.base, &body);
	if (rc != HY_OK)
		return rc;
	change->type = HY__SYNC_TYPE__SYNC_TYPE_CONTACT;
	change->body = row_binary(body);
	change->version = row->version;
	change->deleted = row->deleted;
	return HY_OK;
}

int contact_handle_changes(
	void *self, struct call *call, const Hy__ContactChangesRequest *request, Hy__ContactChangesResponse *response)
{
	struct contact *contact = self;
	struct hy_key key = hy_key_user(request->uin);
	struct kt_limits limits = {
		.max_bytes = request->max_bytes, .max_rows = request->max_rows, .began_at = request->began_at};
	struct kt_head intents;
	struct kt_rows rows;
	struct kt_head head;

	int rc = kt_read_changes(contact->kt, call, &key, SPACES_CONTACT, request->since, KT_STRONG, limits, &rows);
	if (rc == HY_OUT_OF_RANGE)
		return row_why_out_of_range(contact->kt, call, &key, SPACES_CONTACT, request->since, &head);
	if (rc == HY_OK)
		rc = kt_read_head(contact->kt, call, &key, SPACES_INTENT, KT_STRONG, &intents);
	if (rc != HY_OK)
		return rc;
	Hy__ContactChange *made = hy_arena_alloc(call->arena, rows.count * sizeof *made);
	response->changes = hy_arena_alloc(call->arena, rows.count * sizeof *response->changes);
	if (!made || !response->changes)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	for (size_t i = 0; i < rows.count; i++) {
		Hy__ContactChange *change = &made[response->n_changes];
		hy__contact_change__init(change);
		rc = change_body(call, &key, &rows.rows[i], change);
		if (rc == HY_DATA_LOSS)
			continue; /* R8 */
		if (rc != HY_OK)
			return rc;
		response->changes[response->n_changes++] = change;
	}
	response->version = rows.version;
	response->trimmed = rows.trimmed;
	response->more = rows.more;
	response->unsettled = intents.rows > 0;
	return HY_OK;
}
