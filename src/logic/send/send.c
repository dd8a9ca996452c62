#include "logic/send/send.h"

#include <sodium.h>

#include "base/mem.h"
#include "delivery.rpc.h"
#include "logic/limit_calls.h"
#include "send.rpc.h"
#include "sync.pb-c.h"

#define CLIENT_ID_SIZE 16u
#define HASH_SIZE 16u
#define AHEAD_MS (10u * 60 * 1000)

struct send {
	struct send_config config;
};

/** What one send needs on its way; on the handler's stack. */
struct letter {
	uint32_t from, to;
	uint8_t id[HASH_SIZE], content_hash[HASH_SIZE];
	ProtobufCBinaryData body;
};

static int check(struct call *call, const Hy__SendTextRequest *request)
{
	size_t len = strlen(request->text);

	if (call->who.uin == 0)
		return call_fail(call, HY_UNAUTHENTICATED, "sign in first");
	if (!request->head || request->head->client_id.len != CLIENT_ID_SIZE)
		return call_fail(call, HY_INVALID_ARGUMENT, "a message needs a client ID of %u bytes", CLIENT_ID_SIZE);
	if (request->to == 0)
		return call_fail(call, HY_INVALID_ARGUMENT, "a message needs a recipient");
	if (len == 0 || len > SEND_TEXT_MAX)
		return call_fail(call, HY_INVALID_ARGUMENT, "a text has 1 to %u bytes", SEND_TEXT_MAX);
	/* too old is for the store to say: its floor decides, not the clock */
	if (request->head->made_ms > env_wall_ms(svr_env(svr_of_loop(call->loop))) + AHEAD_MS)
		return call_fail(call, HY_OUT_OF_RANGE,
			"the message is dated more than ten minutes ahead of the server's clock");
	return HY_OK;
}

/** Rule R2, and the hash by which other content under the same client ID is noticed. */
static void identify(const struct send *send, const Hy__SendTextRequest *request, struct letter *letter)
{
	const struct logic_keys *keys = send->config.keys;
	crypto_generichash_state state;
	uint8_t name[16 + CLIENT_ID_SIZE], parties[8];

	hy_put_be32(name, letter->from);
	hy_put_be32(name + 4, letter->to);
	hy_put_be64(name + 8, request->head->made_ms);
	memcpy(name + 16, request->head->client_id.data, CLIENT_ID_SIZE);
	crypto_generichash(letter->id, HASH_SIZE, name, sizeof name, keys->message_id, LOGIC_KEY_SIZE);

	hy_put_be32(parties, letter->to);
	hy_put_be32(parties + 4, HY__SYNC_TYPE__SYNC_TYPE_TEXT);
	crypto_generichash_init(&state, keys->content, LOGIC_KEY_SIZE, HASH_SIZE);
	crypto_generichash_update(&state, parties, sizeof parties);
	crypto_generichash_update(&state, (const uint8_t *)request->text, strlen(request->text));
	crypto_generichash_final(&state, letter->content_hash, HASH_SIZE);
}

/** The entry as every device of both users will get it: packed once. */
static int write_body(struct call *call, const Hy__SendTextRequest *request, struct letter *letter)
{
	Hy__TextMessage text = HY__TEXT_MESSAGE__INIT;

	text.id = (ProtobufCBinaryData){HASH_SIZE, letter->id};
	text.from = letter->from;
	text.from_name = (char *)(uintptr_t)(call->who.name ? call->who.name : "");
	text.to = letter->to;
	text.time_ms = env_wall_ms(svr_env(svr_of_loop(call->loop)));
	text.text = request->text;
	letter->body.len = protobuf_c_message_get_packed_size(&text.base);
	letter->body.data = hy_arena_alloc(call->arena, letter->body.len);
	if (!letter->body.data)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	protobuf_c_message_pack(&text.base, letter->body.data);
	return HY_OK;
}

/** SUSPENDS. */
static int deliver(struct call *call, const Hy__RequestHead *head, struct letter *letter, bool own, bool *ret_repeated)
{
	Hy__MessageAppendRequest append = HY__MESSAGE_APPEND_REQUEST__INIT;
	Hy__DeliverRequest request = HY__DELIVER_REQUEST__INIT;
	Hy__DeliverResponse response = HY__DELIVER_RESPONSE__INIT;

	append.uin = own ? letter->from : letter->to;
	append.sender = letter->from;
	append.peer = letter->to;
	append.own = own;
	append.client_id = head->client_id;
	append.made_ms = head->made_ms;
	append.content_hash = (ProtobufCBinaryData){HASH_SIZE, letter->content_hash};
	append.type = HY__SYNC_TYPE__SYNC_TYPE_TEXT;
	append.body = letter->body;
	request.uin = append.uin;
	request.append = &append;
	int rc = delivery_deliver(call, &request, &response);
	if (rc == HY_OK)
		*ret_repeated = response.repeated_send;
	return rc;
}

/** Nothing here waits before the recipient's write is queued (rule R7). SUSPENDS. */
static int send_letter(
	struct send *send, struct call *call, const Hy__SendTextRequest *request, Hy__SendTextResponse *response)
{
	struct letter letter = {.from = call->who.uin, .to = request->to};
	bool repeated, own_repeated;

	identify(send, request, &letter);
	int rc = write_body(call, request, &letter);
	if (rc == HY_OK)
		rc = deliver(call, request->head, &letter, false, &repeated);
	/* a note to oneself is one entry: all own devices get it as it came in */
	if (rc == HY_OK && letter.to != letter.from)
		rc = deliver(call, request->head, &letter, true, &own_repeated);
	if (rc != HY_OK)
		return rc;
	response->message_id.data = hy_arena_memdup(call->arena, letter.id, HASH_SIZE);
	if (!response->message_id.data)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	response->message_id.len = HASH_SIZE;
	call_count(call, repeated ? MON_messages_repeated : MON_messages_sent, 1);
	return HY_OK;
}

static int send_text(void *self, struct call *call, const Hy__SendTextRequest *request, Hy__SendTextResponse *response)
{
	int rc = check(call, request);
	if (rc == HY_OK) {
		rc = limit_user(call, HY__LIMIT_ACTION__LIMIT_SEND);
		if (rc != HY_OK) { /* no line for each: there may be many */
			call_count(call, MON_messages_refused, 1);
			return rc;
		}
	}
	if (rc == HY_OK)
		rc = send_letter(self, call, request, response);
	if (rc != HY_OK) {
		call_count(call, MON_messages_refused, 1);
		call_log(call, ENV_LOG_INFO, "send", "a message from user %u to user %u was refused: %s: %s",
			call->who.uin, request->to, hy_status_name(rc), call_why(call, rc));
	}
	return rc;
}

static const struct send_handlers handlers = {.send_text = send_text};

int send_create(struct svr *svr, const struct send_config *config, struct send **ret_send)
{
	struct send *send = hy_zalloc(sizeof *send);

	send->config = *config;
	rpc_add_service(svr, &send_service, &handlers, send);
	*ret_send = send;
	return HY_OK;
}

void send_destroy(struct send *send)
{
	hy_free(send);
}
