/* Changes that come one upon the other or too late, and rows that are there or not: pairs agree all the same. */
#include <stdio.h>

#include "account.rpc.h"
#include "logic/contacts/contacts_world.h"
#include "message.rpc.h"

#define HOUR_MS (3600ull * 1000)
#define LATE_US 20000u

static const struct harness_config strict = {.contacts_only = true};

/* ---- one upon the other (rule R7) -------------------------------------------------------------------------------- */

struct pipe {
	struct person ann, bob;
	enum act first, second;
	int status[3];
};

/** The other one's loop takes its time. */
static void read_late(struct harness *h, struct call *call, const struct hy_key *key, uint8_t space)
{
	const struct pipe *p = h->arg;
	struct hy_key bob = hy_key_user(p->bob.uin);

	if (space == SPACES_ACCOUNT && hy_key_equal(key, &bob))
		CHECK(h, co_sleep_until(call->loop, svr_now_us(call->loop) + LATE_US) == HY_OK);
}

static void meet(struct harness *h, struct call *call)
{
	struct pipe *p = h->arg;

	p->ann = harness_register(h, call, "ann", "phone");
	p->bob = harness_register(h, call, "bob", "phone");
	if (p->first == ACT_BLOCK)
		world_bring(h, call, &p->ann, &p->bob, PAIR_BOTH);
	h->on.read = read_late;
}

/** The third one has no patience. */
static void act_in_turn(struct harness *h, struct call *call, unsigned index)
{
	struct pipe *p = h->arg;

	CHECK(h, co_sleep_until(call->loop, svr_now_us(call->loop) + index * LATE_US / 8) == HY_OK);
	if (index == 2)
		call->deadline_us = svr_now_us(call->loop) + LATE_US / 8;
	p->status[index] = world_act(h, call, &p->ann, p->bob.uin, index == 1 ? p->second : p->first, NULL);
}

static void look(struct harness *h, struct call *call)
{
	const struct pipe *p = h->arg;

	h->on.read = NULL;
	CHECK(h, p->status[0] == HY_OK && p->status[1] == HY_OK && p->status[2] == HY_DEADLINE_EXCEEDED);
	CHECK(h, !world_get(h, call, p->ann.uin, p->bob.uin)->row->blocked);
	CHECK(h, world_state(h, call, &p->ann, &p->bob) == (p->first == ACT_BLOCK ? PAIR_BOTH : PAIR_NONE));
}

static void test_order(void **state)
{
	static const enum act acts[][2] = {{ACT_BLOCK, ACT_UNBLOCK}, {ACT_REQUEST, ACT_DELETE}};

	for (unsigned i = 0; i < HY_COUNT_OF(acts); i++) {
		struct pipe pipe = {.first = acts[i][0], .second = acts[i][1]};
		struct harness h;
		harness_open(&h, &strict);
		h.arg = &pipe;
		harness_run(&h, meet);
		harness_run_many(&h, HY_COUNT_OF(pipe.status), act_in_turn);
		harness_run(&h, look);
		harness_close(&h);
	}
}

/* ---- what is put into the store from outside --------------------------------------------------------------------- */

static void put(
	struct harness *h, struct call *call, uint8_t space, uint32_t uin, uint32_t peer, const ProtobufCMessage *row)
{
	struct hy_key key = hy_key_user(uin);
	uint8_t name[SPACES_PEER_NAME_SIZE], *value = hy_arena_alloc(call->arena, 4096);
	struct kt_op op = {.kind = KT_PUT, .space = space, .name = hy_bytes(name, sizeof name)};
	struct kt_result result;

	spaces_peer_name(name, peer);
	op.value = hy_bytes(value, protobuf_c_message_pack(row, value));
	CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
}

/** As if the pair had last had to do with each other two hours ago. */
static void make_old(struct harness *h, struct call *call, uint32_t uin, uint32_t peer)
{
	Hy__ContactRow *row = world_get(h, call, uin, peer)->row;
	Hy__ContactHalf *halves[] = {row->mine, row->theirs};

	for (unsigned i = 0; i < HY_COUNT_OF(halves) && halves[i]; i++) {
		halves[i]->generation -= 2 * HOUR_MS;
		halves[i]->lapsed -= halves[i]->lapsed ? 2 * HOUR_MS : 0;
	}
	put(h, call, SPACES_CONTACT, uin, peer, &row->base);
}

/* ---- room -------------------------------------------------------------------------------------------------------- */

#define ROWS 4u

static void set_remark(struct harness *h, struct call *call, const struct person *who, uint32_t peer)
{
	Hy__SetRemarkRequest request = HY__SET_REMARK_REQUEST__INIT;
	Hy__SetRemarkResponse response = HY__SET_REMARK_RESPONSE__INIT;
	struct client_id id = harness_client_id(h);
	Hy__RequestHead head = harness_head(h, who->device, &id);

	harness_as(call, who);
	request.head = &head;
	request.uin = peer;
	request.remark = (char *)(uintptr_t) "asks and asks";
	CHECK(h, contacts_set_remark(call, &request, &response) == HY_OK);
}

static void do_room(struct harness *h, struct call *call)
{
	static const char *const names[ROWS] = {"ada", "ben", "cem", "dan"};
	struct person ann = harness_register(h, call, "ann", "phone"), eva = harness_register(h, call, "eva", "phone");
	struct person fay = harness_register(h, call, "fay", "phone"), p[ROWS];
	Hy__IntentRow intent = HY__INTENT_ROW__INIT;

	for (unsigned i = 0; i < ROWS; i++) {
		p[i] = harness_register(h, call, names[i], "phone");
		CHECK(h, world_act(h, call, &p[i], ann.uin, ACT_REQUEST, NULL) == HY_OK);
		CHECK(h, world_act(h, call, &ann, p[i].uin, ACT_DECLINE, NULL) == HY_OK);
	}
	set_remark(h, call, &ann, p[2].uin);
	CHECK(h, world_act(h, call, &ann, p[3].uin, ACT_BLOCK, NULL) == HY_OK);
	/* what was declined just now may still be restored, and may still be on its way */
	CHECK(h, world_act(h, call, &eva, ann.uin, ACT_REQUEST, NULL) == HY_RESOURCE_EXHAUSTED);
	CHECK(h, world_act(h, call, &ann, eva.uin, ACT_REQUEST, NULL) == HY_RESOURCE_EXHAUSTED);
	for (unsigned i = 0; i < ROWS; i++) {
		make_old(h, call, ann.uin, p[i].uin);
		make_old(h, call, p[i].uin, ann.uin);
	}
	CHECK(h, world_act(h, call, &eva, ann.uin, ACT_REQUEST, NULL) == HY_OK);
	CHECK(h, !world_get(h, call, ann.uin, p[0].uin) && !world_get(h, call, ann.uin, p[1].uin));
	CHECK(h, world_get(h, call, ann.uin, p[2].uin) && world_get(h, call, ann.uin, p[3].uin)->row->blocked);
	CHECK(h, world_act(h, call, &ann, fay.uin, ACT_REQUEST, NULL) == HY_OK);
	CHECK(h, world_state(h, call, &ann, &fay) == PAIR_ASKED && world_state(h, call, &ann, &eva) == PAIR_ASKS);
	/* what has lapsed is told again, and does not come back as if it were new */
	put(h, call, SPACES_INTENT, p[0].uin, ann.uin, &intent.base);
	world_settle(h, call, &p[0]);
	CHECK(h, !world_get(h, call, ann.uin, p[0].uin) && !world_get(h, call, p[0].uin, ann.uin)->intent);
	/* what is new does */
	CHECK(h, world_act(h, call, &ann, fay.uin, ACT_DELETE, NULL) == HY_OK);
	make_old(h, call, ann.uin, fay.uin);
	CHECK(h, world_act(h, call, &p[0], ann.uin, ACT_REQUEST, NULL) == HY_OK);
	CHECK(h, !world_get(h, call, ann.uin, fay.uin));
	CHECK(h, world_act(h, call, &ann, p[0].uin, ACT_ACCEPT, NULL) == HY_OK);
	CHECK(h, world_state(h, call, &ann, &p[0]) == PAIR_BOTH);
}

static void test_room(void **state)
{
	harness_once(&(struct harness_config){.contacts_only = true, .contact_rows = ROWS}, do_room);
}

/* ---- a pair that a repair left at odds --------------------------------------------------------------------------- */

static void do_repaired(struct harness *h, struct call *call)
{
	static const enum act acts[] = {ACT_REQUEST, ACT_ACCEPT, ACT_RESTORE};
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	for (unsigned i = 0; i < HY_COUNT_OF(acts); i++) {
		world_bring(h, call, &ann, &bob, PAIR_BOTH);
		Hy__ContactRow *old = world_get(h, call, ann.uin, bob.uin)->row;
		CHECK(h, world_act(h, call, &bob, ann.uin, ACT_DELETE, NULL) == HY_OK);
		put(h, call, SPACES_CONTACT, ann.uin, bob.uin, &old->base);
		CHECK(h, world_state(h, call, &ann, &bob) == PAIR_COUNT);
		/* it says so already; the other one is told even so, and tells what has become of it */
		CHECK(h, world_act(h, call, &ann, bob.uin, acts[i], NULL) == HY_OK);
		CHECK(h, world_state(h, call, &ann, &bob) == PAIR_LEFT);
	}
}

static void test_repaired(void **state)
{
	harness_once(&strict, do_repaired);
}

/* ---- late -------------------------------------------------------------------------------------------------------- */

static void erase_account(struct harness *h, struct call *call, uint32_t uin)
{
	Hy__AccountEraseRequest request = HY__ACCOUNT_ERASE_REQUEST__INIT;
	Hy__AccountEraseResponse response = HY__ACCOUNT_ERASE_RESPONSE__INIT;

	request.uin = uin;
	CHECK(h, account_erase(call, &request, &response) == HY_OK);
}

static void erase_rest(struct harness *h, struct call *call, uint32_t uin)
{
	Hy__ContactEraseRequest contacts = HY__CONTACT_ERASE_REQUEST__INIT;
	Hy__ContactEraseResponse erased = HY__CONTACT_ERASE_RESPONSE__INIT;
	Hy__MessageEraseRequest messages = HY__MESSAGE_ERASE_REQUEST__INIT;
	Hy__MessageEraseResponse emptied = HY__MESSAGE_ERASE_RESPONSE__INIT;

	contacts.uin = messages.uin = uin;
	CHECK(h, contact_erase(call, &contacts, &erased) == HY_OK && !erased.more);
	CHECK(h, message_erase(call, &messages, &emptied) == HY_OK);
}

static int append_own(struct harness *h, struct call *call, uint32_t uin, uint32_t peer)
{
	Hy__MessageAppendRequest request = HY__MESSAGE_APPEND_REQUEST__INIT;
	Hy__MessageAppendResponse response = HY__MESSAGE_APPEND_RESPONSE__INIT;
	struct client_id id = harness_client_id(h);

	request.uin = request.sender = uin;
	request.peer = peer;
	request.own = true;
	request.client_id = request.content_hash = (ProtobufCBinaryData){sizeof id.bytes, id.bytes};
	request.made_ms = env_wall_ms(h->env);
	request.type = 99;
	return message_append(call, &request, &response);
}

static void do_late(struct harness *h, struct call *call)
{
	static const uint8_t empty[] = {SPACES_CONTACT, SPACES_INBOX};
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct hy_key key = hy_key_user(bob.uin);
	struct kt_head head;

	world_bring(h, call, &ann, &bob, PAIR_BOTH);
	CHECK(h, append_own(h, call, bob.uin, ann.uin) == HY_OK);
	erase_account(h, call, bob.uin);
	world_settle(h, call, &bob);
	erase_rest(h, call, bob.uin);
	/* let in before the tickets ended */
	CHECK(h, world_wish(h, call, &bob, ann.uin, true, HY__CONTACT_PRECONDITION__CONTACT_ALWAYS) == HY_NOT_FOUND);
	CHECK(h, world_act(h, call, &bob, ann.uin, ACT_BLOCK, NULL) == HY_NOT_FOUND);
	CHECK(h, append_own(h, call, bob.uin, ann.uin) == HY_NOT_FOUND);
	CHECK(h, world_write(h, call, &bob, bob.uin) == HY_NOT_FOUND);
	for (unsigned i = 0; i < HY_COUNT_OF(empty); i++)
		CHECK(h, kt_read_head(h->kt, call, &key, empty[i], KT_STRONG, &head) == HY_OK && head.rows == 0);
	CHECK(h, append_own(h, call, ann.uin, bob.uin) == HY_OK);
}

static void test_late(void **state)
{
	harness_once(&strict, do_late);
}

/** Told as ended by the deletion; then an intent of before is driven again. */
static void do_ended(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	Hy__ContactTakeHalfRequest take = HY__CONTACT_TAKE_HALF_REQUEST__INIT;
	Hy__ContactTakeHalfResponse taken = HY__CONTACT_TAKE_HALF_RESPONSE__INIT;
	Hy__ContactHalf half = HY__CONTACT_HALF__INIT;

	world_bring(h, call, &ann, &bob, PAIR_ASKED);
	CHECK(h, world_wish(h, call, &bob, ann.uin, true, HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_ASKED) == HY_OK);
	erase_account(h, call, bob.uin);
	const Hy__ContactRow *own = world_get(h, call, bob.uin, ann.uin)->row;
	half.generation = own->mine->generation + HOUR_MS;
	half.lapsed = own->theirs->generation;
	take.uin = ann.uin;
	take.peer = bob.uin;
	take.half = &half;
	CHECK(h, contact_take_half(call, &take, &taken) == HY_OK && taken.changed);
	world_settle(h, call, &bob);
	erase_rest(h, call, bob.uin);
	const Hy__ContactEntry *entry = world_entry(h, call, &ann, bob.uin);
	CHECK(h, entry && entry->gone && entry->relation == HY__RELATION__RELATION_ENDED);
}

static void test_ended(void **state)
{
	harness_once(&strict, do_ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"changes about one peer are made in the order in which they came", test_order},
		{"a list that is full forgets whom there is nothing with, and nothing else", test_room},
		{"a wish that changes nothing makes a pair agree again after a repair", test_repaired},
		{"what comes late for a deleted account leaves nothing there", test_late},
		{"what a deletion has ended stays so when an earlier change is told again", test_ended},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
