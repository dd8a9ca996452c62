/* Both at once, crashes between the steps, and what is told late (rule R9). */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "account.rpc.h"
#include "logic/contacts/contacts_world.h"
#include "svrkit/pb.h"

static const struct harness_config strict = {.contacts_only = true};

static void give(struct harness *h, struct call *call, uint32_t to, uint32_t from, Hy__ContactHalf *half,
	Hy__AccountCard *card, Hy__ContactTakeHalfResponse *ret_taken)
{
	Hy__ContactTakeHalfRequest request = HY__CONTACT_TAKE_HALF_REQUEST__INIT;

	hy__contact_take_half_response__init(ret_taken);
	request.uin = to;
	request.peer = from;
	request.half = half;
	request.card = card;
	CHECK(h, contact_take_half(call, &request, ret_taken) == HY_OK);
}

/* ---- both at once ------------------------------------------------------------------------------------------------ */

struct first_step {
	bool wishes;
	Hy__ContactPrecondition only_if;
};

#define WISH(if_)                                             \
	{                                                     \
		true, HY__CONTACT_PRECONDITION__CONTACT_##if_ \
	}
#define END(if_)                                               \
	{                                                      \
		false, HY__CONTACT_PRECONDITION__CONTACT_##if_ \
	}

/* What both did before either heard of the other, and where that leads, whoever is told first. */
static const struct race {
	const char *name;
	enum pair_state from;
	struct first_step a, b;
	enum pair_state want;
} races[] = {
	{"both ask", PAIR_NONE, WISH(ALWAYS), WISH(ALWAYS), PAIR_BOTH},
	{"accepted while it is taken back", PAIR_ASKED, END(ONLY_IF_MINE), WISH(ONLY_IF_ASKED), PAIR_ASKS},
	{"declined while it is taken back", PAIR_ASKED, END(ONLY_IF_MINE), END(ONLY_IF_ASKED), PAIR_NONE},
	{"declined while it is asked anew", PAIR_ASKED, WISH(ALWAYS), END(ONLY_IF_ASKED), PAIR_ASKED},
	{"accepted while it is asked anew", PAIR_ASKED, WISH(ALWAYS), WISH(ONLY_IF_ASKED), PAIR_BOTH},
	{"both delete", PAIR_BOTH, END(ONLY_IF_MINE), END(ONLY_IF_MINE), PAIR_NONE},
	{"deleted while the other restores what is whole", PAIR_BOTH, END(ONLY_IF_MINE), WISH(ONLY_IF_KEPT),
		PAIR_LEAVES},
	{"restored while the other gives it up", PAIR_LEAVES, WISH(ONLY_IF_KEPT), END(ONLY_IF_MINE), PAIR_ASKED},
	{"restored while the other asks anew", PAIR_LEAVES, WISH(ONLY_IF_KEPT), WISH(ALWAYS), PAIR_BOTH},
	{"asked anew while the other gives it up", PAIR_LEFT, WISH(ALWAYS), END(ALWAYS), PAIR_ASKED},
};

static void race(struct harness *h, struct call *call, const struct race *r, const struct person *a,
	const struct person *b, bool b_first)
{
	world_bring(h, call, a, b, r->from);
	CHECK(h, world_wish(h, call, a, b->uin, r->a.wishes, r->a.only_if) == HY_OK);
	CHECK(h, world_wish(h, call, b, a->uin, r->b.wishes, r->b.only_if) == HY_OK);
	world_settle(h, call, b_first ? b : a);
	world_settle(h, call, b_first ? a : b);
	enum pair_state got = world_state(h, call, a, b);
	if (got != r->want)
		fprintf(stderr, "# %s: %s\n", r->name, got < PAIR_COUNT ? pair_names[got] : "at odds");
	CHECK(h, got == r->want);
}

static void do_races(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	for (size_t i = 0; i < HY_COUNT_OF(races); i++)
		for (unsigned order = 0; order < 4; order++)
			race(h, call, &races[i], order & 1 ? &bob : &ann, order & 1 ? &ann : &bob, order & 2);
}

static void test_races(void **state)
{
	harness_once(&strict, do_races);
}

/* ---- anything, in any order -------------------------------------------------------------------------------------- */

#define STEPS 3000u
#define LATE_MAX 16u

/** Halves on their way, to arrive at any time or never. */
struct late {
	uint32_t to, from;
	Hy__ContactHalf *half;
};

static void send_off(struct harness *h, struct call *call, const struct person *from, uint32_t to, struct late *late)
{
	const Hy__ContactGetResponse *own = world_get(h, call, from->uin, to);

	if (own && own->row->mine)
		*late = (struct late){to, from->uin, own->row->mine};
}

static void do_random(struct harness *h, struct call *call)
{
	struct person p[2] = {harness_register(h, call, "ann", "phone"), harness_register(h, call, "bob", "phone")};
	struct late late[LATE_MAX] = {{0}};
	Hy__ContactTakeHalfResponse taken;
	uint64_t seed = 20;

	for (unsigned i = 0; i < STEPS; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		unsigned draw = (unsigned)(seed >> 33), side = draw & 1;
		const struct person *me = &p[side];
		uint32_t peer = p[!side].uin;
		struct late *l = &late[draw / 2 % LATE_MAX];
		switch (draw / 64 % 8) {
		case 0:
		case 1:
		case 2:
			(void)world_wish(h, call, me, peer, draw / 512 % 2, (Hy__ContactPrecondition)(draw / 1024 % 4));
			break;
		case 3:
			send_off(h, call, me, peer, l);
			break;
		case 4:
		case 5:
			if (l->half)
				give(h, call, l->to, l->from, l->half, NULL, &taken);
			break;
		case 6:
			world_settle(h, call, me);
			break;
		default:
			world_settle(h, call, &p[0]);
			world_settle(h, call, &p[1]);
			CHECK(h, world_state(h, call, &p[0], &p[1]) != PAIR_COUNT);
		}
	}
}

static void test_random(void **state)
{
	harness_once(&strict, do_random);
}

/* ---- the second step fails, or is cut off ------------------------------------------------------------------------ */

static int fail_to_take(struct harness *h, struct call *call, const struct kt_op *ops, size_t count, int status)
{
	/* the write of a half that is taken expects the taker's account */
	return ops[0].kind == KT_EXPECT_ROW && ops[0].space == SPACES_ACCOUNT ? HY_UNAVAILABLE : status;
}

static void do_cut_off(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	Hy__Relation relation;
	Hy__SyncResponse got;

	/* the user's own row is durable: that is the answer */
	h->on.wrote = fail_to_take;
	CHECK(h, world_act(h, call, &ann, bob.uin, ACT_REQUEST, &relation) == HY_OK);
	CHECK(h, relation == HY__RELATION__RELATION_OUTGOING);
	h->on.wrote = NULL;
	CHECK(h, world_get(h, call, ann.uin, bob.uin)->intent != 0);
	/* a sync of either device of hers drives it */
	CHECK(h, harness_sync(h, call, &ann, &got) == HY_OK);
	for (unsigned i = 0; i < 100 && world_get(h, call, ann.uin, bob.uin)->intent != 0; i++)
		CHECK(h, co_sleep_until(call->loop, svr_now_us(call->loop) + 1000) == HY_OK);
	CHECK(h, world_state(h, call, &ann, &bob) == PAIR_ASKED);
	CHECK(h, mon_get(svr_mon(h->svr), MON_contact_intents_again) == 1);
	/* the server died between the steps: bob's own act does not wait for hers, nor lose it */
	CHECK(h, world_wish(h, call, &ann, bob.uin, false, HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_MINE) == HY_OK);
	CHECK(h, world_act(h, call, &bob, ann.uin, ACT_ACCEPT, &relation) == HY_OK);
	world_settle(h, call, &ann);
	CHECK(h, world_state(h, call, &ann, &bob) == PAIR_ASKS);
}

static void test_cut_off(void **state)
{
	harness_once(&strict, do_cut_off);
}

static void do_stale(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	Hy__ContactTakeHalfResponse taken;

	world_bring(h, call, &ann, &bob, PAIR_ASKED);
	Hy__ContactHalf *old = world_get(h, call, ann.uin, bob.uin)->row->mine;
	CHECK(h, world_act(h, call, &ann, bob.uin, ACT_DELETE, NULL) == HY_OK);
	uint64_t version = world_get(h, call, bob.uin, ann.uin)->version;
	give(h, call, bob.uin, ann.uin, old, NULL, &taken);
	CHECK(h, !taken.changed && taken.generation > old->generation);
	CHECK(h, world_get(h, call, bob.uin, ann.uin)->version == version);
	CHECK(h, world_state(h, call, &ann, &bob) == PAIR_NONE);
	CHECK(h, mon_get(svr_mon(h->svr), MON_contact_halves_stale) == 1);
	/* withdrawn before it was told at all: the request that comes late is none */
	struct person cem = harness_register(h, call, "cem", "phone");
	CHECK(h, world_wish(h, call, &ann, cem.uin, true, HY__CONTACT_PRECONDITION__CONTACT_ALWAYS) == HY_OK);
	old = world_get(h, call, ann.uin, cem.uin)->row->mine;
	CHECK(h, world_act(h, call, &ann, cem.uin, ACT_DELETE, NULL) == HY_OK);
	give(h, call, cem.uin, ann.uin, old, NULL, &taken);
	CHECK(h, world_state(h, call, &ann, &cem) == PAIR_NONE);
}

static void test_stale(void **state)
{
	harness_once(&strict, do_stale);
}

/** The row as a repaired store has it: of an earlier time. */
static void put_back(struct harness *h, struct call *call, uint32_t uin, uint32_t peer, const Hy__ContactRow *row)
{
	struct hy_key key = hy_key_user(uin);
	uint8_t name[SPACES_PEER_NAME_SIZE], *value = hy_arena_alloc(call->arena, 4096);
	struct kt_op op = {.kind = KT_PUT, .space = SPACES_CONTACT, .name = hy_bytes(name, sizeof name)};
	struct kt_result result;

	spaces_peer_name(name, peer);
	op.value = hy_bytes(value, protobuf_c_message_pack(&row->base, value));
	CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
}

static void do_repaired(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");

	world_bring(h, call, &ann, &bob, PAIR_BOTH);
	Hy__ContactRow *old = world_get(h, call, ann.uin, bob.uin)->row;
	CHECK(h, world_act(h, call, &ann, bob.uin, ACT_DELETE, NULL) == HY_OK);
	/* far ahead of any clock */
	Hy__ContactHalf *far = world_get(h, call, ann.uin, bob.uin)->row->mine;
	Hy__ContactTakeHalfResponse taken;
	far->generation += 1ull << 40;
	give(h, call, bob.uin, ann.uin, far, NULL, &taken);
	/* ann's store has lost the end, and what she does next is told: her word counts */
	put_back(h, call, ann.uin, bob.uin, old);
	CHECK(h, world_wish(h, call, &ann, bob.uin, false, HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_MINE) == HY_OK);
	CHECK(h, world_wish(h, call, &ann, bob.uin, true, HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_KEPT) == HY_OK);
	world_settle(h, call, &ann);
	CHECK(h, world_state(h, call, &ann, &bob) == PAIR_BOTH);
	CHECK(h, world_get(h, call, ann.uin, bob.uin)->row->mine->generation > far->generation);
	/* and what she has lost of his comes back with it */
	old = world_get(h, call, ann.uin, bob.uin)->row;
	CHECK(h, world_act(h, call, &bob, ann.uin, ACT_DELETE, NULL) == HY_OK);
	put_back(h, call, ann.uin, bob.uin, old);
	CHECK(h, world_state(h, call, &ann, &bob) == PAIR_COUNT);
	CHECK(h, world_wish(h, call, &ann, bob.uin, false, HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_MINE) == HY_OK);
	world_settle(h, call, &ann);
	CHECK(h, world_state(h, call, &ann, &bob) == PAIR_NONE);
}

static void test_repaired(void **state)
{
	harness_once(&strict, do_repaired);
}

static void do_damaged(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person cem = harness_register(h, call, "cem", "phone");
	struct hy_key key = hy_key_user(ann.uin);
	uint8_t name[SPACES_PEER_NAME_SIZE];
	struct kt_op op = {.kind = KT_PUT, .space = SPACES_CONTACT, .name = hy_bytes(name, sizeof name)};
	struct kt_result result;

	world_bring(h, call, &ann, &bob, PAIR_BOTH);
	world_bring(h, call, &ann, &cem, PAIR_BOTH);
	spaces_peer_name(name, bob.uin);
	op.value = hy_bytes_str("\xff\xff");
	CHECK(h, kt_write(h->kt, call, &key, &op, 1, &result) == HY_OK);
	/* it keeps nothing else back, lets nobody in, and is mended by the next change */
	CHECK(h, world_entry(h, call, &ann, cem.uin) && !world_entry(h, call, &ann, bob.uin));
	CHECK(h, world_write(h, call, &bob, ann.uin) == HY_PERMISSION_DENIED);
	CHECK(h, world_write(h, call, &cem, ann.uin) == HY_OK);
	CHECK(h, world_act(h, call, &ann, bob.uin, ACT_REQUEST, NULL) == HY_OK);
	CHECK(h, world_state(h, call, &ann, &bob) == PAIR_BOTH);
	CHECK(h, world_write(h, call, &bob, ann.uin) == HY_OK);
}

static void test_damaged(void **state)
{
	harness_once(&strict, do_damaged);
}

/* ---- cards ------------------------------------------------------------------------------------------------------- */

static void put_nickname(struct harness *h, struct call *call, uint32_t uin, const char *nickname)
{
	Hy__AccountPutProfileRequest request = HY__ACCOUNT_PUT_PROFILE_REQUEST__INIT;
	Hy__AccountPutProfileResponse response = HY__ACCOUNT_PUT_PROFILE_RESPONSE__INIT;
	Hy__AccountCard card = HY__ACCOUNT_CARD__INIT;
	struct client_id id = harness_client_id(h);

	card.nickname = (char *)(uintptr_t)nickname;
	request.uin = uin;
	request.card = &card;
	request.client_id = (ProtobufCBinaryData){sizeof id.bytes, id.bytes};
	request.made_ms = env_wall_ms(h->env);
	CHECK(h, account_put_profile(call, &request, &response) == HY_OK);
}

static bool knows_as(
	struct harness *h, struct call *call, const struct person *who, uint32_t peer, const char *nickname)
{
	const Hy__ContactEntry *entry = world_entry(h, call, who, peer);
	return entry && strcmp(entry->nickname, nickname) == 0;
}

#define FRIENDS 150u /* over two pages */

static void do_cards(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), friends[FRIENDS];
	char name[16];

	for (unsigned i = 0; i < FRIENDS; i++) {
		snprintf(name, sizeof name, "friend%u", i);
		friends[i] = harness_register(h, call, hy_arena_strndup(call->arena, name, strlen(name)), "phone");
		world_bring(h, call, &ann, &friends[i], (enum pair_state)(i % PAIR_COUNT));
	}
	put_nickname(h, call, ann.uin, "Annie");
	world_settle(h, call, &ann);
	for (unsigned i = 0; i < FRIENDS; i++) {
		/* who has ended it is not told any more; with no relation there is nobody to tell */
		enum pair_state state = (enum pair_state)(i % PAIR_COUNT);
		bool told = state != PAIR_NONE && state != PAIR_LEAVES;
		Hy__ContactEntry *entry = world_entry(h, call, &friends[i], ann.uin);
		CHECK(h, !entry || strcmp(entry->nickname, told ? "Annie" : "ann") == 0);
	}
	/* when it is mended they hear it, too */
	CHECK(h, world_act(h, call, &ann, friends[PAIR_LEAVES].uin, ACT_RESTORE, NULL) == HY_OK);
	CHECK(h, knows_as(h, call, &friends[PAIR_LEAVES], ann.uin, "Annie"));
	/* a request on its way when the name changed: the answer brings it */
	put_nickname(h, call, friends[0].uin, "Friend");
	CHECK(h, world_wish(h, call, &ann, friends[0].uin, true, HY__CONTACT_PRECONDITION__CONTACT_ALWAYS) == HY_OK);
	world_settle(h, call, &friends[0]);
	put_nickname(h, call, friends[0].uin, "Best friend");
	world_settle(h, call, &ann);
	CHECK(h, knows_as(h, call, &ann, friends[0].uin, "Best friend"));
	CHECK(h, knows_as(h, call, &friends[0], ann.uin, "Annie"));
}

static void test_cards(void **state)
{
	harness_once(&strict, do_cards);
}

static void do_gone(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct person cem = harness_register(h, call, "cem", "phone");
	Hy__AccountEraseRequest erase = HY__ACCOUNT_ERASE_REQUEST__INIT;
	Hy__AccountEraseResponse erased = HY__ACCOUNT_ERASE_RESPONSE__INIT;
	Hy__ContactEraseRequest forget = HY__CONTACT_ERASE_REQUEST__INIT;
	Hy__ContactEraseResponse forgot = HY__CONTACT_ERASE_RESPONSE__INIT;
	struct hy_key key = hy_key_user(bob.uin);
	struct kt_head head;

	world_bring(h, call, &ann, &bob, PAIR_BOTH);
	erase.uin = forget.uin = bob.uin;
	CHECK(h, account_erase(call, &erase, &erased) == HY_OK);
	world_settle(h, call, &bob);
	Hy__ContactEntry *entry = world_entry(h, call, &ann, bob.uin);
	CHECK(h, entry && entry->gone && strcmp(entry->name, "bob") == 0);
	CHECK(h, contact_erase(call, &forget, &forgot) == HY_OK && !forgot.more);
	CHECK(h, kt_read_head(h->kt, call, &key, SPACES_CONTACT, KT_STRONG, &head) == HY_OK && head.rows == 0);
	/* who ends it with somebody who is gone is not kept waiting; nobody begins it */
	CHECK(h, world_write(h, call, &ann, bob.uin) == HY_PERMISSION_DENIED);
	CHECK(h, world_act(h, call, &cem, bob.uin, ACT_REQUEST, NULL) == HY_NOT_FOUND);
	CHECK(h, world_act(h, call, &ann, bob.uin, ACT_DELETE, NULL) == HY_OK);
	CHECK(h, world_get(h, call, ann.uin, bob.uin)->intent == 0);
	CHECK(h, world_act(h, call, &ann, bob.uin, ACT_RESTORE, NULL) == HY_NOT_FOUND);
	CHECK(h, kt_read_head(h->kt, call, &key, SPACES_CONTACT, KT_STRONG, &head) == HY_OK && head.rows == 0);
}

static void test_gone(void **state)
{
	harness_once(&strict, do_gone);
}

/* ---- a key that must be read from RocksDB (rule R7) -------------------------------------------------------------- */

#define LETTERS 40u

struct letters {
	struct person ann, bob, cem;
	struct client_id ids[LETTERS];
	uint64_t made_ms;
	unsigned sent;
};

static int open_sdb(struct svr *svr, const struct kt_config *config, struct kt **ret_kt)
{
	char *why = NULL;
	int rc = kt_open_sdb(svr, config, ret_kt, &why);

	if (rc != HY_OK)
		print_error("%s\n", why ? why : "?");
	hy_free(why);
	return rc;
}

static void begin_letters(struct harness *h, struct call *call)
{
	struct letters *l = h->arg;

	l->ann = harness_register(h, call, "ann", "phone");
	l->bob = harness_register(h, call, "bob", "phone");
	l->cem = harness_register(h, call, "cem", "phone");
	world_bring(h, call, &l->ann, &l->bob, PAIR_BOTH);
	for (unsigned i = 0; i < LETTERS; i++)
		l->ids[i] = harness_client_id(h);
	l->made_ms = env_wall_ms(h->env);
}

/** As a link's requests: at once, in order. Every third is a stranger's. */
static void send_one(struct harness *h, struct call *call, unsigned index)
{
	struct letters *l = h->arg;
	const struct person *from = index % 3 == 2 ? &l->cem : &l->ann;
	Hy__SendTextResponse sent;
	char text[16];

	snprintf(text, sizeof text, "%u", index);
	int rc = harness_send(h, call, from, l->bob.uin, text, l->ids[index], l->made_ms, &sent);
	CHECK(h, rc == (index % 3 == 2 ? HY_PERMISSION_DENIED : HY_OK));
}

static void read_letters(struct harness *h, struct call *call)
{
	struct letters *l = h->arg;
	Hy__SyncResponse got;
	unsigned next = 0;

	CHECK(h, harness_sync(h, call, &l->bob, &got) == HY_OK && !got.more);
	for (size_t i = 0; i < got.n_entries; i++) {
		const Hy__TextMessage *text = harness_text(call, got.entries[i]);
		if (!text)
			continue;
		next += next % 3 == 2;
		CHECK(h, (unsigned)atoi(text->text) == next);
		next++;
	}
	CHECK(h, next == LETTERS);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static void test_cold(void **state)
{
	char dir[] = "/tmp/hongyan-contacts-XXXXXX";
	struct harness_config config = {.dir = dir, .open = open_sdb, .contacts_only = true};
	struct letters letters;
	struct harness h;

	assert_non_null(mkdtemp(dir));
	harness_open(&h, &config);
	h.arg = &letters;
	harness_run(&h, begin_letters);
	harness_close(&h);
	harness_open(&h, &config);
	h.arg = &letters;
	harness_run_many(&h, LETTERS, send_one);
	harness_run(&h, read_letters);
	harness_close(&h);
	assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ------------------------------------------------------------------------------------------------------------------ */

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"both at once come to the same, whoever is told first", test_races},
		{"anything in any order, halves that are late or lost included, ends in agreement", test_random},
		{"what was cut off is driven again, and the answer does not wait for it", test_cut_off},
		{"an older half is dropped", test_stale},
		{"after a repair of the store the owner's word counts", test_repaired},
		{"a damaged row keeps nothing else back, and is mended by the next change", test_damaged},
		{"a new name reaches those who have to do with the user", test_cards},
		{"a deleted account is told to its contacts, and settles what was to be told to it", test_gone},
		{"the letters of one link keep their order when the recipient must be read first", test_cold},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
