/* Long links by WebSocket over real sockets: the same link in another framing. */
#include "access/websocket_world.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WEBSOCKET_TEST(text, fn)           \
	{                                  \
		text, fn, NULL, NULL, NULL \
	}

/* ---- handshakes -------------------------------------------------------------------------------------------------- */

static void test_handshake(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	config.origins = "https://chat.example.org";
	access_world_open(&w, 1, &config);
	int fd = client_open(&w);
	assert_int_equal(ws_handshake(fd, "Origin: http://evil.example\r\n"), 403);
	assert_int_equal(world_count(&w, MON_origins_refused), 1);
	assert_int_equal(world_count(&w, MON_websockets_refused), 1);
	assert_int_equal(world_count(&w, MON_websockets_opened), 0);
	assert_int_equal(world_count(&w, MON_links_opened), 0);
	char body[64];
	assert_true(recv(fd, body, sizeof body, 0) > 0);
	assert_int_equal(ws_handshake(fd, "Origin: http://here\r\n"), 101); /* on the same connection */
	ws_heartbeat(fd);
	assert_int_equal(world_count(&w, MON_websockets_opened), 1);
	assert_int_equal(world_count(&w, MON_links_opened), 1);
	int other = client_open(&w);
	assert_int_equal(ws_handshake(other, "Origin: https://chat.example.org\r\n"), 101);
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
		assert_int_equal(ws_handshake(fd[i] = client_open(&w), "X-Forwarded-For: 192.0.2.7\r\n"), 101);
	assert_true(client_ended(fd[0])); /* one too many from that address */
	int other = client_open(&w);
	assert_int_equal(ws_handshake(other, "X-Forwarded-For: 192.0.2.8\r\n"), 101);
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
	assert_int_equal(ws_handshake(fd, "X-Forwarded-For: 127.0.0.1\r\n"), 101);
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

/* ---- what it leaves in memory -------------------------------------------------------------------------------------
 */

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
		WEBSOCKET_TEST("an idle link holds nothing more than one by TCP", test_idle_is_small),
		WEBSOCKET_TEST("a password does not stay in memory", test_password_is_wiped),
	};
	return cmocka_run_group_tests_name("access_websocket", tests, NULL, NULL);
}
