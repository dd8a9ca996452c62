/* Taking a message: one write, judged before the first wait (rule R7). */
#include "data/message/message_internal.h"

#define OVERDUE_RETRY_MS (3600u * 1000)
#define OWN_PAGES_MAX 64u /* pages of own copies looked at when they have to make room */
#define OWN_SHARE 16u     /* of a bound is freed at once: others are on their way, and looking costs reads */

enum append_op { OP_USER, OP_SENT, OP_INBOX, OP_NEVER = OP_INBOX, OP_EXPECT, OP_COUNT };

struct append {
	struct hy_key key;
	uint8_t sent_name[SPACES_SENT_NAME_SIZE];
	struct kt_op ops[OP_COUNT];
	size_t count;
	struct kt_result result;
};

static int write_row(struct call *call, const Hy__MessageAppendRequest *request, struct hy_bytes *ret_value)
{
	struct spaces_inbox row = {
		.type = request->type,
		.body = hy_bytes(request->body.data, request->body.len),
		.own = request->own,
		.time_ms = env_wall_ms(svr_env(svr_of_loop(call->loop))),
	};
	uint8_t *p = hy_arena_alloc(call->arena, row.body.len + SPACES_INBOX_MORE);

	if (!p)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	*ret_value = hy_bytes(p, spaces_inbox_write(p, &row));
	return HY_OK;
}

static int prepare(
	struct message *message, struct call *call, const Hy__MessageAppendRequest *request, struct append *a)
{
	const struct message_config *config = &message->config;
	enum spaces_role role = request->own ? SPACES_OWN : SPACES_INCOMING;

	if (request->client_id.len != SPACES_CLIENT_ID_SIZE)
		return call_fail(call, HY_INVALID_ARGUMENT, "a client ID has %u bytes", SPACES_CLIENT_ID_SIZE);
	if (request->content_hash.len != SPACES_HASH_SIZE || request->type == 0)
		return call_fail(call, HY_INVALID_ARGUMENT, "a message has a type and a content hash of %u bytes",
			SPACES_HASH_SIZE);
	if (request->body.len > config->body_bytes)
		return call_fail(call, HY_INVALID_ARGUMENT, "the message is longer than %u bytes", config->body_bytes);
	a->key = hy_key_user(request->uin);
	spaces_sent_name(a->sent_name, request->made_ms, request->own ? request->peer : request->sender, role,
		request->client_id.data);
	unsigned times = request->own ? 2 : 1;
	a->ops[OP_USER] = (struct kt_op){.kind = KT_EXPECT_NOT_EMPTY, .space = SPACES_ACCOUNT};
	a->ops[OP_SENT] = (struct kt_op){.kind = KT_INSERT,
		.space = SPACES_SENT,
		.name = hy_bytes(a->sent_name, sizeof a->sent_name),
		.value = hy_bytes(request->content_hash.data, request->content_hash.len)};
	a->ops[OP_INBOX] = (struct kt_op){.kind = KT_APPEND,
		.space = SPACES_INBOX,
		.max_rows = (uint64_t)config->inbox_rows * times,
		.max_bytes = config->inbox_bytes * times};
	/* judged behind the append, which has raised it by one */
	a->ops[OP_EXPECT] = (struct kt_op){
		.kind = KT_EXPECT_VERSION, .space = SPACES_INBOX, .version = request->expected_version + 1};
	a->count = request->expected_version != 0 ? OP_COUNT : OP_EXPECT;
	return write_row(call, request, &a->ops[OP_INBOX].value);
}

static int no_such_user(struct call *call)
{
	return call_fail(call, HY_NOT_FOUND, "there is no such user");
}

static bool over_bound(int rc, const struct append *a)
{
	return rc == HY_RESOURCE_EXHAUSTED && a->result.failed_op == OP_INBOX;
}

/** How far own copies stand at the inbox's front, as far as they are needed to free so many rows and bytes. SUSPENDS.
 */
static int own_copies_at_front(struct message *message, struct call *call, const struct hy_key *key,
	uint64_t rows_needed, uint64_t bytes_needed, struct kt_op *trim)
{
	struct spaces_inbox inbox;
	struct kt_rows rows = {.more = true};
	uint64_t freed_rows = 0, freed_bytes = 0;

	for (unsigned page = 0; page < OWN_PAGES_MAX && rows.more; page++) {
		int rc = kt_read_changes(
			message->kt, call, key, SPACES_INBOX, trim->version, KT_STRONG, (struct kt_limits){0}, &rows);
		if (rc != HY_OK)
			return rc;
		for (size_t i = 0; i < rows.count; i++) {
			const struct kt_row *row = &rows.rows[i];
			if (freed_rows >= rows_needed && freed_bytes >= bytes_needed)
				return HY_OK;
			if (!spaces_inbox_read(row->value, &inbox) || !inbox.own)
				return HY_OK;
			trim->version = row->version;
			freed_rows++;
			freed_bytes += row->value.len;
		}
	}
	return HY_OK;
}

/** The oldest own copies go before anybody is refused. HY_NOT_FOUND: something else is at the front. SUSPENDS. */
static int trim_own_copies(struct message *message, struct call *call, const struct append *a)
{
	const struct kt_op *append = &a->ops[OP_INBOX];
	struct kt_op op = {.kind = KT_TRIM, .space = SPACES_INBOX};
	struct kt_head head;

	int rc = kt_read_head(message->kt, call, &a->key, SPACES_INBOX, KT_STRONG, &head);
	if (rc != HY_OK)
		return rc;
	uint64_t rows = head.rows + append->max_rows / OWN_SHARE + 1;
	uint64_t bytes = head.bytes + append->max_bytes / OWN_SHARE + append->value.len;
	op.version = head.trimmed;
	rc = own_copies_at_front(message, call, &a->key, rows > append->max_rows ? rows - append->max_rows : 0,
		bytes > append->max_bytes ? bytes - append->max_bytes : 0, &op);
	if (rc == HY_OUT_OF_RANGE) /* trimmed since the head was read: somebody else has made room */
		return HY_OK;
	if (rc != HY_OK)
		return rc;
	if (op.version == head.trimmed)
		return HY_NOT_FOUND;
	env_mark(svr_env(svr_of_loop(call->loop)), "message: own copies go at the bound");
	return kt_write_lazily(message->kt, call, &a->key, &op, 1);
}

/** The inbox is full: once more in place of older own copies, if there are such; an own copy is dropped rather than
 * refused. */
static int append_again(
	struct message *message, struct call *call, const Hy__MessageAppendRequest *request, struct append *a)
{
	char text[64];

	int rc = trim_own_copies(message, call, a);
	if (message_is_gone(message, call, request->uin))
		return no_such_user(call);
	if (rc == HY_OK)
		rc = kt_write(message->kt, call, &a->key, a->ops, a->count, &a->result);
	else if (rc == HY_NOT_FOUND)
		rc = HY_RESOURCE_EXHAUSTED;
	if (!request->own || !over_bound(rc, a))
		return rc;
	mon_add(svr_mon(svr_of_loop(call->loop)), svr_loop_index(call->loop), MON_own_copies_dropped, 1);
	call_log(call, ENV_LOG_DEBUG, "data", "the inbox of %s is full: an own copy was not kept",
		hy_key_text(&a->key, text, sizeof text));
	call->retry_after_ms = 0;
	call->message = NULL;
	a->result.versions[OP_INBOX] = 0;
	return HY_OK;
}

/**
 * Only for what was stored before: the row of its ID is there, or on its way. Else the last op refuses: no inbox comes
 * to this version. SUSPENDS.
 */
static int append_repeat(struct message *message, struct call *call, struct append *a)
{
	a->ops[OP_NEVER] = (struct kt_op){.kind = KT_EXPECT_VERSION, .space = SPACES_INBOX, .version = UINT64_MAX};
	a->count = OP_NEVER + 1;
	int rc = kt_write(message->kt, call, &a->key, a->ops, a->count, &a->result);
	bool unknown = rc == HY_ABORTED || rc == HY_NOT_FOUND || rc == HY_OUT_OF_RANGE;
	return unknown ? call_fail(call, HY_PERMISSION_DENIED, "only contacts may write to this user") : rc;
}

/** Which refusal it was decides what the sender is told. */
static int refused(struct call *call, int rc, const Hy__MessageAppendRequest *request, const struct append *a,
	Hy__MessageAppendResponse *response)
{
	if (rc == HY_ALREADY_EXISTS && a->result.failed_op == OP_SENT) {
		response->version = a->result.stored.version;
		response->repeated_send = true;
		if (hy_bytes_equal(a->result.stored.value, a->ops[OP_SENT].value))
			return HY_OK;
		call_log(call, ENV_LOG_WARN, "data",
			"user %u sent other content to user %u under a client ID used before", request->sender,
			request->own ? request->peer : request->uin);
		return call_fail(call, rc, "another message was sent under this client ID");
	}
	if (rc == HY_NOT_FOUND && a->result.failed_op == OP_USER)
		return no_such_user(call);
	if (rc == HY_OUT_OF_RANGE && a->result.failed_op == OP_SENT)
		return call_fail(call, rc, "the message was first sent too long ago, or by a clock that is ahead");
	if (over_bound(rc, a)) {
		response->nearly_full = true;
		response->version = a->result.stored.version;
		call_log(call, ENV_LOG_DEBUG, "data", "the inbox of user %u is full", request->uin);
		return call_fail_retry(call, rc, 60000, "the recipient's inbox is full");
	}
	return rc;
}

int message_handle_append(
	void *self, struct call *call, const Hy__MessageAppendRequest *request, Hy__MessageAppendResponse *response)
{
	struct message *message = self;
	struct kt_head head;
	struct append a;

	if (message_is_gone(message, call, request->uin))
		return no_such_user(call);
	int rc = prepare(message, call, request, &a);
	if (rc != HY_OK)
		return rc;
	if (request->only_repeat)
		return refused(call, append_repeat(message, call, &a), request, &a, response);
	bool overdue = !request->own && message_is_overdue(message, call, request->uin);
	if (overdue) /* a repeat is recognised all the same */
		a.ops[OP_INBOX].max_rows = 1;
	rc = kt_write(message->kt, call, &a.key, a.ops, a.count, &a.result);
	if (over_bound(rc, &a) && overdue)
		return call_fail_retry(
			call, rc, OVERDUE_RETRY_MS, "the recipient has not fetched messages for too long");
	if (over_bound(rc, &a) && request->make_room)
		rc = append_again(message, call, request, &a);
	if (rc != HY_OK)
		return refused(call, rc, request, &a, response);
	response->version = a.result.versions[OP_INBOX];
	/* the message is safe: that its inbox cannot be looked at now is no reason to say otherwise */
	if (kt_read_head(message->kt, call, &a.key, SPACES_INBOX, KT_STALE_OK, &head) == HY_OK)
		response->nearly_full = message_nearly_full(message, &head);
	return HY_OK;
}
