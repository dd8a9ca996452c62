#include "logic/contacts/contacts_world.h"

#include <stdio.h>

#include "svrkit/pb.h"

const char *const pair_names[PAIR_COUNT] = {"none", "asked", "asks", "contacts", "left", "leaves"};

/* Requests and answers of these methods have the same members, but are of different types. */
#define ACT(Type, type, method)                                              \
	({                                                                   \
		Hy__##Type##Request request = HY__##type##_REQUEST__INIT;    \
		Hy__##Type##Response response = HY__##type##_RESPONSE__INIT; \
		request.head = &head;                                        \
		request.uin = peer;                                          \
		int rc_ = contacts_##method(call, &request, &response);      \
		relation = response.relation;                                \
		rc_;                                                         \
	})

static int request_contact(
	struct call *call, Hy__RequestHead *head, uint32_t peer, const char *greeting, Hy__Relation *relation)
{
	Hy__RequestContactRequest request = HY__REQUEST_CONTACT_REQUEST__INIT;
	Hy__RequestContactResponse response = HY__REQUEST_CONTACT_RESPONSE__INIT;

	request.head = head;
	request.uin = peer;
	request.greeting = (char *)(uintptr_t)greeting;
	int rc = contacts_request_contact(call, &request, &response);
	*relation = response.relation;
	return rc;
}

static int block_contact(struct call *call, Hy__RequestHead *head, uint32_t peer, bool blocked, Hy__Relation *relation)
{
	Hy__BlockContactRequest request = HY__BLOCK_CONTACT_REQUEST__INIT;
	Hy__BlockContactResponse response = HY__BLOCK_CONTACT_RESPONSE__INIT;

	request.head = head;
	request.uin = peer;
	request.blocked = blocked;
	int rc = contacts_block_contact(call, &request, &response);
	*relation = response.relation;
	return rc;
}

int world_act_as(struct harness *h, struct call *call, const struct person *who, uint32_t peer, enum act act,
	struct client_id id, uint64_t made_ms, const char *text, Hy__Relation *ret_relation)
{
	Hy__RequestHead head = harness_head(h, who->device, &id);
	Hy__Relation relation = HY__RELATION__RELATION_NONE;
	int rc = HY_INTERNAL;

	harness_as(call, who);
	head.made_ms = made_ms;
	switch (act) {
	case ACT_REQUEST:
		rc = request_contact(call, &head, peer, text, &relation);
		break;
	case ACT_ACCEPT:
		rc = ACT(AcceptContact, ACCEPT_CONTACT, accept_contact);
		break;
	case ACT_DECLINE:
		rc = ACT(DeclineContact, DECLINE_CONTACT, decline_contact);
		break;
	case ACT_DELETE:
		rc = ACT(DeleteContact, DELETE_CONTACT, delete_contact);
		break;
	case ACT_RESTORE:
		rc = ACT(RestoreContact, RESTORE_CONTACT, restore_contact);
		break;
	case ACT_BLOCK:
	case ACT_UNBLOCK:
		rc = block_contact(call, &head, peer, act == ACT_BLOCK, &relation);
		break;
	case ACT_COUNT:
		break;
	}
	if (ret_relation)
		*ret_relation = relation;
	return rc;
}

int world_act(struct harness *h, struct call *call, const struct person *who, uint32_t peer, enum act act,
	Hy__Relation *ret_relation)
{
	return world_act_as(h, call, who, peer, act, harness_client_id(h), env_wall_ms(h->env), "hello", ret_relation);
}

int world_wish(struct harness *h, struct call *call, const struct person *who, uint32_t peer, bool wishes,
	Hy__ContactPrecondition only_if)
{
	Hy__ContactSetWishRequest request = HY__CONTACT_SET_WISH_REQUEST__INIT;
	Hy__ContactSetWishResponse response = HY__CONTACT_SET_WISH_RESPONSE__INIT;
	struct client_id id = harness_client_id(h);

	request.uin = who->uin;
	request.peer = peer;
	request.wishes = wishes;
	request.only_if = only_if;
	request.client_id = (ProtobufCBinaryData){sizeof id.bytes, id.bytes};
	request.made_ms = env_wall_ms(h->env);
	return contact_set_wish(call, &request, &response);
}

void world_settle(struct harness *h, struct call *call, const struct person *who)
{
	Hy__ContactsSettleRequest request = HY__CONTACTS_SETTLE_REQUEST__INIT;
	Hy__ContactsSettleResponse response = HY__CONTACTS_SETTLE_RESPONSE__INIT;

	request.uin = who->uin;
	CHECK(h, contacts_settle(call, &request, &response) == HY_OK && response.left == 0);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

Hy__ContactGetResponse *world_get(struct harness *h, struct call *call, uint32_t uin, uint32_t peer)
{
	Hy__ContactGetRequest request = HY__CONTACT_GET_REQUEST__INIT;
	Hy__ContactGetResponse *response = hy_arena_alloc(call->arena, sizeof *response);

	hy__contact_get_response__init(response);
	request.uin = uin;
	request.peer = peer;
	int rc = contact_get(call, &request, response);
	CHECK(h, rc == HY_OK || rc == HY_NOT_FOUND);
	return rc == HY_OK ? response : NULL;
}

static bool halves_equal(const Hy__ContactHalf *a, const Hy__ContactHalf *b)
{
	if (!a || !b)
		return a == b;
	return a->generation == b->generation && a->wishes == b->wishes && a->lapsed == b->lapsed &&
	       strcmp(a->greeting, b->greeting) == 0 && a->asked_ms == b->asked_ms;
}

static enum pair_state state_now(struct harness *h, struct call *call, const struct person *a, const struct person *b)
{
	static const uint32_t relations[PAIR_COUNT][2] = {
		[PAIR_NONE] = {HY__RELATION__RELATION_NONE, HY__RELATION__RELATION_NONE},
		[PAIR_ASKED] = {HY__RELATION__RELATION_OUTGOING, HY__RELATION__RELATION_INCOMING},
		[PAIR_ASKS] = {HY__RELATION__RELATION_INCOMING, HY__RELATION__RELATION_OUTGOING},
		[PAIR_BOTH] = {HY__RELATION__RELATION_CONTACT, HY__RELATION__RELATION_CONTACT},
		[PAIR_LEFT] = {HY__RELATION__RELATION_ENDED, HY__RELATION__RELATION_NONE},
		[PAIR_LEAVES] = {HY__RELATION__RELATION_NONE, HY__RELATION__RELATION_ENDED},
	};
	Hy__ContactGetResponse *of_a = world_get(h, call, a->uin, b->uin), *of_b = world_get(h, call, b->uin, a->uin);

	Hy__ContactRow none = HY__CONTACT_ROW__INIT, *row_a = of_a ? of_a->row : &none,
		       *row_b = of_b ? of_b->row : &none;
	uint32_t relation_a = of_a ? of_a->relation : 0, relation_b = of_b ? of_b->relation : 0;

	if (!halves_equal(row_a->mine, row_b->theirs) || !halves_equal(row_a->theirs, row_b->mine))
		return PAIR_COUNT;
	if ((of_a && of_a->intent != 0) || (of_b && of_b->intent != 0))
		return PAIR_COUNT;
	for (unsigned i = 0; i < PAIR_COUNT; i++)
		if (relations[i][0] == relation_a && relations[i][1] == relation_b)
			return (enum pair_state)i;
	return PAIR_COUNT;
}

void world_bring(
	struct harness *h, struct call *call, const struct person *a, const struct person *b, enum pair_state state)
{
	bool by_b = state == PAIR_ASKS;

	(void)world_act(h, call, a, b->uin, ACT_DELETE, NULL);
	(void)world_act(h, call, b, a->uin, ACT_DELETE, NULL);
	if (state != PAIR_NONE)
		CHECK(h, world_act(h, call, by_b ? b : a, by_b ? a->uin : b->uin, ACT_REQUEST, NULL) == HY_OK);
	if (state >= PAIR_BOTH)
		CHECK(h, world_act(h, call, b, a->uin, ACT_ACCEPT, NULL) == HY_OK);
	if (state == PAIR_LEFT)
		CHECK(h, world_act(h, call, b, a->uin, ACT_DELETE, NULL) == HY_OK);
	if (state == PAIR_LEAVES)
		CHECK(h, world_act(h, call, a, b->uin, ACT_DELETE, NULL) == HY_OK);
	CHECK(h, world_state(h, call, a, b) == state);
}

enum pair_state world_state(struct harness *h, struct call *call, const struct person *a, const struct person *b)
{
	enum pair_state state = state_now(h, call, a, b);

	/* that an intent is settled is written without waiting for it */
	for (unsigned i = 0; h->config.open && state == PAIR_COUNT && i < 1000; i++) {
		CHECK(h, co_sleep_until(call->loop, svr_now_us(call->loop) + 1000) == HY_OK);
		state = state_now(h, call, a, b);
	}
	return state;
}

Hy__ContactEntry *world_entry(struct harness *h, struct call *call, const struct person *who, uint32_t peer)
{
	struct person fresh = *who;
	Hy__ContactEntry *found = NULL;
	Hy__SyncResponse got;

	fresh.snapshot_len = 0;
	do {
		CHECK(h, harness_sync(h, call, &fresh, &got) == HY_OK);
		for (size_t i = 0; i < got.n_entries; i++) {
			if (got.entries[i]->kind != HY__SYNC_KIND__SYNC_KIND_CONTACT)
				continue;
			Hy__ContactEntry *entry = (Hy__ContactEntry *)pb_unpack(&hy__contact_entry__descriptor,
				hy_bytes(got.entries[i]->body.data, got.entries[i]->body.len), call->arena);
			CHECK(h, entry != NULL);
			if (entry && entry->uin == peer)
				found = entry;
		}
		harness_keep(h, &fresh, &got);
	} while (got.more);
	return found;
}

int world_write(struct harness *h, struct call *call, const struct person *from, uint32_t to)
{
	Hy__SendTextResponse sent;

	return harness_send(h, call, from, to, "a letter", harness_client_id(h), 0, &sent);
}
