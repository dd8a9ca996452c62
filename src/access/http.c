/* http.c - the short link: parsing by libhttp-parser, one request of a connection at a time. */
#include "access/http.h"

#include <stdio.h>
#include <strings.h>

#include "access/entry_json.h"
#include "access/files.h"
#include "access/websocket.h"
#include "base/mem.h"
#include "svrkit/pb.h"

/** Headers that count. Content-Type and Expect may not be repeated; all lines of one of the others are a list. */
enum header {
	HEADER_CONTENT_TYPE,
	HEADER_EXPECT,
	HEADER_ACCEPT_ENCODING,
	HEADER_IF_NONE_MATCH,
	HEADER_FORWARDED,
	HEADER_HOST,
	HEADER_ORIGIN,
	HEADER_UPGRADE,
	HEADER_CONNECTION,
	HEADER_WEBSOCKET_KEY,
	HEADER_WEBSOCKET_VERSION,
	HEADER_COUNT
};

static const char *const header_names[HEADER_COUNT] = {[HEADER_CONTENT_TYPE] = "content-type",
	[HEADER_EXPECT] = "expect",
	[HEADER_ACCEPT_ENCODING] = "accept-encoding",
	[HEADER_IF_NONE_MATCH] = "if-none-match",
	[HEADER_FORWARDED] = "x-forwarded-for",
	[HEADER_HOST] = "host",
	[HEADER_ORIGIN] = "origin",
	[HEADER_UPGRADE] = "upgrade",
	[HEADER_CONNECTION] = "connection",
	[HEADER_WEBSOCKET_KEY] = "sec-websocket-key",
	[HEADER_WEBSOCKET_VERSION] = "sec-websocket-version"};

struct http_state {
	http_parser parser;
	struct hy_buf url, name, body, headers[HEADER_COUNT];
	struct hy_bytes file; /* what is left of it; longer than its request */
	size_t head_len;      /* bytes of the head so far */
	bool value_seen;      /* of that header */
	bool done;            /* a whole request is there */
	bool wants_get;       /* refused, since it was for a page */
	int refused;          /* HTTP status of a refusal, or 0 */
	const char *why;
	const struct rpc_method *method;
	struct conn *conn;
};

/* ---- answering --------------------------------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 304:
		return "Not Modified";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 403:
		return "Forbidden";
	case 417:
		return "Expectation Failed";
	case 426:
		return "Upgrade Required";
	case 431:
		return "Request Header Fields Too Large";
	case 503:
		return "Service Unavailable";
	default:
		return "Bad Request";
	}
}

#define SECRET_ROOM 4096u /* an answer with a ticket fits: it is not moved while it is made */
#define HEAD_ROOM 512u    /* that an answer's head takes at most, usually */
#define NOT_KEPT "Cache-Control: no-store\r\n"
#define NOT_HTTP "this is not HTTP"
#define ORIGIN_PAUSE_US 60000000u

/** `body_len` bytes are to follow, but on HEAD. */
static void append_head(
	struct conn *c, int status, const char *type, size_t body_len, const char *headers, bool keep_alive)
{
	bool page_only = c->http->wants_get;
	hy_buf_printf(&c->out, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
	if (status != 304) /* which speaks of what the client has */
		hy_buf_printf(&c->out, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, body_len);
	hy_buf_printf(&c->out, "X-Content-Type-Options: nosniff\r\n%s%s%s\r\n", headers,
		status != 405 ? ""
		: page_only   ? "Allow: GET, HEAD\r\n"
			      : "Allow: POST\r\n",
		keep_alive ? "" : "Connection: close\r\n");
	conn_mark_dirty(c);
	if (!keep_alive)
		conn_close_softly(c);
}

static void append_response(
	struct conn *c, int status, const char *type, const char *headers, struct hy_bytes body, bool keep_alive)
{
	(void)conn_reserve_output(c, HEAD_ROOM + body.len);
	append_head(c, status, type, body.len, headers, keep_alive);
	if (c->http->parser.method != HTTP_HEAD)
		hy_buf_append(&c->out, body.data, body.len);
}

void http_answer(
	struct conn *c, const struct request_origin *origin, const ProtobufCMessage *response, struct hy_arena *arena)
{
	struct hy_buf body = {0};
	bool json = origin->format == REQUEST_HTTP_JSON;
	if (c->out_secret)
		(void)hy_buf_reserve(&body, SECRET_ROOM);
	if (json) {
		pb_to_json(response, entry_json_inner, arena, &body);
		hy_buf_append(&body, "\n", 1);
	} else {
		pb_pack(response, &body);
	}
	append_response(c, 200, json ? "application/json" : "application/x-protobuf", NOT_KEPT, hy_buf_bytes(&body),
		origin->keep_alive);
	if (c->out_secret)
		hy_buf_fini_wiped(&body);
	else
		hy_buf_fini(&body);
}

/** From a parser's callback: parsing ends here. The first refusal counts. */
static int refuse(struct http_state *h, int status, const char *why)
{
	if (!h->refused) {
		h->refused = status;
		h->why = why;
	}
	return -1; /* on_headers_complete takes 1 and 2 for "there is no body" */
}

/* ---- parsing ----------------------------------------------------------------------------------------------------- */

/** Counts what the head may take; a stranger's memory is bounded by it. */
static int head_grows(struct http_state *h, size_t len)
{
	h->head_len += len;
	if (h->head_len <= HTTP_HEAD_MAX)
		return 0;
	return refuse(h, 431, "the request's head is too long");
}

static int on_url(http_parser *p, const char *at, size_t len)
{
	struct http_state *h = p->data;
	hy_buf_append(&h->url, at, len);
	return head_grows(h, len);
}

static bool buf_is(const struct hy_buf *b, const char *text)
{
	return hy_buf_len(b) == strlen(text) && strncasecmp((const char *)hy_buf_data(b), text, strlen(text)) == 0;
}

/** Blanks: the parser reads "Content-Length : 5", a proxy may not, and the body be a request (RFC 9112, 5.1). */
static int on_header_field(http_parser *p, const char *at, size_t len)
{
	struct http_state *h = p->data;
	if (memchr(at, ' ', len))
		return refuse(h, 400, NOT_HTTP);
	if (h->value_seen)
		hy_buf_clear(&h->name);
	h->value_seen = false;
	hy_buf_append(&h->name, at, len);
	return head_grows(h, len);
}

/** HEADER_COUNT: it does not count. */
static enum header header_read(const struct http_state *h)
{
	enum header i = 0;
	while (i < HEADER_COUNT && !buf_is(&h->name, header_names[i]))
		i++;
	return i == HEADER_FORWARDED && !h->conn->peer.proxy ? HEADER_COUNT : i;
}

static struct hy_bytes header(const struct http_state *h, enum header i)
{
	return hy_buf_bytes(&h->headers[i]);
}

static int on_header_value(http_parser *p, const char *at, size_t len)
{
	struct http_state *h = p->data;
	size_t around = h->value_seen ? 0 : 4; /* ": " and the line's end */
	h->value_seen = true;
	enum header i = header_read(h);
	if (i < HEADER_COUNT) {
		bool list = i != HEADER_CONTENT_TYPE && i != HEADER_EXPECT;
		hy_buf_append(&h->headers[i], ",", list && around && hy_buf_len(&h->headers[i]) > 0 ? 1 : 0);
		hy_buf_append(&h->headers[i], at, len);
	}
	return head_grows(h, len + around);
}

static struct hy_bytes path_of(const struct http_state *h)
{
	struct hy_bytes url = hy_buf_bytes(&h->url);
	const uint8_t *query = url.len ? memchr(url.data, '?', url.len) : NULL;
	return hy_bytes(url.data, query ? (size_t)(query - url.data) : url.len);
}

/** curl asks before long bodies. An HTTP/1.0 client cannot mean it. */
static int answer_expectation(struct http_state *h, const http_parser *p)
{
	const struct hy_buf *expect = &h->headers[HEADER_EXPECT];
	if (hy_buf_len(expect) == 0 || p->http_major < 1 || (p->http_major == 1 && p->http_minor == 0))
		return 0;
	if (!buf_is(expect, "100-continue"))
		return refuse(h, 417, "the only thing to expect is 100-continue");
	if (p->content_length == 0)
		return 0;
	hy_buf_printf(&h->conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
	conn_mark_dirty(h->conn);
	return 0;
}

static const struct access_page *find_page(const struct conn *c, struct hy_bytes path)
{
	const struct access *a = c->home->access;
	for (unsigned i = 0; i < a->page_count; i++)
		if ((a->pages[i].doors & c->door) && hy_bytes_equal(path, hy_bytes_str(a->pages[i].path)))
			return &a->pages[i];
	return NULL;
}

static const struct access_file *find_file(const struct conn *c, struct hy_bytes path)
{
	return c->door == ACCESS_PUBLIC ? files_find(c->home->access, path) : NULL;
}

static bool is_link(const struct conn *c, struct hy_bytes path)
{
	return c->door == ACCESS_PUBLIC && hy_bytes_equal(path, hy_bytes_str(WEBSOCKET_PATH));
}

/** Not for a method that there is at this door. */
static int refuse_post(struct http_state *h, struct hy_bytes path)
{
	h->wants_get = find_page(h->conn, path) || find_file(h->conn, path) || is_link(h->conn, path);
	return h->wants_get ? refuse(h, 405, "use GET") : refuse(h, 404, "no such method");
}

/** As bytes of this length come they are kept: at most four times what the same takes in protobuf. */
static size_t body_max(const struct http_state *h)
{
	return h->method ? h->method->body_limit * 4u : h->conn->home->access->config.limits.anonymous_body_max;
}

static int on_headers_complete(http_parser *p)
{
	struct http_state *h = p->data;
	struct hy_bytes path = path_of(h);
	if (p->method == HTTP_CONNECT)
		return refuse(h, 405, "use POST");
	p->upgrade = 0; /* an offer, which we do not take up */
	if (p->method == HTTP_POST && h->conn->door == ACCESS_OPERATOR)
		return refuse_post(h, path);
	if (p->method == HTTP_POST) {
		h->method = rpc_method_by_path(h->conn->home->access->svr, (const char *)path.data, path.len);
		if (!h->method)
			return refuse_post(h, path);
	}
	if (p->content_length != UINT64_MAX && p->content_length > body_max(h))
		return refuse(h, 413, "the request is too long");
	return answer_expectation(h, p);
}

static int on_body(http_parser *p, const char *at, size_t len)
{
	struct http_state *h = p->data;
	if (hy_buf_len(&h->body) + len > body_max(h))
		return refuse(h, 413, "the request is too long");
	memcpy(hy_buf_reserve_wiped(&h->body, len), at, len);
	hy_buf_commit(&h->body, len);
	explicit_bzero((char *)(uintptr_t)at, len); /* moved, not copied: it may be a password */
	return 0;
}

static int on_message_complete(http_parser *p)
{
	struct http_state *h = p->data;
	h->done = true;
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete};

static void state_clear(struct http_state *h)
{
	hy_buf_fini(&h->url);
	hy_buf_fini(&h->name);
	for (unsigned i = 0; i < HEADER_COUNT; i++)
		hy_buf_fini(&h->headers[i]);
	hy_buf_fini_wiped(&h->body);
	h->head_len = 0;
	h->value_seen = h->done = h->wants_get = false;
	h->refused = 0;
	h->method = NULL;
}

static void state_init(struct http_state *h, struct conn *c)
{
	http_parser_init(&h->parser, HTTP_REQUEST);
	h->parser.data = h;
	h->conn = c;
}

void http_state_free(struct http_state *h)
{
	if (!h)
		return;
	state_clear(h);
	hy_free(h);
}

size_t http_state_bytes(const struct http_state *h)
{
	if (!h)
		return 0;
	size_t bytes = h->url.cap + h->name.cap + h->body.cap;
	for (unsigned i = 0; i < HEADER_COUNT; i++)
		bytes += h->headers[i].cap;
	return bytes;
}

struct hy_bytes http_file_left(const struct http_state *h)
{
	return h ? h->file : hy_bytes(NULL, 0);
}

void http_file_sent(struct http_state *h, size_t len)
{
	assert(len <= h->file.len);
	h->file = hy_bytes(h->file.data + len, h->file.len - len);
}

/* ---- a whole request --------------------------------------------------------------------------------------------- */

static const char front_text[] =
	"This is a Hongyan server. It speaks Mars frames on this port, and HTTP: POST /cgi-bin/... (see its README).\n";

#define TEXT "text/plain; charset=utf-8"

/** "application/json; charset=utf-8" -> is it `want`? */
static bool type_is(const struct http_state *h, const char *want)
{
	struct hy_bytes t = header(h, HEADER_CONTENT_TYPE);
	size_t n = strlen(want);
	return t.len >= n && strncasecmp((const char *)t.data, want, n) == 0 &&
	       (t.len == n || t.data[n] == ';' || t.data[n] == ' ');
}

static void answer_text(struct conn *c, int status, const char *text, bool keep_alive)
{
	append_response(c, status, TEXT, NOT_KEPT, hy_bytes_str(text), keep_alive);
}

static void answer_file(struct conn *c, const struct access_file *f, bool keep_alive)
{
	struct http_state *h = c->http;
	struct files_wish wish = {
		.accept_encoding = header(h, HEADER_ACCEPT_ENCODING), .if_none_match = header(h, HEADER_IF_NONE_MATCH)};
	struct files_answer answer;
	files_choose(f, &wish, &answer);
	hy_buf_append(&answer.head, "", 1);
	(void)conn_reserve_output(c, HEAD_ROOM + hy_buf_len(&answer.head));
	append_head(c, answer.status, f->type, answer.body.len, (const char *)hy_buf_data(&answer.head), keep_alive);
	hy_buf_fini(&answer.head);
	ACCESS_COUNT(c->home, file_requests, 1);
	if (answer.status == 304)
		ACCESS_COUNT(c->home, files_unchanged, 1);
	if (h->parser.method != HTTP_HEAD)
		h->file = answer.body;
}

/** The operator may have forgotten one. A line a minute: who connects may do so as often as it likes. */
static void tell_of_origin(struct access_loop *l, struct hy_bytes origin)
{
	uint64_t now = svr_now_us(l->loop);
	if (l->origin_told_us && now - l->origin_told_us < ORIGIN_PAUSE_US)
		return;
	l->origin_told_us = now;
	env_log(svr_env(l->access->svr), ENV_LOG_INFO, "access", 0, "a page of %.*s may not connect; see --origins",
		(int)HY_MIN(origin.len, 100u), (const char *)origin.data);
}

/** As websocket_offer has it. */
static bool is_local(const struct conn *c)
{
	return c->local && !c->peer.proxy;
}

static void refuse_link(struct conn *c, int status, const char *why, struct hy_bytes origin, bool keep_alive)
{
	struct hy_buf text = {0};
	ACCESS_COUNT(c->home, websockets_refused, 1);
	if (status == 403) {
		ACCESS_COUNT(c->home, origins_refused, 1);
		tell_of_origin(c->home, origin);
	}
	hy_buf_printf(&text, "%s\n", why);
	append_response(c, status, TEXT,
		status == 426 ? NOT_KEPT "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			      : NOT_KEPT,
		hy_buf_bytes(&text), keep_alive);
	hy_buf_fini(&text);
}

/** A proxy's client counts as who connects from here on. */
static void take_client(struct conn *c, struct hy_bytes forwarded)
{
	struct conn_peer client;
	if (!c->peer.proxy || !conn_peer_forwarded(&c->home->access->config, forwarded, &client))
		return;
	strangers_leave(c);
	c->peer = client;
	strangers_enter(c->home, c);
}

static void handle_link(struct conn *c, struct http_state *h, bool keep_alive)
{
	char accept[WEBSOCKET_ACCEPT_SIZE];
	const char *why;
	const http_parser *p = &h->parser;
	struct websocket_offer offer = {.http_1_1 = p->http_major > 1 || (p->http_major == 1 && p->http_minor >= 1),
		.local = is_local(c),
		.host = header(h, HEADER_HOST),
		.upgrade = header(h, HEADER_UPGRADE),
		.connection = header(h, HEADER_CONNECTION),
		.key = header(h, HEADER_WEBSOCKET_KEY),
		.version = header(h, HEADER_WEBSOCKET_VERSION),
		.origin = header(h, HEADER_ORIGIN)};
	int status = p->method != HTTP_GET || hy_buf_len(&h->body) > 0 ? 400 : 101;
	why = "a link is asked for by GET, without a body";
	if (status == 101)
		status = websocket_judge(&c->home->access->config, &offer, accept, &why);
	if (status != 101) {
		refuse_link(c, status, why, offer.origin, keep_alive);
		return;
	}
	hy_buf_printf(&c->out,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n\r\n",
		accept);
	conn_mark_dirty(c);
	take_client(c, header(h, HEADER_FORWARDED));
	websocket_begin(c);
}

static void handle_get(struct conn *c, struct hy_bytes path, bool keep_alive)
{
	const struct access_page *page = find_page(c, path);
	if (page) {
		struct access_page_answer answer = {.status = 200, .type = TEXT, .headers = NOT_KEPT};
		page->fill(page->arg, &answer);
		ACCESS_COUNT(c->home, page_requests, 1);
		append_response(c, answer.status, answer.type, answer.headers, hy_buf_bytes(&answer.body), keep_alive);
		hy_buf_fini(&answer.body);
		return;
	}
	if (is_link(c, path)) {
		handle_link(c, c->http, keep_alive);
		return;
	}
	const struct access_file *file = find_file(c, path);
	if (file) {
		answer_file(c, file, keep_alive);
		return;
	}
	if (c->door == ACCESS_PUBLIC && rpc_method_by_path(c->home->access->svr, (const char *)path.data, path.len)) {
		answer_text(c, 405, "use POST\n", keep_alive);
		return;
	}
	bool front = c->door == ACCESS_PUBLIC && hy_bytes_equal(path, hy_bytes_str("/"));
	answer_text(c, front ? 200 : 404, front ? front_text : "not found\n", keep_alive);
}

static void handle_request(struct conn *c, struct http_state *h, bool keep_alive)
{
	ACCESS_COUNT(c->home, http_requests, 1);
	conn_touch(c);
	struct hy_bytes path = path_of(h);
	if (h->parser.method == HTTP_GET || h->parser.method == HTTP_HEAD) {
		handle_get(c, path, keep_alive);
		return;
	}
	if (!h->method) {
		answer_text(c, 405, "use POST\n", keep_alive);
		return;
	}
	if (is_local(c) && websocket_origin_rebound(&c->home->access->config, header(h, HEADER_ORIGIN))) {
		ACCESS_COUNT(c->home, pages_refused, 1);
		tell_of_origin(c->home, header(h, HEADER_ORIGIN));
		answer_text(c, 403, "pages of this origin may not ask\n", keep_alive);
		return;
	}
	struct request_origin origin = {.keep_alive = keep_alive};
	if (!conn_peer_forwarded(&c->home->access->config, header(h, HEADER_FORWARDED), &origin.client))
		origin.client = (struct conn_peer){0};
	if (type_is(h, "application/json")) {
		origin.format = REQUEST_HTTP_JSON;
	} else if (type_is(h, "application/x-protobuf") || type_is(h, "application/octet-stream")) {
		origin.format = REQUEST_HTTP_PROTOBUF;
	} else {
		answer_text(c, 415,
			"Content-Type: application/json, application/x-protobuf or application/octet-stream\n",
			keep_alive);
		return;
	}
	bool started = request_start(c, h->method, &origin, hy_buf_bytes(&h->body));
	assert(started); /* only links move */
}

/** Refuses by an HTTP status and ends the connection: what follows in the stream has no meaning. */
static void give_up(struct conn *c, struct http_state *h)
{
	if (HTTP_PARSER_ERRNO(&h->parser) == HPE_HEADER_OVERFLOW)
		refuse(h, 431, "the request's head is too long");
	if (!h->refused) {
		ACCESS_COUNT(c->home, frames_bad, 1);
		refuse(h, 400, NOT_HTTP);
	}
	char text[160];
	snprintf(text, sizeof text, "%s\n", h->why);
	answer_text(c, h->refused, text, false);
	conn_close_drained(c);
}

void http_parse(struct conn *c, struct hy_bytes in, size_t *ret_used)
{
	if (!c->http) {
		c->http = hy_zalloc(sizeof *c->http);
		state_init(c->http, c);
	}
	struct http_state *h = c->http;
	while (in.len > 0 && !conn_must_wait(c)) {
		size_t used = http_parser_execute(&h->parser, &settings, (const char *)in.data, in.len);
		*ret_used += used;
		in = hy_bytes(in.data + used, in.len - used);
		if (!h->done) {
			if (HTTP_PARSER_ERRNO(&h->parser) == HPE_OK)
				return;
			give_up(c, h);
			return;
		}
		/* Paused at the end of a message: start the parser anew behind it. */
		bool keep_alive = http_should_keep_alive(&h->parser) != 0;
		handle_request(c, h, keep_alive);
		if (c->kind != CONN_HTTP) { /* a link now: what follows are its messages */
			http_state_free(hy_take(c->http));
			return;
		}
		state_clear(h);
		state_init(h, c);
	}
}
