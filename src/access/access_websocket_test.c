/* Long links by WebSocket over real sockets: the same link in another framing. */
#include "access/access_world.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WEBSOCKET_TEST(text, fn)           \
	{                                  \
		text, fn, NULL, NULL, NULL \
	}

enum { CONTINUED = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, FIN = 0x80 };

/* ---- a client ---------------------------------------------------------------------------------------------------- */

/** `lines`: further headers. Returns the status; the head's bytes are used up, the body's not. */
static int handshake(int fd, const char *lines)
{
	struct hy_buf b = {0};
	char head[1024];
	size_t len = 0;
	hy_buf_printf(&b,
		"GET /link HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
		lines);
	client_flush(fd, &b);
	do {
		assert_true(len < sizeof head - 1 && client_receive(fd, head + len, 1));
		head[++len] = '\0';
	} while (!strstr(head, "\r\n\r\n"));
	int status = atoi(head + strlen("HTTP/1.1 "));
	assert_int_equal(status == 101, strstr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != NULL);
	return status;
}

static int ws_open(struct access_world *w)
{
	int fd = client_open(w);
	assert_int_equal(handshake(fd, ""), 101);
	return fd;
}

/** A frame as clients send them, masked. */
static void ws_put(struct hy_buf *b, uint8_t first, const void *payload, size_t len)
{
	static const uint8_t mask[4] = {0x5a, 0x01, 0xfe, 0x77};
	uint8_t head[10] = {first};
	size_t head_len = len <= 125 ? 2 : len <= UINT16_MAX ? 4 : 10;
	head[1] = (uint8_t)(0x80 | (len <= 125 ? len : len <= UINT16_MAX ? 126 : 127));
	if (head_len == 4)
		hy_put_be32(head + 2, (uint32_t)len << 16);
	else if (head_len == 10)
		hy_put_be64(head + 2, len);
	hy_buf_append(b, head, head_len);
	hy_buf_append(b, mask, sizeof mask);
	for (size_t i = 0; i < len; i++)
		hy_buf_append(b, &(uint8_t){((const uint8_t *)payload)[i] ^ mask[i % 4]}, 1);
}

static void ws_send(int fd, uint8_t first, const void *payload, size_t len)
{
	struct hy_buf b = {0};
	ws_put(&b, first, payload, len);
	client_flush(fd, &b);
}

/** Moves each Mars frame in `frames` into a message of its own. */
static void ws_wrap(struct hy_buf *b, struct hy_buf *frames)
{
	struct mars_frame f;
	while (hy_buf_len(frames) > 0) {
		assert_int_equal(mars_parse(hy_buf_bytes(frames), MARS_FRAME_MAX, &f), MARS_WHOLE);
		ws_put(b, FIN | BINARY, hy_buf_data(frames), f.size);
		hy_buf_consume(frames, f.size);
	}
	hy_buf_fini(frames);
}

static void ws_flush(int fd, struct hy_buf *frames)
{
	struct hy_buf b = {0};
	ws_wrap(&b, frames);
	client_flush(fd, &b);
}

/** The next frame's opcode; -1: none comes. It is whole and not masked. */
static int ws_get(int fd, uint8_t *payload, size_t size, size_t *ret_len)
{
	uint8_t head[2], more[8];
	if (!client_receive(fd, head, sizeof head))
		return -1;
	assert_true(head[0] & FIN);
	*ret_len = head[1];
	if (head[1] >= 126) {
		assert_true(client_receive(fd, more, head[1] == 126 ? 2 : 8));
		*ret_len = head[1] == 126 ? (size_t)more[0] << 8 | more[1] : hy_get_be64(more);
		assert_true(*ret_len > (head[1] == 126 ? 125 : UINT16_MAX)); /* as short as can be */
	}
	assert_true(*ret_len <= size && (*ret_len == 0 || client_receive(fd, payload, *ret_len)));
	return head[0] & 0x0f;
}

/** A message that is exactly one Mars frame. */
static void ws_frame_get(int fd, struct frame *f)
{
	static uint8_t message[MARS_HEAD + sizeof f->body];
	size_t len;
	assert_int_equal(ws_get(fd, message, sizeof message, &len), BINARY);
	assert_true(len >= MARS_HEAD && hy_get_be32(message) == MARS_HEAD);
	f->version = hy_get_be32(message + 4);
	f->cmd = hy_get_be32(message + 8);
	f->seq = hy_get_be32(message + 12);
	f->len = hy_get_be32(message + 16);
	assert_int_equal(f->len, len - MARS_HEAD);
	memcpy(f->body, message + MARS_HEAD, f->len);
}

static void ws_assert_answer(int fd, uint32_t cmd, uint32_t seq, int code)
{
	struct frame f;
	ws_frame_get(fd, &f);
	assert_int_equal(f.cmd, cmd);
	assert_int_equal(f.seq, seq);
	assert_int_equal(frame_code(&f), code);
}

static void ws_heartbeat(int fd)
{
	struct hy_buf b = {0};
	struct frame f;
	put_noop(&b);
	ws_flush(fd, &b);
	ws_frame_get(fd, &f);
	assert_int_equal(f.cmd, MARS_CMD_NOOP);
	assert_int_equal(f.len, 0);
}

static void ws_identify(int fd, uint32_t uin, unsigned device)
{
	struct hy_buf b = {0};
	uint8_t ticket[ACCESS_TICKET_SIZE];
	put_identify(&b, world_ticket(uin, device, ticket));
	ws_flush(fd, &b);
	ws_assert_answer(fd, 104, MARS_SEQ_IDENTIFY, HY_OK);
}

/** The next thing is a close frame with this code (0: none), and then the end. */
static void ws_assert_closed(int fd, unsigned code)
{
	uint8_t payload[125];
	size_t len;
	assert_int_equal(ws_get(fd, payload, sizeof payload, &len), CLOSE);
	assert_int_equal(len, code ? 2 : 0);
	if (code)
		assert_int_equal(payload[0] << 8 | payload[1], code);
	shutdown(fd, SHUT_WR);
	assert_true(client_ended(fd));
	close(fd);
}

/* ---- handshakes -------------------------------------------------------------------------------------------------- */

static void test_handshake(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	config.origins = "https://chat.example.org";
	access_world_open(&w, 1, &config);
	int fd = client_open(&w);
	assert_int_equal(handshake(fd, "Origin: http://evil.example\r\n"), 403);
	assert_int_equal(world_count(&w, MON_origins_refused), 1);
	assert_int_equal(world_count(&w, MON_websockets_refused), 1);
	assert_int_equal(world_count(&w, MON_websockets_opened), 0);
	assert_int_equal(world_count(&w, MON_links_opened), 0);
	char body[64];
	assert_true(recv(fd, body, sizeof body, 0) > 0);
	assert_int_equal(handshake(fd, "Origin: http://here\r\n"), 101); /* on the same connection */
	ws_heartbeat(fd);
	assert_int_equal(world_count(&w, MON_websockets_opened), 1);
	assert_int_equal(world_count(&w, MON_links_opened), 1);
	int other = client_open(&w);
	assert_int_equal(handshake(other, "Origin: https://chat.example.org\r\n"), 101);
	ws_heartbeat(other);
	close(fd);
	close(other);
	assert_true(world_await_count(&w, MON_links_closed, 2));
	access_world_close(&w);
}

static void ask(struct access_world *w, bool operators, const char *request, int status)
{
	struct env_addr public = w->addr;
	char head[16] = "";
	if (operators)
		w->addr = w->operator_addr;
	int fd = client_open(w);
	w->addr = public;
	client_send(fd, hy_bytes_str(request));
	assert_true(client_receive(fd, head, 12));
	assert_int_equal(atoi(head + 9), status);
	close(fd);
}

#define ASKED                                                                                      \
	"Host: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void test_no_handshake(void **state)
{
	struct access_world w;
	open_default(&w, 1);
	ask(&w, false, "GET /link HTTP/1.1\r\n" ASKED "\r\n", 101);
	ask(&w, false, "GET /link?x=1 HTTP/1.1\r\n" ASKED "\r\n", 101);
	ask(&w, true, "GET /link HTTP/1.1\r\n" ASKED "\r\n", 404); /* not at the operator's door */
	ask(&w, false, "GET /other HTTP/1.1\r\n" ASKED "\r\n", 404);
	ask(&w, false, "GET /link HTTP/1.0\r\n" ASKED "\r\n", 426);
	ask(&w, false, "GET /link HTTP/1.1\r\nHost: here\r\n\r\n", 426);
	ask(&w, false, "GET /link HTTP/1.1\r\n" ASKED "Sec-WebSocket-Version: 8\r\n\r\n", 426);
	ask(&w, false, "GET /link HTTP/1.1\r\n" ASKED "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", 400);
	ask(&w, false, "GET /link HTTP/1.1\r\n" ASKED "Content-Length: 1\r\n\r\nx", 400);
	ask(&w, false, "HEAD /link HTTP/1.1\r\n" ASKED "\r\n", 400);
	ask(&w, false, "POST /link HTTP/1.1\r\n" ASKED "\r\n", 405);
	ask(&w, false, "PUT /link HTTP/1.1\r\n" ASKED "\r\n", 405);
	access_world_close(&w);
}

static void test_proxy(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	struct frame f;
	int fd[3];
	config.proxy_count = 1;
	config.limits.anonymous_per_address_max = 2;
	assert_true(access_address_parse(hy_bytes_str("127.0.0.1"), &config.proxies[0]));
	access_world_open(&w, 1, &config);
	for (int i = 0; i < 3; i++)
		assert_int_equal(handshake(fd[i] = client_open(&w), "X-Forwarded-For: 192.0.2.7\r\n"), 101);
	assert_true(client_ended(fd[0])); /* one too many from that address */
	int other = client_open(&w);
	assert_int_equal(handshake(other, "X-Forwarded-For: 192.0.2.8\r\n"), 101);
	ws_heartbeat(other);
	put_register(&b, 1, "where"); /* and sign-in is the proxy's to allow, which is on this machine */
	ws_flush(fd[1], &b);
	ws_frame_get(fd[1], &f);
	Hy__RegisterResponse *response = hy__register_response__unpack(NULL, f.len, f.body);
	assert_int_equal(response->head->code, HY_OK);
	assert_int_equal(response->ticket.len, strlen("192.0.2.7"));
	assert_memory_equal(response->ticket.data, "192.0.2.7", response->ticket.len);
	hy__register_response__free_unpacked(response, NULL);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	close(other);
	access_world_close(&w);
}

/** Who says that it is this machine is not believed to be. */
static void test_far(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	config.proxy_count = 1;
	assert_true(access_address_parse(hy_bytes_str(FAR_ADDRESS), &config.proxies[0]));
	access_world_open(&w, 1, &config);
	int fd = client_open_from(&w, FAR_ADDRESS);
	assert_int_equal(handshake(fd, "X-Forwarded-For: 127.0.0.1\r\n"), 101);
	put_register(&b, 1, "x");
	ws_flush(fd, &b);
	ws_assert_answer(fd, 101, 1, HY_FAILED_PRECONDITION);
	close(fd);
	access_world_close(&w);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

/** Three messages and a ping between the fragments of the second; the answers' seqs are 1, 2 and the heartbeat's. */
static void put_three(struct hy_buf *b)
{
	struct hy_buf frames = {0};
	put_register(&frames, 1, "ann");
	ws_wrap(b, &frames);
	put_register(&frames, 2, "bob");
	ws_put(b, BINARY, hy_buf_data(&frames), 3);
	ws_put(b, CONTINUED, NULL, 0);
	ws_put(b, FIN | PING, "still there?", 12);
	ws_put(b, FIN | CONTINUED, hy_buf_data(&frames) + 3, hy_buf_len(&frames) - 3);
	hy_buf_fini(&frames);
	put_noop(&frames);
	ws_wrap(b, &frames);
}

static void assert_three(int fd)
{
	unsigned seen = 0; /* requests are answered as they are done, heartbeats and pings at once */
	for (int i = 0; i < 4; i++) {
		uint8_t payload[512];
		size_t len;
		int opcode = ws_get(fd, payload, sizeof payload, &len);
		if (opcode == PONG)
			assert_true(hy_bytes_equal(hy_bytes(payload, len), hy_bytes_str("still there?")));
		else
			assert_int_equal(opcode, BINARY);
		seen |= 1u << (opcode == PONG ? 0 : hy_get_be32(payload + 12) & 7);
	}
	assert_int_equal(seen, 1u << 0 | 1u << 1 | 1u << 2 | 1u << 7);
}

static void test_cuts(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = ws_open(&w);
	put_three(&b);
	for (size_t cut = 0; cut <= hy_buf_len(&b); cut++) {
		client_send(fd, hy_bytes(hy_buf_data(&b), cut));
		usleep(300);
		client_send(fd, hy_bytes(hy_buf_data(&b) + cut, hy_buf_len(&b) - cut));
		assert_three(fd);
	}
	for (size_t i = 0; i < hy_buf_len(&b); i++)
		client_send(fd, hy_bytes(hy_buf_data(&b) + i, 1));
	assert_three(fd);
	hy_buf_fini(&b);
	assert_true(client_silent(fd));
	close(fd);
	access_world_close(&w);
}

/** A client that does not wait for the handshake's answer. */
static void test_behind_the_handshake(void **state)
{
	struct access_world w;
	struct hy_buf b = {0}, frames = {0};
	char head[1024] = "";
	struct frame f;
	open_default(&w, 1);
	int fd = client_open(&w);
	hy_buf_printf(&b, "GET /link HTTP/1.1\r\n" ASKED "\r\n");
	put_noop(&frames);
	ws_wrap(&b, &frames);
	client_flush(fd, &b);
	for (size_t len = 0; !strstr(head, "\r\n\r\n"); len++)
		assert_true(len < sizeof head - 1 && client_receive(fd, head + len, 1));
	ws_frame_get(fd, &f);
	assert_int_equal(f.cmd, MARS_CMD_NOOP);
	close(fd);
	access_world_close(&w);
}

static void test_moves(void **state)
{
	struct access_world w;
	uint8_t ticket[ACCESS_TICKET_SIZE];
	int fd[24];
	open_default(&w, 3);
	for (unsigned i = 0; i < HY_COUNT_OF(fd); i++) {
		struct hy_buf b = {0}, frames = {0};
		struct frame f;
		uint32_t uin = world_uin_on(&w, i % 3, i);
		fd[i] = ws_open(&w);
		put_register(&frames, 1, "before");
		put_identify(&frames, world_ticket(uin, 1, ticket));
		if (i >= 12) { /* goes along, unparsed; notices if it is on another loop */
			put_sync(&frames, 2, "after");
			put_noop(&frames);
		}
		ws_wrap(&b, &frames);
		size_t kept = i >= 12 ? 1 : 0; /* the last message is cut */
		client_send(fd[i], hy_bytes(hy_buf_data(&b), hy_buf_len(&b) - kept));
		ws_assert_answer(fd[i], 101, 1, HY_OK);
		ws_assert_answer(fd[i], 104, MARS_SEQ_IDENTIFY, HY_OK);
		if (i >= 12) {
			ws_assert_answer(fd[i], 111, 2, HY_OK);
			client_send(fd[i], hy_bytes(hy_buf_data(&b) + hy_buf_len(&b) - 1, 1));
			ws_frame_get(fd[i], &f);
			assert_int_equal(f.cmd, MARS_CMD_NOOP);
		}
		ws_heartbeat(fd[i]);
		world_hint(&w, uin);
		ws_frame_get(fd[i], &f);
		assert_int_equal(f.cmd, MARS_CMD_PUSH);
		hy_buf_fini(&b);
	}
	assert_true(world_count(&w, MON_links_moved) > 0);
	for (unsigned i = 0; i < HY_COUNT_OF(fd); i++)
		close(fd[i]);
	access_world_close(&w);
}

/** To and fro between loops, cut off at every moment. */
static void test_cut_while_moving(void **state)
{
	struct access_world w;
	uint8_t ticket[ACCESS_TICKET_SIZE];
	open_default(&w, 2);
	for (unsigned i = 0; i < 40; i++) {
		struct hy_buf frames = {0};
		int fd = ws_open(&w);
		for (unsigned j = 0; j < 6; j++) {
			put_identify(&frames, world_ticket(world_uin_on(&w, j % 2, i), 1, ticket));
			put_register(&frames, 1, "sleep 1");
		}
		ws_flush(fd, &frames);
		if (i % 2)
			usleep(i * 50);
		close(fd);
	}
	access_world_stop(&w, 5000000);
	access_world_close(&w);
}

static void test_long_answers(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	struct frame f;
	open_default(&w, 1);
	int fd = ws_open(&w);
	ws_identify(fd, 42, 1);
	put_sync(&b, 1, "big");
	ws_flush(fd, &b);
	ws_frame_get(fd, &f);
	assert_true(f.len > BIG_SYNC);
	close(fd);
	access_world_close(&w);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void test_bad_frames(void **state)
{
	static const uint8_t other[MARS_HEAD] = {0, 0, 0, 19};
	static const uint8_t noop_twice[2 * MARS_HEAD] = {[3] = 20, [11] = 6, [23] = 20, [31] = 6};
	static const uint8_t cut[MARS_HEAD] = {[3] = 20, [11] = 101, [19] = 9};
	static const uint8_t with_body[MARS_HEAD + 200] = {[3] = 20, [11] = 6, [19] = 200};
	static const struct {
		uint8_t first;
		const void *payload;
		size_t len;
		unsigned code;
	} cases[] = {
		{FIN | TEXT, "hello", 5, 1003},
		{TEXT, "", 0, 1003},
		{FIN | BINARY, "", 0, 1002}, /* no frame */
		{FIN | BINARY, "hello", 5, 1002},
		{FIN | BINARY, other, sizeof other, 1002},
		{FIN | BINARY, noop_twice, sizeof noop_twice, 1002},
		{FIN | BINARY, noop_twice, MARS_HEAD + 1, 1002},
		{FIN | BINARY, cut, sizeof cut, 1002},
		{FIN | BINARY, with_body, sizeof with_body, 1002},
		{FIN | CONTINUED, "", 0, 1002}, /* of nothing */
		{FIN | 3, "", 0, 1002},
		{FIN | 11, "", 0, 1002},
		{FIN | 0x40 | BINARY, noop_twice, MARS_HEAD, 1002}, /* an extension */
		{PING, "", 0, 1002},                                /* in fragments */
		{FIN | CLOSE, "\3", 1, 1002},
		{FIN | CLOSE, "\3\xed", 2, 1002}, /* 1005 is not to be sent */
		{FIN | CLOSE, "\0\0", 2, 1002},
		{FIN | CLOSE, "\3\xe8\xff", 3, 1007},
		{FIN | CLOSE, "\3\xe8", 2, 1000},
		{FIN | CLOSE, "\x0f\xa1ok", 4, 4001},
		{FIN | CLOSE, "", 0, 0},
	};
	struct access_world w;
	open_default(&w, 1);
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		int fd = ws_open(&w);
		ws_heartbeat(fd);
		ws_send(fd, cases[i].first, cases[i].payload, cases[i].len);
		ws_assert_closed(fd, cases[i].code);
	}
	assert_int_equal(world_count(&w, MON_websocket_errors), 18);
	access_world_close(&w);
}

static void test_other_bad_bytes(void **state)
{
	static const uint8_t unmasked[] = {FIN | PING, 0}, long_ping[] = {FIN | PING, 0x80 | 126, 0, 126, 0, 0, 0, 0};
	static const uint8_t longer_than_needed[] = {FIN | BINARY, 0x80 | 126, 0, 5, 0, 0, 0, 0, 0};
	static const struct hy_bytes all[] = {{unmasked, sizeof unmasked}, {long_ping, sizeof long_ping},
		{longer_than_needed, sizeof longer_than_needed}};
	struct access_world w;
	open_default(&w, 1);
	for (size_t i = 0; i < HY_COUNT_OF(all); i++) {
		int fd = ws_open(&w);
		client_send(fd, all[i]);
		ws_assert_closed(fd, 1002);
	}
	int fd = ws_open(&w); /* a message in the middle of another */
	ws_send(fd, BINARY, "", 0);
	ws_send(fd, FIN | BINARY, "", 0);
	ws_assert_closed(fd, 1002);
	access_world_close(&w);
}

static void test_closed_behind_answers(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 2);
	int held = ws_open(&w), idle = ws_open(&w), left = ws_open(&w);
	ws_identify(held, 42, 1);
	ws_identify(idle, 42, 1);
	ws_identify(left, 42, 2);
	put_lookup(&b, 1, "hold", NULL);
	ws_flush(held, &b);
	put_lookup(&b, 2, "hold", NULL);
	ws_flush(left, &b);
	assert_true(world_await(&w, &w.held, 2));
	assert_int_equal(world_close_device(&w, 42, "d1"), 2);
	ws_assert_closed(idle, 1000);
	ws_send(left, FIN | CLOSE, "\3\xe8", 2); /* this one goes by itself */
	assert_true(client_silent(left));
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	ws_assert_answer(held, 105, 1, HY_OK);
	ws_assert_closed(held, 1000);
	ws_assert_answer(left, 105, 2, HY_OK);
	ws_assert_closed(left, 1000);
	access_world_close(&w);
}

static void test_server_ends(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 2);
	int idle = ws_open(&w), user = ws_open(&w);
	ws_heartbeat(idle);
	ws_identify(user, 42, 1);
	put_lookup(&b, 1, "sleep 50", NULL);
	ws_flush(user, &b);
	usleep(10000);
	access_world_stop(&w, 5000000);
	ws_assert_closed(idle, 1001);
	ws_assert_answer(user, 105, 1, HY_OK);
	ws_assert_closed(user, 1001);
	access_world_close(&w);
}

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

static void test_too_long(void **state)
{
	struct access_world w;
	static uint8_t zeros[MARS_FRAME_MAX];
	uint8_t head[MARS_HEAD];
	open_default(&w, 1);
	int fd = ws_open(&w);
	ws_send(fd, FIN | BINARY, zeros, 8192 + MARS_HEAD_MAX + 1); /* by its head alone */
	ws_assert_closed(fd, 1009);
	fd = ws_open(&w);
	mars_write_head(head, 200, 105, 7, 8192);
	ws_send(fd, BINARY, head, sizeof head);
	ws_send(fd, CONTINUED, zeros, 8192);
	ws_send(fd, CONTINUED, zeros, MARS_HEAD_MAX - MARS_HEAD + 1);
	ws_assert_answer(fd, 105, 7, HY_INVALID_ARGUMENT); /* the method takes less; said at once */
	ws_assert_closed(fd, 1002);                        /* more than it said */
	fd = ws_open(&w);
	ws_send(fd, BINARY, head, 10);
	ws_send(fd, CONTINUED, zeros, 8192 + MARS_HEAD_MAX - 9);
	ws_assert_closed(fd, 1009);
	fd = ws_open(&w);
	mars_write_head(head, 200, 105, 7, 5000); /* and more than that in the same frame */
	memcpy(zeros, head, sizeof head);
	ws_send(fd, FIN | BINARY, zeros, 8000);
	memset(zeros, 0, sizeof head);
	ws_assert_answer(fd, 105, 7, HY_INVALID_ARGUMENT);
	ws_assert_closed(fd, 1002);
	fd = ws_open(&w);
	ws_identify(fd, 42, 1);
	mars_write_head(head, 200, 105, 7, 500000);
	ws_send(fd, BINARY, head, sizeof head);
	ws_assert_answer(fd, 105, 7, HY_INVALID_ARGUMENT);
	ws_send(fd, CONTINUED, zeros, 400000);
	ws_send(fd, FIN | CONTINUED, zeros, 100000);
	ws_heartbeat(fd); /* the rest was thrown away */
	ws_send(fd, BINARY, head, sizeof head);
	ws_assert_answer(fd, 105, 7, HY_INVALID_ARGUMENT);
	ws_send(fd, FIN | CONTINUED, zeros, 100000); /* less than it said */
	ws_assert_closed(fd, 1002);
	access_world_close(&w);
}

static void test_many_fragments(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 1);
	int fd = ws_open(&w);
	ws_put(&b, BINARY, "", 0);
	for (int i = 0; i < 1024; i++)
		ws_put(&b, CONTINUED, "", 0);
	client_flush(fd, &b);
	ws_assert_closed(fd, 1008);
	access_world_close(&w);
}

static void look_at_stranger(struct world *base, struct call *call, void *arg)
{
	struct access_world *w = hy_container_of(base, struct access_world, base);
	*(size_t *)arg = w->access->loops[0].anonymous_bytes;
}

static void test_ping_flood(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	size_t held = 0, sent = 0;
	config.limits.stalled_s = 2;
	access_world_open(&w, 1, &config);
	int fd = ws_open(&w);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
	for (int i = 0; i < 100000; i++)
		ws_put(&b, FIN | PING, "0123456789012345678901234567890123456789", 40);
	for (int still = 0; still < 10;) {
		ssize_t n = send(fd, hy_buf_data(&b) + sent % hy_buf_len(&b), hy_buf_len(&b) - sent % hy_buf_len(&b),
			MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		still = n > 0 ? 0 : still + 1;
		usleep(n > 0 ? 100 : 20000);
		assert_true(sent < 100u << 20); /* it stops reading */
	}
	world_run(&w.base, 0, look_at_stranger, &held);
	assert_in_range(held, 16384, 96 << 10);
	assert_true(world_await_count(&w, MON_links_dropped_slow, 1));
	hy_buf_fini(&b);
	close(fd);
	access_world_close(&w);
}

static void test_slow_reader(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	struct frame f;
	config.limits.link_requests_max = 1;
	config.limits.output_pause_bytes = 64 << 10;
	access_world_open(&w, 1, &config);
	int fd = ws_open(&w);
	ws_identify(fd, 42, 1);
	for (uint32_t i = 1; i <= 100; i++)
		put_sync(&b, i, "big");
	ws_flush(fd, &b);
	unsigned before = 0, served;
	for (int still = 0; still < 5; still = served == before ? still + 1 : 0, before = served) {
		usleep(50000);
		served = __atomic_load_n(&w.served, __ATOMIC_RELAXED);
	}
	assert_true(before < 100);
	world_hint(&w, 42);
	assert_int_equal(world_count(&w, MON_hints_dropped), 1);
	for (uint32_t i = 1; i <= 100; i++) {
		ws_frame_get(fd, &f);
		assert_int_equal(f.seq, i);
		assert_true(f.len > BIG_SYNC);
	}
	ws_heartbeat(fd);
	close(fd);
	access_world_close(&w);
}

static void look_at_idle(struct world *base, struct call *call, void *arg)
{
	struct access_world *w = hy_container_of(base, struct access_world, base);
	struct conn *c = hy_list_first(&w->access->loops[0].signed_in, struct conn, in_list);
	CHECK(base, c && c->websocket && !c->ws && !c->http && c->in.cap == 0 && c->out.cap == 0);
}

static void test_idle_is_small(void **state)
{
	struct access_world w;
	open_default(&w, 1);
	int fd = ws_open(&w);
	ws_identify(fd, 42, 1);
	ws_send(fd, FIN | PONG, "unasked", 7);
	ws_heartbeat(fd);
	usleep(20000);
	world_run(&w.base, 0, look_at_idle, NULL);
	close(fd);
	access_world_close(&w);
}

#define PASSWORD "correct horse battery staple"

static void test_password_is_wiped(void **state)
{
	struct access_world w;
	struct hy_buf b = {0}, frames = {0};
	Hy__RegisterRequest request = HY__REGISTER_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	open_default(&w, 1);
	request.head = &head;
	request.name = (char *)(uintptr_t) "x";
	request.password = (char *)(uintptr_t)PASSWORD;
	frame_put(&frames, 101, 1, &request);
	size_t half = hy_buf_len(&frames) / 2;
	ws_put(&b, FIN | BINARY, hy_buf_data(&frames), hy_buf_len(&frames));
	ws_put(&b, BINARY, hy_buf_data(&frames), half);
	ws_put(&b, FIN | CONTINUED, hy_buf_data(&frames) + half, hy_buf_len(&frames) - half);
	world_watch_secret(PASSWORD);
	int whole = ws_open(&w), cut = ws_open(&w), refused = ws_open(&w);
	client_send(whole, hy_buf_bytes(&b));
	for (int i = 0; i < 2; i++)
		ws_assert_answer(whole, 101, 1, HY_OK);
	ws_send(cut, BINARY, hy_buf_data(&frames), hy_buf_len(&frames) - 1); /* never whole */
	ws_send(refused, BINARY, hy_buf_data(&frames), hy_buf_len(&frames));
	ws_send(refused, FIN | CONTINUED, "x", 1);
	ws_assert_closed(refused, 1002);
	usleep(20000);
	close(whole);
	close(cut);
	access_world_close(&w);
	assert_int_equal(world_watch_secret(NULL), 0);
	hy_buf_fini(&b);
	hy_buf_fini(&frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WEBSOCKET_TEST("pages of other origins are refused, and counted", test_handshake),
		WEBSOCKET_TEST("what is no handshake is answered as HTTP", test_no_handshake),
		WEBSOCKET_TEST("through a proxy the client's address counts", test_proxy),
		WEBSOCKET_TEST(
			"who comes from another machine signs in over nothing plain, whatever it says", test_far),
		WEBSOCKET_TEST("messages cut anywhere, in fragments, with a ping between", test_cuts),
		WEBSOCKET_TEST("messages right behind the handshake", test_behind_the_handshake),
		WEBSOCKET_TEST("a link moves to its user's loop with what has come", test_moves),
		WEBSOCKET_TEST("links that end while they move", test_cut_while_moving),
		WEBSOCKET_TEST("an answer of 200 KiB", test_long_answers),
		WEBSOCKET_TEST("bad frames, and close frames, are answered with their code", test_bad_frames),
		WEBSOCKET_TEST("bytes that are no frame of a client", test_other_bad_bytes),
		WEBSOCKET_TEST("the close frame comes behind the answers", test_closed_behind_answers),
		WEBSOCKET_TEST("a server that ends says so", test_server_ends),
		WEBSOCKET_TEST("messages that are too long", test_too_long),
		WEBSOCKET_TEST("too many fragments", test_many_fragments),
		WEBSOCKET_TEST("who pings and does not read is held to little memory", test_ping_flood),
		WEBSOCKET_TEST("a slow reader's requests wait", test_slow_reader),
		WEBSOCKET_TEST("an idle link holds nothing more than one by TCP", test_idle_is_small),
		WEBSOCKET_TEST("a password does not stay in memory", test_password_is_wiped),
	};
	return cmocka_run_group_tests_name("access_websocket", tests, NULL, NULL);
}
