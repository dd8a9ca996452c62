/* The end of an account, begun and cut short after any of its writes. */
#include "account.rpc.h"
#include "contact.rpc.h"
#include "deletion.rpc.h"
#include "logic/contacts/contacts_world.h"

#define WRITES_MAX 40u

/** The disk takes so many more writes. */
struct cut {
	unsigned left;
	bool active, struck;
};

static int fail_writes(struct harness *h, struct call *call, const struct kt_op *ops, size_t count, int status)
{
	struct cut *cut = h->arg;

	if (!cut->active)
		return status;
	cut->struck = cut->struck || cut->left == 0;
	if (cut->left == 0)
		return HY_UNAVAILABLE;
	cut->left--;
	return status;
}

static int delete_user(struct call *call, uint32_t uin, bool free_name)
{
	Hy__DeletionDeleteRequest request = HY__DELETION_DELETE_REQUEST__INIT;
	Hy__DeletionDeleteResponse response = HY__DELETION_DELETE_RESPONSE__INIT;

	request.uin = uin;
	request.free_name = free_name;
	return deletion_delete(call, &request, &response);
}

static bool go_on(struct harness *h, struct call *call, uint32_t uin)
{
	Hy__DeletionGoOnRequest request = HY__DELETION_GO_ON_REQUEST__INIT;
	Hy__DeletionGoOnResponse response = HY__DELETION_GO_ON_RESPONSE__INIT;

	request.uin = uin;
	CHECK(h, deletion_go_on(call, &request, &response) == HY_OK);
	return response.begun;
}

static uint64_t rows(struct harness *h, struct call *call, uint32_t uin, uint8_t space)
{
	struct hy_key key = hy_key_user(uin);
	struct kt_head head = {0};

	CHECK(h, kt_read_head(h->kt, call, &key, space, KT_STRONG, &head) == HY_OK);
	return head.rows;
}

static uint32_t owner_of(struct harness *h, struct call *call, const char *name, int want)
{
	Hy__AccountResolveNameRequest request = HY__ACCOUNT_RESOLVE_NAME_REQUEST__INIT;
	Hy__AccountResolveNameResponse response = HY__ACCOUNT_RESOLVE_NAME_RESPONSE__INIT;

	request.name = (char *)(uintptr_t)name;
	request.released = true;
	CHECK(h, account_resolve_name(call, &request, &response) == want);
	return response.uin;
}

/** Nothing but a card that says so; the contact knows. */
static void check_gone(struct harness *h, struct call *call, uint32_t uin, const struct person *peer)
{
	static const uint8_t empty[] = {
		SPACES_INBOX, SPACES_CREDENTIAL, SPACES_POSITION, SPACES_CONTACT, SPACES_INTENT};

	for (size_t i = 0; i < HY_COUNT_OF(empty); i++)
		CHECK(h, rows(h, call, uin, empty[i]) == 0);
	CHECK(h, rows(h, call, uin, SPACES_ACCOUNT) == 1);
	const Hy__ContactGetResponse *row = world_get(h, call, peer->uin, uin);
	CHECK(h, row && row->row->card && row->row->card->gone && row->row->theirs && !row->row->theirs->wishes);
}

/** Of two who registered one is there; the gauge may not know that after a write of which nobody knows. */
static void check_counts(struct harness *h, struct call *call, uint32_t gone, bool certain)
{
	Hy__AccountListUsersRequest request = HY__ACCOUNT_LIST_USERS_REQUEST__INIT;
	Hy__AccountListUsersResponse response = HY__ACCOUNT_LIST_USERS_RESPONSE__INIT;

	CHECK(h, account_list_users(call, &request, &response) == HY_OK && response.n_users == 2);
	for (size_t i = 0; i < response.n_users; i++)
		CHECK(h, response.users[i]->gone == (response.users[i]->uin == gone));
	uint64_t users = mon_get(svr_mon(svr_of_loop(call->loop)), MON_users);
	CHECK(h, users == 1 || (users == 2 && !certain));
}

static void do_cut(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone"), bob = harness_register(h, call, "bob", "phone");
	struct cut *cut = h->arg;

	(void)harness_sign_in(h, call, "ann", "desk");
	world_bring(h, call, &ann, &bob, PAIR_BOTH);
	harness_send_ok(h, call, &bob, ann.uin, "a secret");
	call->who = (struct svr_passport){0};
	CHECK(h, !go_on(h, call, ann.uin)); /* nobody wants it */
	cut->active = true;
	int rc = delete_user(call, ann.uin, true);
	cut->active = false;
	CHECK(h, (rc == HY_OK) == !cut->struck);
	/* with the first write at the latest it goes on by itself; and only if it was not done */
	CHECK(h, go_on(h, call, ann.uin) == cut->struck || rc == HY_OK || rows(h, call, ann.uin, SPACES_INTENT) == 0);
	CHECK(h, !go_on(h, call, ann.uin));
	check_gone(h, call, ann.uin, &bob);
	check_counts(h, call, ann.uin, !cut->struck);
	(void)owner_of(h, call, "ann", HY_NOT_FOUND);
	CHECK(h, delete_user(call, ann.uin, true) == HY_NOT_FOUND);
}

static void test_cut(void **state)
{
	unsigned cuts = 0;

	for (unsigned writes = 0; writes < WRITES_MAX; writes++) {
		struct cut cut = {.left = writes};
		struct harness h;
		harness_open(&h, &(struct harness_config){0});
		h.arg = &cut;
		h.on.wrote = fail_writes;
		harness_run(&h, do_cut);
		harness_close(&h);
		if (!cut.struck)
			break;
		cuts++;
	}
	assert_true(cuts >= 6 && cuts < WRITES_MAX);
}

/** What the loser of a race for a name leaves: a user whom no name points to. */
static void do_nameless(struct harness *h, struct call *call)
{
	struct person ann = harness_register(h, call, "ann", "phone");
	Hy__AccountCreateUserRequest create = HY__ACCOUNT_CREATE_USER_REQUEST__INIT;
	Hy__AccountCreateUserResponse created = HY__ACCOUNT_CREATE_USER_RESPONSE__INIT;
	struct client_id id = harness_client_id(h);

	create.uin = ann.uin + 1;
	create.name = (char *)(uintptr_t) "ann";
	create.password_hash = (char *)(uintptr_t) "x";
	create.client_id = (ProtobufCBinaryData){sizeof id.bytes, id.bytes};
	CHECK(h, account_create_user(call, &create, &created) == HY_OK);
	CHECK(h, delete_user(call, create.uin, false) == HY_OK);
	CHECK(h, rows(h, call, create.uin, SPACES_CREDENTIAL) == 0 && rows(h, call, create.uin, SPACES_INTENT) == 0);
	CHECK(h, owner_of(h, call, "ann", HY_OK) == ann.uin);
	CHECK(h, harness_sync(h, call, &ann, &(Hy__SyncResponse)HY__SYNC_RESPONSE__INIT) == HY_OK);
	CHECK(h, delete_user(call, create.uin, false) == HY_NOT_FOUND);
	CHECK(h, delete_user(call, ann.uin + 2, false) == HY_NOT_FOUND);
}

static void test_nameless(void **state)
{
	struct harness h;

	harness_open(&h, &(struct harness_config){0});
	harness_run(&h, do_nameless);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a deletion that is cut short after any write goes on", test_cut, NULL, NULL, NULL},
		{"a user whom no name points to is deleted, and the name's owner is not", test_nameless, NULL, NULL,
			NULL},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
