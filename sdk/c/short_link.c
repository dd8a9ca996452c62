/* short_link.c - the short link: one HTTP request on a connection of its own, for a task that has no long link. */
#include <http_parser.h>
#include <stdio.h>

#include "base/mem.h"
#include "internal.h"

#define ANSWER_MAX (2u << 20)
#define READ_CHUNK (16u << 10)

struct short_link {
	struct dial dial;
	struct env_sock sock;
	struct task *task;
	struct hy_buf out, body;
	http_parser parser;
	bool writable, whole;
};

static void failed(struct short_link *s)
{
	task_try_failed(s->task); /* destroys s */
}

void short_link_destroy(struct short_link *s)
{
	if (!s)
		return;
	dial_stop(&s->dial);
	env_sock_close(&s->sock);
	hy_buf_fini_wiped(&s->out);
	hy_buf_fini(&s->body);
	hy_free(s);
}

bool short_link_connected(const struct short_link *s)
{
	return s->sock.on_event;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
	struct short_link *s = p->data;
	if (hy_buf_len(&s->body) + len > ANSWER_MAX)
		return 1;
	hy_buf_append(&s->body, at, len);
	return 0;
}

static int on_message_complete(http_parser *p)
{
	struct short_link *s = p->data;
	s->whole = true;
	return 0;
}

static const http_parser_settings settings = {.on_body = on_body, .on_message_complete = on_message_complete};

/** False: `s` is gone. */
static bool flush(struct short_link *s)
{
	while (s->writable && hy_buf_len(&s->out) > 0) {
		struct iovec iov = {hy_buf_data(&s->out), hy_buf_len(&s->out)};
		ssize_t n = env_sendv(&s->sock, &iov, 1);
		if (n == -EAGAIN) {
			s->writable = false;
		} else if (n < 0) {
			failed(s);
			return false;
		} else {
			hy_buf_consume(&s->out, (size_t)n);
		}
	}
	return true;
}

static void read_all(struct short_link *s)
{
	uint8_t chunk[READ_CHUNK];
	for (;;) {
		ssize_t n = env_recv(&s->sock, chunk, sizeof chunk);
		if (n == -EAGAIN)
			return;
		size_t used = n < 0 ? 0 : http_parser_execute(&s->parser, &settings, (char *)chunk, (size_t)n);
		if (s->whole && s->parser.status_code == 200) {
			struct task *t = s->task;
			struct hy_buf body = s->body;
			s->body = (struct hy_buf){0};
			short_link_destroy(hy_take(t->short_link));
			long_link_note_short(t->client, true);
			task_answered(t, hy_buf_bytes(&body));
			hy_buf_fini(&body);
			return;
		}
		if (n <= 0 || used != (size_t)n || s->whole) {
			if (n <= 0 && s->parser.status_code == 0)
				trouble_ended(s->task->client);
			else
				trouble_other_protocol(s->task->client, s->parser.status_code);
			failed(s);
			return;
		}
	}
}

static void on_event(struct env_sock *sock, unsigned events)
{
	struct short_link *s = hy_container_of(sock, struct short_link, sock);
	if (events & ENV_WRITABLE) {
		s->writable = true;
		if (!flush(s))
			return;
	}
	if (events & ENV_READABLE)
		read_all(s);
}

static void on_dialled(struct dial *d, struct env_sock *sock)
{
	struct short_link *s = hy_container_of(d, struct short_link, dial);
	if (!sock) {
		failed(s);
		return;
	}
	s->sock = *sock;
	s->sock.on_event = on_event;
	if (env_sock_attach(&s->sock, s->task->client->loop) != 0)
		failed(s);
}

void short_link_start(struct task *t)
{
	struct hongyan *h = t->client;
	struct short_link *s = hy_zalloc(sizeof *s);
	struct hy_buf request = {0};
	s->task = t;
	t->short_link = s;
	http_parser_init(&s->parser, HTTP_RESPONSE);
	s->parser.data = s;
	task_pack(t, &request);
	size_t len = hy_buf_len(&request);
	hy_buf_printf(&s->out,
		"POST %s HTTP/1.1\r\nHost: hongyan\r\nContent-Type: application/x-protobuf\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n",
		t->method->path, len);
	memcpy(hy_buf_reserve_wiped(&s->out, len), hy_buf_data(&request), len);
	hy_buf_commit(&s->out, len);
	hy_buf_fini_wiped(&request);
	dial_start(&s->dial, h, on_dialled);
}
