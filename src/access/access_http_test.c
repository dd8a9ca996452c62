/* The short link over real sockets. */
#include "access/access_world.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HTTP_TEST(text, fn)                \
	{                                  \
		text, fn, NULL, NULL, NULL \
	}
#define JSON "Content-Type: application/json\r\n"
#define POST(method, headers, length, body) \
	"POST /cgi-bin/" method " HTTP/1.1\r\n" headers "Content-Length: " length "\r\n\r\n" body

struct answer {
	int status;
	char head[2048];
	char body[8192];
	size_t body_len;
};

/** Reads one answer, by its Content-Length. */
static bool answer_get(int fd, bool has_body, struct answer *a)
{
	size_t n = 0;
	memset(a, 0, sizeof *a);
	while (n < sizeof a->head - 1 && !strstr(a->head, "\r\n\r\n"))
		if (!client_receive(fd, &a->head[n++], 1))
			return false;
	if (sscanf(a->head, "HTTP/1.1 %d ", &a->status) != 1)
		return false;
	const char *length = strstr(a->head, "Content-Length: ");
	a->body_len = length && has_body ? strtoul(length + 16, NULL, 10) : 0;
	return a->body_len < sizeof a->body && (a->body_len == 0 || client_receive(fd, a->body, a->body_len));
}

static void send_text(int fd, const char *text)
{
	client_send(fd, hy_bytes_str(text));
}

/** A whole POST, appended. */
static void put_post(struct hy_buf *b, const char *method, const char *headers, struct hy_bytes body)
{
	hy_buf_printf(b, "POST /cgi-bin/%s HTTP/1.1\r\nHost: here\r\n%sContent-Length: %zu\r\n\r\n", method, headers,
		body.len);
	hy_buf_append(b, body.data, body.len);
}

static void put_json(struct hy_buf *b, const char *method, const char *json)
{
	put_post(b, method, JSON, hy_bytes_str(json));
}

static void put_register_json(struct hy_buf *b, const char *name)
{
	char json[100];
	snprintf(json, sizeof json, "{\"head\": {}, \"name\": \"%s\"}", name);
	put_json(b, "register", json);
}

/** Register answers its name as the ticket; base64 of "abcdef" is "YWJjZGVm". */
static void assert_registered(int fd, const char *base64)
{
	struct answer a;
	assert_true(answer_get(fd, true, &a));
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.head, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(a.body, base64));
}

/* ---- one request each -------------------------------------------------------------------------------------------- */

static const struct http_case {
	const char *label, *request;
	int status;
	const char *in_head, *in_body;
	bool stays;   /* the connection, after the answer */
	bool no_body; /* whatever Content-Length says */
} http_cases[] = {
	{"the front page says what this is", "GET / HTTP/1.1\r\n\r\n", 200, "text/plain", "Hongyan", true, false},
	{"HEAD has no body", "HEAD / HTTP/1.1\r\n\r\n", 200, "Content-Length: ", "", true, true},
	{"a page that was added, with its own status", "GET /ready HTTP/1.1\r\n\r\n", 503,
		"503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n", "not yet\n", true, false},
	{"its head alone", "HEAD /ready HTTP/1.1\r\n\r\n", 503, "Content-Length: 8\r\n", "", true, true},
	{"a page's query is not part of its path", "GET /ready?now HTTP/1.1\r\n\r\n", 503, "", "not yet\n", true,
		false},
	{"a page with a body in the request", "GET /ready HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 503, "", "", true,
		false},
	{"a page with too long a body", "GET /ready HTTP/1.1\r\nContent-Length: 9000\r\n\r\n", 413, "", "", false,
		false},
	{"a page is no method", "POST /ready HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405, "Allow: GET, HEAD\r\n",
		"use GET", false, false},
	{"a method is no page", "GET /cgi-bin/sync HTTP/1.1\r\n\r\n", 405, "Allow: POST\r\n", "use POST", true, false},
	{"the operator's page is not there", "GET /figures HTTP/1.1\r\n\r\n", 404, "", "not found", true, false},
	{"another page is not there", "GET /favicon.ico HTTP/1.1\r\n\r\n", 404, "", "", true, false},
	{"PUT is not allowed", "PUT /cgi-bin/sync HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 405, "Allow: POST\r\n", "",
		true, false},
	{"CONNECT is not allowed", "CONNECT here:1 HTTP/1.1\r\n\r\n", 405, "Allow: POST\r\n", "", false, false},
	{"no such method", POST("fly", JSON, "2", "{}"), 404, "", "no such method", false, false},
	{"a method of the inside", POST("hint", JSON, "2", "{}"), 404, "", "", false, false},
	{"a type that is not spoken", POST("sync", "Content-Type: text/plain\r\n", "2", "{}"), 415, "",
		"application/json", true, false},
	{"no type", POST("sync", "", "2", "{}"), 415, "", "", true, false},
	{"a type with parameters",
		POST("lookup", "Content-Type: Application/JSON; charset=utf-8\r\n", "12", "{\"head\": {}}"), 200, "",
		"\"code\":16", true, false},
	{"a body that is announced too long", POST("sync", JSON, "16385", ""), 413, "", "", false, false},
	{"a length past 64 bits", POST("sync", JSON, "99999999999999999999", ""), 400, "", "", false, false},
	{"a length twice", "POST /cgi-bin/sync HTTP/1.1\r\n" JSON "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		400, "", "", false, false},
	{"a length and chunks",
		"POST /cgi-bin/sync HTTP/1.1\r\n" JSON
		"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		400, "", "", false, false},
	{"a blank before the colon", "GET / HTTP/1.1\r\nContent-Length : 2\r\n\r\n{}", 400, "", "not HTTP", false,
		false},
	{"a page by a name that was made to mean this machine",
		POST("lookup", JSON "Origin: http://evil.example\r\n", "12", "{\"head\": {}}"), 403, "", "origin", true,
		false},
	{"a page by the name of this machine",
		POST("lookup", JSON "Origin: http://localhost:7600\r\n", "12", "{\"head\": {}}"), 200, "",
		"\"code\":16", true, false},
	{"letters that are no HTTP", "hello, is anybody there?\r\n", 400, "", "not HTTP", false, false},
	{"a version that is not spoken", "GET / HTTP/x\r\n\r\n", 400, "", "", false, false},
	{"an expectation that cannot be met",
		"POST /cgi-bin/sync HTTP/1.1\r\n" JSON "Expect: wonders\r\nContent-Length: 2\r\n\r\n{}", 417, "", "",
		false, false},
	{"JSON that is none", POST("sync", JSON, "2", "{["), 200, "", "\"code\":3", true, false},
	{"JSON without a head", POST("sync", JSON, "2", "{}"), 200, "", "the head", true, false},
	{"no body at all", "POST /cgi-bin/sync HTTP/1.1\r\n" JSON "\r\n", 200, "", "\"code\":3", true, false},
	{"nobody is signed in", POST("sync", JSON, "12", "{\"head\": {}}"), 200, "", "\"code\":16", true, false},
	{"protobuf is answered with protobuf",
		POST("register", "Content-Type: application/octet-stream\r\n", "8", "\x0a\2\x18\1\x12\2ab"), 200,
		"Content-Type: application/x-protobuf\r\n", "", true, false},
	{"an offer to upgrade is not taken up",
		"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
		200, "", "Hongyan", true, false},
	{"Connection: close closes", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 200, "Connection: close\r\n", "",
		false, false},
	{"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n", 200, "Connection: close\r\n", "", false, false},
	{"a query is not part of the path", "POST /cgi-bin/sync?x=y HTTP/1.1\r\n" JSON "Content-Length: 2\r\n\r\n{}",
		200, "", "\"code\":3", true, false},
};

static void test_case(void **state)
{
	const struct http_case *c = *state;
	struct access_world w;
	struct answer a;
	open_default(&w, 1);
	int fd = client_open(&w);
	send_text(fd, c->request);
	assert_true(answer_get(fd, !c->no_body, &a));
	assert_int_equal(a.status, c->status);
	assert_non_null(strstr(a.head, c->in_head));
	assert_non_null(strstr(a.body, c->in_body));
	if (c->stays) {
		assert_true(client_silent(fd));
		send_text(fd, "GET / HTTP/1.1\r\n\r\n");
		assert_true(answer_get(fd, true, &a));
		assert_int_equal(a.status, 200);
	} else {
		shutdown(fd, SHUT_WR);
		assert_true(client_ended(fd));
	}
	close(fd);
	access_world_close(&w);
}

/* ---- pages, and the operator's door ------------------------------------------------------------------------------ */

static void test_pipelined_pages(void **state)
{
	struct access_world w;
	struct answer a;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = client_open(&w);
	for (unsigned i = 0; i < 40; i++)
		hy_buf_printf(&b, "%s /ready HTTP/1.1\r\n\r\n", i % 2 ? "HEAD" : "GET");
	client_send(fd, hy_buf_bytes(&b));
	for (unsigned i = 0; i < 40; i++) {
		assert_true(answer_get(fd, i % 2 == 0, &a));
		assert_int_equal(a.status, 503);
	}
	assert_true(client_silent(fd));
	hy_buf_fini(&b);
	close(fd);
	access_world_close(&w);
}

static void test_operators_door(void **state)
{
	static const struct {
		const char *request;
		int status;
	} table[] = {
		{"GET /figures HTTP/1.1\r\n\r\n", 200}, {"GET /ready HTTP/1.1\r\n\r\n", 503},
		{"GET / HTTP/1.1\r\n\r\n", 404}, {"PUT /figures HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405},
		{POST("lookup", JSON, "12", "{\"head\": {}}"), 404}, /* the connection ends with it */
	};
	struct access_world w;
	struct answer a;
	open_default(&w, 1);
	w.addr = w.operator_addr;
	int fd = client_open(&w);
	for (unsigned i = 0; i < HY_COUNT_OF(table); i++) {
		send_text(fd, table[i].request);
		assert_true(answer_get(fd, true, &a));
		assert_int_equal(a.status, table[i].status);
		if (i == 0) {
			assert_int_equal(a.body_len, 4000);
			assert_memory_equal(a.body + 3996, "999\n", 4);
			assert_non_null(strstr(a.head, "Content-Type: text/figures\r\n"));
			assert_non_null(strstr(a.head, "Cache-Control: max-age=7\r\n"));
			assert_null(strstr(a.head, "no-store"));
		}
	}
	close(fd);
	int link = client_open(&w);
	client_send(link, hy_bytes("\0\0\0\x14\0\0\0\xc8", 8));
	assert_true(client_ended(link));
	close(link);
	assert_int_equal(w.served, 0);
	assert_int_equal(world_count(&w, MON_links_opened), 0);
	access_world_close(&w);
}

/* ---- heads and bodies that are too long -------------------------------------------------------------------------- */

static void assert_refused(int fd, int status)
{
	struct answer a;
	assert_true(answer_get(fd, true, &a));
	assert_int_equal(a.status, status);
	assert_non_null(strstr(a.head, "Connection: close\r\n"));
}

static void test_long_head(void **state)
{
	static const char *const fronts[] = {"GET /", "GET / HTTP/1.1\r\nX: ", "GET / HTTP/1.1\r\nX"};
	struct access_world w;
	char filling[1000];
	memset(filling, 'y', sizeof filling);
	open_default(&w, 1);
	for (size_t i = 0; i < HY_COUNT_OF(fronts); i++) {
		int fd = client_open(&w);
		send_text(fd, fronts[i]);
		for (int j = 0; j < 20; j++)
			client_send(fd, hy_bytes(filling, sizeof filling));
		assert_refused(fd, 431);
		close(fd);
	}
	int fd = client_open(&w);
	send_text(fd, "GET / HTTP/1.1\r\n");
	for (int j = 0; j < 3000; j++)
		send_text(fd, "a: b\r\n");
	assert_refused(fd, 431);
	close(fd);
	access_world_close(&w);
}

/** The whole long body is sent before anybody looks for the answer: a reset would have taken it away. */
static void test_long_body(void **state)
{
	static const char zeros[8 << 20];
	struct access_world w;
	open_default(&w, 1);
	for (int chunked = 0; chunked < 2; chunked++) {
		int fd = client_open(&w);
		send_text(fd, chunked ? "POST /cgi-bin/register HTTP/1.1\r\n" JSON
					"Transfer-Encoding: chunked\r\n\r\n800000\r\n"
				      : "POST /cgi-bin/register HTTP/1.1\r\n" JSON "Content-Length: 8388608\r\n\r\n");
		client_send(fd, hy_bytes(zeros, sizeof zeros));
		assert_refused(fd, 413);
		assert_true(client_silent(fd)); /* still drained */
		shutdown(fd, SHUT_WR);
		assert_true(client_ended(fd));
		close(fd);
	}
	assert_int_equal(w.served, 0);
	access_world_close(&w);
}

static void test_drain_ends(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	config.limits.stalled_s = 1; /* sweeps come four times as often */
	access_world_open(&w, 1, &config);
	int fd = client_open(&w);
	send_text(fd, "POST /cgi-bin/register HTTP/1.1\r\n" JSON "Content-Length: 8388608\r\n\r\n");
	assert_refused(fd, 413);
	assert_true(client_ended(fd)); /* who does not close is not waited for */
	assert_int_equal(world_count(&w, MON_links_dropped_slow), 0);
	close(fd);
	access_world_close(&w);
}

static void test_expect(void **state)
{
	struct access_world w;
	struct answer a;
	open_default(&w, 1);
	int fd = client_open(&w);
	send_text(fd, "POST /cgi-bin/register HTTP/1.1\r\n" JSON "Expect: 100-Continue\r\nContent-Length: 31\r\n\r\n");
	assert_true(answer_get(fd, false, &a));
	assert_int_equal(a.status, 100);
	assert_true(client_silent(fd));
	send_text(fd, "{\"head\":{}, \"name\": \"abcdef\"  }");
	assert_registered(fd, "YWJjZGVm");
	/* What would be refused is not asked for. */
	send_text(
		fd, "POST /cgi-bin/register HTTP/1.1\r\n" JSON "Expect: 100-continue\r\nContent-Length: 99999\r\n\r\n");
	assert_refused(fd, 413);
	close(fd);
	access_world_close(&w);
}

/* ---- behind a proxy ---------------------------------------------------------------------------------------------- */

/** Where the server takes a request to come from; "" for nowhere. */
static void ask_where(struct access_world *w, const char *from, const char *headers, const char *base64)
{
	char want[100];
	struct hy_buf b = {0};
	struct answer a;
	int fd = client_open_from(w, from);
	char json[] = "{\"head\": {}, \"name\": \"where\"}";
	hy_buf_printf(&b, "POST /cgi-bin/register HTTP/1.1\r\n%s%sContent-Length: %zu\r\n\r\n%s", JSON, headers,
		strlen(json), json);
	client_flush(fd, &b);
	assert_true(answer_get(fd, true, &a));
	snprintf(want, sizeof want, "\"ticket\":\"%s\"", base64);
	if (base64[0])
		assert_non_null(strstr(a.body, want));
	else
		assert_null(strstr(a.body, "ticket"));
	close(fd);
}

static void test_proxies(void **state)
{
	struct access_config config = access_world_config();
	struct access_world w;
	config.allow_plain = true;
	config.proxy_count = 2;
	assert_true(access_address_parse(hy_bytes_str("127.0.0.1"), &config.proxies[0]));
	assert_true(access_address_parse(hy_bytes_str(FAR_ADDRESS), &config.proxies[1]));
	access_world_open(&w, 1, &config);
	ask_where(&w, "127.0.0.1", "X-Forwarded-For: 192.0.2.7\r\n", "MTkyLjAuMi43");
	ask_where(&w, "127.0.0.1", "x-forwarded-for: 192.0.2.8\r\nX-Forwarded-For: 192.0.2.7\r\n", "MTkyLjAuMi43");
	ask_where(&w, FAR_ADDRESS, "X-Forwarded-For: 192.0.2.7, 127.0.0.1\r\n", "MTkyLjAuMi43");
	ask_where(&w, FAR_ADDRESS, "", "");
	ask_where(&w, FAR_ADDRESS, "X-Forwarded-For: nobody\r\n", "");
	ask_where(&w, FAR_ADDRESS, "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For:\r\n", "");
	/* whose word does not count */
	ask_where(&w, "127.0.0.2", "X-Forwarded-For: 192.0.2.7\r\n", "");
	ask_where(&w, FARTHER_ADDRESS, "X-Forwarded-For: 192.0.2.7\r\n", "MTI3LjAuMC44");
	ask_where(&w, "127.0.0.1", "Forwarded: for=192.0.2.7\r\n", "");
	access_world_close(&w);
}

/* ---- several requests -------------------------------------------------------------------------------------------- */

static void test_pipelined(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	struct answer a;
	open_default(&w, 2);
	int fd = client_open(&w);
	put_register_json(&b, "sleep 60");
	put_register_json(&b, "abcdef");
	hy_buf_printf(&b, "GET / HTTP/1.1\r\n\r\n");
	put_register_json(&b, "sleep 20");
	put_json(&b, "register", "nothing");
	put_register_json(&b, "abcdef");
	client_flush(fd, &b);
	assert_registered(fd, "c2xlZXAgNjA");
	assert_registered(fd, "YWJjZGVm");
	assert_true(answer_get(fd, true, &a) && strstr(a.body, "Hongyan"));
	assert_registered(fd, "c2xlZXAgMjA");
	assert_true(answer_get(fd, true, &a) && strstr(a.body, "\"code\":3"));
	assert_registered(fd, "YWJjZGVm");
	assert_true(client_silent(fd));
	close(fd);
	access_world_close(&w);
}

static void test_close_among_pipelined(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = client_open(&w);
	put_register_json(&b, "abcdef");
	put_post(&b, "register", JSON "Connection: close\r\n", hy_bytes_str("{\"head\":{},\"name\":\"sleep 9\"}"));
	put_register_json(&b, "not looked at");
	client_flush(fd, &b);
	assert_registered(fd, "YWJjZGVm");
	assert_registered(fd, "c2xlZXAgOQ");
	assert_true(client_ended(fd));
	assert_int_equal(w.served, 2);
	close(fd);
	access_world_close(&w);
}

/** All requests are sent and the client's side is shut before the first one is answered. */
static void test_half_close(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = client_open(&w);
	put_register_json(&b, "sleep 30");
	put_register_json(&b, "sleep 5");
	put_register_json(&b, "abcdef");
	client_flush(fd, &b);
	shutdown(fd, SHUT_WR);
	assert_registered(fd, "c2xlZXAgMzA");
	assert_registered(fd, "c2xlZXAgNQ");
	assert_registered(fd, "YWJjZGVm");
	assert_true(client_ended(fd));
	close(fd);
	access_world_close(&w);
}

static void test_cuts(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = client_open(&w);
	put_register_json(&b, "abcdef");
	put_register_json(&b, "ABCDEF");
	for (size_t cut = 0; cut <= hy_buf_len(&b); cut++) {
		client_send(fd, hy_bytes(hy_buf_data(&b), cut));
		usleep(300);
		client_send(fd, hy_bytes(hy_buf_data(&b) + cut, hy_buf_len(&b) - cut));
		assert_registered(fd, "YWJjZGVm");
		assert_registered(fd, "QUJDREVG");
	}
	for (size_t i = 0; i < hy_buf_len(&b); i++)
		client_send(fd, hy_bytes(hy_buf_data(&b) + i, 1));
	assert_registered(fd, "YWJjZGVm");
	assert_registered(fd, "QUJDREVG");
	hy_buf_fini(&b);
	close(fd);
	access_world_close(&w);
}

static void test_cut_off(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 2);
	put_register_json(&b, "sleep 3");
	put_register_json(&b, "sleep 1");
	for (size_t len = 1; len < hy_buf_len(&b); len += 3) {
		int fd = client_open(&w);
		client_send(fd, hy_bytes(hy_buf_data(&b), len));
		if (len % 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
		close(fd);
	}
	hy_buf_fini(&b);
	access_world_close(&w);
}

/* ---- who asks, and what for -------------------------------------------------------------------------------------- */

/** 36 bytes of the ticket in base64. */
static void ticket_text(uint32_t uin, unsigned device, char text[49])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t ticket[ACCESS_TICKET_SIZE];
	world_ticket(uin, device, ticket);
	for (size_t i = 0; i < 12; i++) {
		uint32_t three = (uint32_t)ticket[3 * i] << 16 | (uint32_t)ticket[3 * i + 1] << 8 | ticket[3 * i + 2];
		for (size_t j = 0; j < 4; j++)
			text[4 * i + j] = digits[three >> (18 - 6 * j) & 63];
	}
	text[48] = '\0';
}

static void test_ticket(void **state)
{
	struct access_world w;
	struct answer a;
	open_default(&w, 3);
	int fd = client_open(&w);
	for (uint32_t uin = 1; uin < 20; uin++) { /* on all loops; sync notices when it is on a wrong one */
		struct hy_buf b = {0};
		char ticket[49], json[200];
		ticket_text(uin, 1, ticket);
		snprintf(json, sizeof json,
			"{\"head\": {\"ticket\": \"%s\", \"trace\": \"77\"}, \"snapshot\": \"dGV4dA==\"}", ticket);
		put_json(&b, "sync", json);
		client_flush(fd, &b);
		assert_true(answer_get(fd, true, &a));
		assert_non_null(strstr(a.body, "\"trace\":\"77\""));
		assert_non_null(strstr(a.body, "\"text\":\"a letter\"")); /* the entry's body is an object */
	}
	close(fd);
	access_world_close(&w);
}

static void test_far(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	struct answer a;
	open_default(&w, 1);
	int fd = client_open_from(&w, FAR_ADDRESS);
	put_register_json(&b, "abcdef");
	client_flush(fd, &b);
	assert_true(answer_get(fd, true, &a));
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"code\":9"));
	assert_int_equal(w.served, 0);
	close(fd);
	access_world_close(&w);
}

/** A connection that says nothing, one that keeps dripping in, and one whose answer takes long. */
static void test_idle(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	config.limits.http_idle_s = 1;
	access_world_open(&w, 1, &config);
	uint64_t began_us = env_mono_us(w.base.env);
	int silent = client_open(&w), dripping = client_open(&w), working = client_open(&w), link = client_open(&w);
	client_heartbeat(link);
	send_text(silent, "GET / HTTP/1.1\r\n\r\nG");
	put_register_json(&b, "sleep 2200");
	client_flush(working, &b);
	send_text(dripping, "POST /cgi-bin/sync HTTP/1.1\r\nX: ");
	unsigned drips = 0;
	for (struct pollfd p = {.fd = dripping, .events = POLLIN}; poll(&p, 1, 100) == 0 && drips < 300; drips++)
		send(dripping, "x", 1, MSG_NOSIGNAL);
	assert_true(drips < 300 && env_mono_us(w.base.env) - began_us >= 1000000);
	struct answer a;
	assert_true(answer_get(silent, true, &a));
	assert_true(client_ended(silent));
	assert_registered(working, "c2xlZXAgMjIwMA");
	client_heartbeat(link);
	close(silent);
	close(dripping);
	close(working);
	close(link);
	access_world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		HTTP_TEST("pages answer pipelined requests in order", test_pipelined_pages),
		HTTP_TEST("the operator's door shows pages and nothing else", test_operators_door),
		HTTP_TEST("a head over 16 KiB is refused", test_long_head),
		HTTP_TEST("a body over its method's limit is refused, and the answer arrives", test_long_body),
		HTTP_TEST("who was refused and does not close is not waited for", test_drain_ends),
		HTTP_TEST("Expect: 100-continue is answered before the body", test_expect),
		HTTP_TEST("whom a trusted proxy speaks for is where a request comes from", test_proxies),
		HTTP_TEST("pipelined requests are answered in their order", test_pipelined),
		HTTP_TEST("what follows Connection: close is not looked at", test_close_among_pipelined),
		HTTP_TEST("all pipelined requests are answered after the client has shut its side", test_half_close),
		HTTP_TEST("requests cut at every byte", test_cuts),
		HTTP_TEST("connections cut off at every byte", test_cut_off),
		HTTP_TEST("a ticket's request is served on its user's loop", test_ticket),
		HTTP_TEST("other machines may not sign in over plain HTTP", test_far),
		HTTP_TEST("a request that does not arrive is not waited for, one in work is", test_idle),
	};
	struct CMUnitTest all[HY_COUNT_OF(tests) + HY_COUNT_OF(http_cases)];
	memcpy(all, tests, sizeof tests);
	for (size_t i = 0; i < HY_COUNT_OF(http_cases); i++)
		all[HY_COUNT_OF(tests) + i] =
			(struct CMUnitTest){http_cases[i].label, test_case, NULL, NULL, (void *)&http_cases[i]};
	return cmocka_run_group_tests_name("access_http", all, NULL, NULL);
}
