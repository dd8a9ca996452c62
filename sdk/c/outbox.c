/* outbox.c - texts until they are answered for: of one conversation one at a time, so that order is kept (R7). */
#include "base/mem.h"
#include "internal.h"
#include "send.pb-c.h"

#define OUTBOX_MAX 10000u

struct conversation {
	struct hy_link in_client;
	struct hongyan *client;
	uint32_t to;
	struct task *task; /* of the first text */
	struct hy_link texts;
};

struct text {
	struct call call;
	uint32_t to;
	struct hy_link in_conversation;
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	uint64_t made_ms;
	char *text;
};

static void text_free(struct text *x)
{
	hy_list_remove(&x->in_conversation);
	hy_free(x->text);
	hy_free(x);
}

static void conversation_free(struct conversation *c)
{
	hy_list_remove(&c->in_client);
	hy_free(c);
}

static struct conversation *conversation_of(struct hongyan *h, uint32_t to)
{
	struct conversation *c;
	hy_list_each (c, &h->conversations, struct conversation, in_client)
		if (c->to == to)
			return c;
	c = hy_zalloc(sizeof *c);
	c->client = h;
	c->to = to;
	hy_link_init(&c->texts);
	hy_link_init(&c->in_client);
	hy_list_push_back(&h->conversations, &c->in_client);
	return c;
}

static void on_answer(struct task *t, int status, const char *why, const ProtobufCMessage *response);

static void send_first(struct conversation *c)
{
	struct hongyan *h = c->client;
	struct text *x = hy_list_first(&c->texts, struct text, in_conversation);
	Hy__SendTextRequest request = HY__SEND_TEXT_REQUEST__INIT;
	request.to = c->to;
	request.text = x->text;
	c->task = task_create(h, &method_send_text, &request.base, on_answer);
	memcpy(c->task->client_id, x->client_id, sizeof x->client_id);
	c->task->made_ms = x->made_ms;
	c->task->owner = c;
	task_begin(c->task);
}

static void on_answer(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	static const uint8_t none[HONGYAN_MESSAGE_ID_SIZE];
	struct conversation *c = t->owner;
	struct hongyan *h = c->client;
	struct text *x = hy_list_first(&c->texts, struct text, in_conversation);
	const Hy__SendTextResponse *r = (const Hy__SendTextResponse *)response;
	c->task = NULL;
	if (status == HONGYAN_UNAUTHENTICATED)
		return; /* it stays: the program signs in again, or gives up */
	const uint8_t *id = r && r->message_id.len == sizeof none ? r->message_id.data : none;
	hy_list_remove(&x->in_conversation);
	atomic_fetch_sub(&h->outbox_count, 1);
	if (!hy_list_empty(&c->texts))
		send_first(c);
	uint32_t to = c->to;
	if (hy_list_empty(&c->texts))
		conversation_free(c);
	if (h->events.on_sent)
		h->events.on_sent(h->arg, to, x->client_id, status, status == HONGYAN_OK ? NULL : why, id);
	text_free(x);
}

static void put(struct call *call)
{
	struct text *x = hy_container_of(call, struct text, call);
	struct hongyan *h = call->client;
	struct conversation *c = conversation_of(h, x->to);
	hy_list_push_back(&c->texts, &x->in_conversation);
	if (!c->task && hy_buf_len(&h->ticket) > 0)
		send_first(c);
}

int hongyan_send_text(struct hongyan *h, uint32_t to, const char *text, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE],
	uint64_t made_ms)
{
	size_t len = strlen(text);
	if (len == 0 || len > HONGYAN_TEXT_MAX)
		return HONGYAN_INVALID_ARGUMENT;
	if (atomic_fetch_add(&h->outbox_count, 1) >= OUTBOX_MAX) {
		atomic_fetch_sub(&h->outbox_count, 1);
		return HONGYAN_RESOURCE_EXHAUSTED;
	}
	struct text *x = hy_zalloc(sizeof *x);
	hy_link_init(&x->in_conversation);
	memcpy(x->client_id, client_id, sizeof x->client_id);
	x->made_ms = made_ms;
	x->to = to;
	x->text = hy_strdup(text);
	x->call.fn = put;
	client_call(h, &x->call);
	return HONGYAN_OK;
}

void outbox_start(struct hongyan *h)
{
	struct conversation *c;
	hy_list_each (c, &h->conversations, struct conversation, in_client)
		if (!c->task)
			send_first(c);
}

void outbox_stop(struct hongyan *h)
{
	struct conversation *c;
	hy_list_each (c, &h->conversations, struct conversation, in_client)
		if (c->task)
			task_cancel(hy_take(c->task));
}

void outbox_clear(struct hongyan *h)
{
	struct conversation *c;
	outbox_stop(h);
	hy_list_each (c, &h->conversations, struct conversation, in_client) {
		struct text *x;
		hy_list_each (x, &c->texts, struct text, in_conversation)
			text_free(x);
		conversation_free(c);
	}
}
