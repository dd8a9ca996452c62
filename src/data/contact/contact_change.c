/* A user changes its row of a peer: one write, with what makes a repeat harmless and what is to be told (rule R9). */
#include <sodium.h>

#include "base/planted.h"
#include "contacts.pb-c.h"
#include "data/contact/contact_internal.h"

enum change_op { OP_SENT, OP_EXPECT, OP_NEVER = OP_EXPECT, OP_OWNER, OP_FIRST, OP_COUNT = OP_FIRST + 2 };
/** What a change writes beside its ID. */
enum change_parts { PART_ROW = 1, PART_INTENT = 2 };

struct change {
	struct contact *contact;
	struct hy_key key;
	struct contact_name peer_name;
	struct hy_bytes peer; /* points into it */
	uint8_t sent_name[SPACES_SENT_NAME_SIZE], hash[SPACES_HASH_SIZE];
	struct kt_op ops[OP_COUNT];
	size_t count;
	struct kt_result result;
	/* the row as it was read, and then as it shall be */
	Hy__ContactRow *row;
	uint64_t version; /* 0: a new one */
	uint64_t owner_version;
};

/** `asked`: what a repeat must ask for, too. */
static int begin(struct contact *contact, struct call *call, uint32_t uin, uint32_t peer, ProtobufCBinaryData client_id,
	uint64_t made_ms, const ProtobufCMessage *asked, struct change *c)
{
	crypto_generichash_state state;
	struct hy_bytes bytes;

	if (client_id.len != SPACES_CLIENT_ID_SIZE)
		return call_fail(call, HY_INVALID_ARGUMENT, "a client ID has %u bytes", SPACES_CLIENT_ID_SIZE);
	if (peer == 0 || peer == uin)
		return call_fail(call, HY_INVALID_ARGUMENT, "nobody is one's own contact");
	c->contact = contact;
	c->key = hy_key_user(uin);
	c->peer = contact_name_of(peer, &c->peer_name);
	spaces_sent_name(c->sent_name, made_ms, peer, SPACES_CONTACT_CHANGE, client_id.data);
	int rc = row_pack(call, asked, &bytes);
	if (rc != HY_OK)
		return rc;
	crypto_generichash_init(&state, NULL, 0, sizeof c->hash);
	crypto_generichash_update(&state, (const uint8_t *)asked->descriptor->name, strlen(asked->descriptor->name));
	crypto_generichash_update(&state, bytes.data, bytes.len);
	crypto_generichash_final(&state, c->hash, sizeof c->hash);
	c->ops[OP_SENT] = (struct kt_op){.kind = KT_INSERT,
		.space = SPACES_SENT,
		.name = hy_bytes(c->sent_name, sizeof c->sent_name),
		.value = hy_bytes(c->hash, sizeof c->hash)};
	return HY_OK;
}

/** NOT_FOUND: the account was deleted, while this request was on its way. SUSPENDS. */
static int read_row(struct call *call, struct change *c)
{
	struct kt_place places[] = {{SPACES_CONTACT, c->peer}, {SPACES_ACCOUNT, hy_bytes_str(SPACES_OWNER)}};
	struct kt_row rows[HY_COUNT_OF(places)];

	int rc = kt_read_rows(c->contact->kt, call, &c->key, places, HY_COUNT_OF(places), KT_STRONG, rows);
	if (rc != HY_OK)
		return rc;
	if (!contact_owner_is_there(call, &c->key, &rows[1]))
		return call_fail(call, HY_NOT_FOUND, "this account was deleted");
	c->version = rows[0].version;
	c->owner_version = rows[1].version;
	c->row = contact_unpack(call, &c->key, &rows[0]);
	return c->row ? HY_OK : call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
}

/** For one row more, of at most so many. SUSPENDS. */
static int has_room(struct call *call, const struct change *c, uint32_t rows)
{
	bool room;

	if (c->version != 0)
		return HY_OK;
	int rc = contact_has_room(c->contact, call, &c->key, rows, &room);
	if (rc != HY_OK || room)
		return rc;
	return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 3600000,
		"there are at least %u people in the list of contacts: no more fit", rows);
}

static void take_card(Hy__ContactRow *row, Hy__AccountCard *card)
{
	if (card && (!row->card || card->version > row->card->version))
		row->card = card;
}

/** SUSPENDS. OK: done, or (*ret_repeated) done before. ABORTED: somebody else was faster. */
static int write_change(struct call *call, struct change *c, protobuf_c_boolean *ret_repeated)
{
	int rc = kt_write(c->contact->kt, call, &c->key, c->ops, c->count, &c->result);
	if (rc == HY_OUT_OF_RANGE && c->result.failed_op == OP_SENT)
		return call_fail(call, rc, "the change was first sent too long ago, or by a clock that is ahead");
	if (rc != HY_ALREADY_EXISTS || c->result.failed_op != OP_SENT)
		return rc;
	if (!hy_bytes_equal(c->result.stored.value, c->ops[OP_SENT].value))
		return call_fail(call, rc, "another change was sent under this client ID");
	*ret_repeated = true;
	env_mark(svr_env(svr_of_loop(call->loop)), "contacts: a repeat changed nothing");
	return read_row(call, c);
}

/** It cannot be done now (`why`), but may have been done before. SUSPENDS. */
static int refuse_unless_repeated(struct call *call, struct change *c, int why, protobuf_c_boolean *ret_repeated)
{
	const char *message = call->message;
	uint32_t retry_after_ms = call->retry_after_ms;

	c->ops[OP_NEVER] = (struct kt_op){.kind = KT_EXPECT_VERSION, .space = SPACES_CONTACT, .version = UINT64_MAX};
	c->count = OP_NEVER + 1;
	int rc = write_change(call, c, ret_repeated);
	if (rc != HY_ABORTED)
		return rc;
	call->message = message;
	call->retry_after_ms = retry_after_ms;
	return why;
}

/** Nothing is left that it says; then nobody needs it. */
static bool is_empty(const Hy__ContactRow *row)
{
	return !row->mine && !row->theirs && !row->blocked && row->remark[0] == '\0';
}

/** The row, if `parts` has it, goes into the first op. SUSPENDS, as write_change(). */
static int write_row(struct call *call, struct change *c, unsigned parts, protobuf_c_boolean *ret_repeated)
{
	Hy__IntentRow intent = HY__INTENT_ROW__INIT;
	int rc = HY_OK;

	c->ops[OP_EXPECT] =
		(struct kt_op){.kind = KT_EXPECT_ROW, .space = SPACES_CONTACT, .name = c->peer, .version = c->version};
	/* a request that is still in work when its account ends must not bring it back */
	c->ops[OP_OWNER] = (struct kt_op){.kind = KT_EXPECT_ROW,
		.space = SPACES_ACCOUNT,
		.name = hy_bytes_str(SPACES_OWNER),
		.version = c->owner_version};
	c->count = OP_FIRST;
	if (parts & PART_ROW) {
		struct kt_op *op = &c->ops[c->count++];
		*op = (struct kt_op){
			.kind = is_empty(c->row) ? KT_DELETE : KT_PUT, .space = SPACES_CONTACT, .name = c->peer};
		rc = op->kind == KT_PUT ? row_pack(call, &c->row->base, &op->value) : HY_OK;
	}
	if (rc == HY_OK && parts & PART_INTENT) {
		struct kt_op *op = &c->ops[c->count++];
		*op = (struct kt_op){.kind = KT_PUT, .space = SPACES_INTENT, .name = c->peer};
		intent.made_ms = env_wall_ms(svr_env(svr_of_loop(call->loop)));
		rc = row_pack(call, &intent.base, &op->value);
	}
	if (rc == HY_OK)
		rc = write_change(call, c, ret_repeated);
	if (rc == HY_OK && !*ret_repeated && parts & PART_ROW)
		c->version = c->result.versions[OP_FIRST];
	return rc;
}

static int changed_too_often(struct call *call)
{
	return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 1000, "too many changes of one contact at once");
}

/* ---- the user's own half ----------------------------------------------------------------------------------------- */

static int check_wish(struct call *call, const Hy__ContactSetWishRequest *request, const Hy__ContactRow *row)
{
	struct spaces_half mine = contact_half_of(row->mine), theirs = contact_half_of(row->theirs);
	bool my_live = spaces_half_is_live(&mine, &theirs), their_live = spaces_half_is_live(&theirs, &mine);

	if (request->wishes && row->card && row->card->gone)
		return call_fail(call, HY_NOT_FOUND, "this user's account was deleted");
	switch (request->only_if) {
	case HY__CONTACT_PRECONDITION__CONTACT_ALWAYS:
		return HY_OK;
	case HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_ASKED:
		if (their_live && (request->wishes || !my_live))
			return HY_OK;
		return call_fail(call, HY_FAILED_PRECONDITION, "this user does not ask to be a contact");
	case HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_KEPT:
		if (theirs.wishes)
			return HY_OK;
		return call_fail(call, HY_FAILED_PRECONDITION, "the other one has ended it, too: ask anew");
	case HY__CONTACT_PRECONDITION__CONTACT_ONLY_IF_MINE:
		if (mine.wishes)
			return HY_OK;
		return call_fail(call, HY_FAILED_PRECONDITION, "this user is no contact, and was not asked");
	default:
		return HY_FAILED_PRECONDITION;
	}
}

/**
 * Not if they are contacts, and shall be: a new generation would only undo what the other one may just be doing. The
 * other one is told even so: after a repair of the store the two need not agree on it.
 */
static void put_wish(struct call *call, const Hy__ContactSetWishRequest *request, Hy__ContactRow *row)
{
	if (request->wishes && contact_relation_of(row) == HY__RELATION__RELATION_CONTACT)
		return;
	uint64_t generation = contact_next_generation(call, row);
	if (!row->mine) {
		row->mine = hy_arena_alloc(call->arena, sizeof *row->mine);
		assert(row->mine); /* the row has just been unpacked from the same arena */
	}
	hy__contact_half__init(row->mine);
	row->mine->generation = generation;
	row->mine->wishes = request->wishes;
	row->mine->lapsed = request->wishes || !row->theirs ? 0 : row->theirs->generation;
	row->mine->greeting = request->wishes ? request->greeting : (char *)(uintptr_t) "";
	row->mine->asked_ms = request->wishes ? env_wall_ms(svr_env(svr_of_loop(call->loop))) : 0;
}

static int set_wish_once(struct call *call, const Hy__ContactSetWishRequest *request, struct change *c,
	Hy__ContactSetWishResponse *response)
{
	int rc = read_row(call, c);
	if (rc != HY_OK)
		return rc;
	rc = check_wish(call, request, c->row);
	if (rc == HY_OK && request->wishes)
		rc = has_room(call, c, c->contact->config.rows);
	if (rc != HY_OK)
		return refuse_unless_repeated(call, c, rc, &response->repeated_change);
	uint64_t generation = contact_half_of(c->row->mine).generation;
	put_wish(call, request, c->row);
	bool changed = contact_half_of(c->row->mine).generation != generation;
	if (request->set_remark && strcmp(request->remark, c->row->remark) != 0) {
		c->row->remark = request->remark;
		changed = true;
	}
	take_card(c->row, request->peer_card);
	return write_row(call, c, (changed ? PART_ROW : 0u) | (PLANTED(second_write_forgotten) ? 0u : PART_INTENT),
		&response->repeated_change);
}

int contact_handle_set_wish(
	void *self, struct call *call, const Hy__ContactSetWishRequest *request, Hy__ContactSetWishResponse *response)
{
	Hy__ContactSetWishRequest asked = *request;
	struct hy_bytes row;
	struct change c;

	/* named by the row's name, or not of the client's asking */
	asked.uin = asked.peer = 0;
	asked.client_id = (ProtobufCBinaryData){0, NULL};
	asked.made_ms = 0;
	asked.only_if = HY__CONTACT_PRECONDITION__CONTACT_ALWAYS;
	asked.peer_card = NULL;
	int rc = begin(self, call, request->uin, request->peer, request->client_id, request->made_ms, &asked.base, &c);
	if (rc != HY_OK)
		return rc;
	rc = HY_ABORTED;
	for (unsigned attempt = 0; attempt < CONTACT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = set_wish_once(call, request, &c, response);
	if (rc == HY_OK)
		rc = row_pack(call, &c.row->base, &row);
	if (rc != HY_OK)
		return rc == HY_ABORTED ? changed_too_often(call) : rc;
	response->row = row_binary(row);
	response->relation = contact_relation_of(c.row);
	response->version = c.version;
	return HY_OK;
}

/* ---- what is the user's alone ------------------------------------------------------------------------------------ */

static int set_local_once(struct call *call, const Hy__ContactSetLocalRequest *request, struct change *c,
	protobuf_c_boolean *ret_repeated)
{
	int rc = read_row(call, c);
	if (rc != HY_OK)
		return rc;
	if (c->version == 0 && !(request->set_blocked && request->blocked)) {
		rc = call_fail(call, HY_NOT_FOUND, "this user is not in the list of contacts");
		return refuse_unless_repeated(call, c, rc, ret_repeated);
	}
	rc = has_room(call, c, c->contact->config.rows + c->contact->config.block_rows);
	if (rc != HY_OK)
		return refuse_unless_repeated(call, c, rc, ret_repeated);
	if (request->set_remark)
		c->row->remark = request->remark;
	if (request->set_blocked)
		c->row->blocked = request->blocked;
	take_card(c->row, request->peer_card);
	return write_row(call, c, PART_ROW, ret_repeated);
}

int contact_handle_set_local(
	void *self, struct call *call, const Hy__ContactSetLocalRequest *request, Hy__ContactSetLocalResponse *response)
{
	Hy__ContactSetLocalRequest asked = *request;
	protobuf_c_boolean repeated = false;
	struct change c;

	asked.uin = asked.peer = 0;
	asked.client_id = (ProtobufCBinaryData){0, NULL};
	asked.made_ms = 0;
	asked.peer_card = NULL;
	int rc = begin(self, call, request->uin, request->peer, request->client_id, request->made_ms, &asked.base, &c);
	if (rc != HY_OK)
		return rc;
	rc = HY_ABORTED;
	for (unsigned attempt = 0; attempt < CONTACT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = set_local_once(call, request, &c, &repeated);
	if (rc != HY_OK)
		return rc == HY_ABORTED ? changed_too_often(call) : rc;
	response->relation = contact_relation_of(c.row);
	response->version = c.version;
	return HY_OK;
}
