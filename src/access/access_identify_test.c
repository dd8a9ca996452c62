/* Links say whose they are: when, on which loop, as whom; and what reaches them then. */
#include "access/access_world.h"

#include <unistd.h>

#define IDENTIFY_TEST(text, fn)            \
	{                                  \
		text, fn, NULL, NULL, NULL \
	}

static void assert_code(int fd, uint32_t cmd, int code)
{
	struct frame f;
	assert_true(frame_get(fd, &f));
	assert_int_equal(f.cmd, cmd);
	assert_int_equal(frame_code(&f), code);
}

/** What comes next is an answer of Lookup, made as this user (0: as nobody). */
static void assert_lookup_as(int fd, uint32_t uin)
{
	struct hy_buf b = {0};
	struct frame f;
	put_lookup(&b, 9, "x", NULL);
	client_flush(fd, &b);
	assert_true(frame_get(fd, &f));
	assert_int_equal(f.cmd, 105);
	Hy__LookupResponse *response = hy__lookup_response__unpack(NULL, f.len, f.body);
	assert_int_equal(response->head->code, uin ? HY_OK : HY_UNAUTHENTICATED);
	assert_int_equal(response->uin, uin);
	hy__lookup_response__free_unpacked(response, NULL);
}

static void identify_again(int fd, uint32_t uin, unsigned device, int code)
{
	struct hy_buf b = {0};
	uint8_t ticket[ACCESS_TICKET_SIZE];
	put_identify(&b, world_ticket(uin, device, ticket));
	client_flush(fd, &b);
	assert_code(fd, 104, code);
}

/* ---- when, and where --------------------------------------------------------------------------------------------- */

static void test_waits(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	uint8_t ticket[ACCESS_TICKET_SIZE];
	open_default(&w, 1);
	int fd = client_open(&w);
	put_lookup(&b, 1, "hold", world_ticket(42, 1, ticket));
	put_register(&b, 2, "sleep 20");
	put_identify(&b, world_ticket(42, 1, ticket));
	put_lookup(&b, 3, "x", NULL);
	client_flush(fd, &b);
	assert_code(fd, 101, HY_OK);
	assert_true(client_silent(fd)); /* neither the identification nor what follows it */
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	assert_code(fd, 105, HY_OK);
	assert_code(fd, 104, HY_OK);
	assert_code(fd, 105, HY_OK); /* as the user: nothing overtakes the identification */
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
		struct hy_buf b = {0};
		uint32_t uin = world_uin_on(&w, i % 3, i);
		fd[i] = client_open(&w);
		put_register(&b, 1, "before");
		put_identify(&b, world_ticket(uin, 1, ticket));
		put_sync(&b, 2, "after"); /* goes along, unparsed; notices if it is on another loop */
		put_noop(&b);
		client_send(fd[i], hy_bytes(hy_buf_data(&b), hy_buf_len(&b) - 1)); /* the last frame is cut */
		assert_code(fd[i], 101, HY_OK);
		assert_code(fd[i], 104, HY_OK);
		assert_code(fd[i], 111, HY_OK);
		client_send(fd[i], hy_bytes(hy_buf_data(&b) + hy_buf_len(&b) - 1, 1));
		struct frame f;
		assert_true(frame_get(fd[i], &f));
		assert_int_equal(f.cmd, MARS_CMD_NOOP);
		assert_lookup_as(fd[i], uin);
		world_hint(&w, uin);
		assert_push(fd[i], HY__SYNC_KIND__SYNC_KIND_MESSAGE);
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
		struct hy_buf b = {0};
		int fd = client_open(&w);
		for (unsigned j = 0; j < 6; j++) {
			put_identify(&b, world_ticket(world_uin_on(&w, j % 2, i), 1, ticket));
			put_register(&b, 1, "sleep 1");
		}
		client_flush(fd, &b);
		if (i % 2)
			usleep(i * 50);
		close(fd);
	}
	access_world_stop(&w, 5000000);
	access_world_close(&w);
}

/* ---- as whom ----------------------------------------------------------------------------------------------------- */

static void test_twice(void **state)
{
	struct access_world w;
	open_default(&w, 2);
	int fd = client_open(&w);
	client_identify(fd, 42, 1);
	client_identify(fd, 42, 1);
	client_identify(fd, 42, 2);
	assert_lookup_as(fd, 42);
	world_hint(&w, 42);
	assert_push(fd, HY__SYNC_KIND__SYNC_KIND_MESSAGE);
	assert_true(client_silent(fd)); /* it is in the table once */
	assert_int_equal(world_close_device(&w, 42, "d1"), 0);
	assert_int_equal(world_close_device(&w, 42, "d2"), 1);
	assert_true(client_ended(fd));
	close(fd);
	access_world_close(&w);
}

static void as_another(unsigned other_loop)
{
	struct access_world w;
	open_default(&w, 2);
	uint32_t first = world_uin_on(&w, 0, 0), second = world_uin_on(&w, other_loop, 1);
	int fd = client_open(&w);
	client_identify(fd, first, 1);
	client_identify(fd, second, 1);
	assert_lookup_as(fd, second);
	world_hint(&w, first);
	assert_true(client_silent(fd));
	world_hint(&w, second);
	assert_push(fd, HY__SYNC_KIND__SYNC_KIND_MESSAGE);
	assert_int_equal(world_close_device(&w, first, ""), 0);
	/* As somebody whose ticket is no good: it is nobody's link then. */
	identify_again(fd, first, 3, HY_OK);
	__atomic_store_n(&w.revoked, 1u << 4, __ATOMIC_RELAXED);
	identify_again(fd, second, 4, HY_UNAUTHENTICATED);
	assert_lookup_as(fd, 0);
	world_hint(&w, first);
	world_hint(&w, second);
	assert_true(client_silent(fd));
	assert_int_equal(world_close_device(&w, first, "") + world_close_device(&w, second, ""), 0);
	client_identify(fd, second, 1);
	assert_lookup_as(fd, second);
	close(fd);
	access_world_close(&w);
}

static void test_as_another_here(void **state)
{
	as_another(0);
}

static void test_as_another_there(void **state)
{
	as_another(1);
}

static void test_bad_ticket(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	uint8_t ticket[ACCESS_TICKET_SIZE];
	open_default(&w, 2);
	int fd = client_open(&w);
	world_ticket(42, 1, ticket);
	ticket[20] ^= 1;
	put_identify(&b, ticket);
	put_identify(&b, NULL);
	client_flush(fd, &b);
	assert_code(fd, 104, HY_UNAUTHENTICATED);
	assert_code(fd, 104, HY_UNAUTHENTICATED);
	assert_lookup_as(fd, 0);
	client_identify(fd, 42, 1);
	/* A bad ticket on a request does not fall back on the link's user. */
	put_lookup(&b, 1, "x", ticket);
	client_flush(fd, &b);
	assert_code(fd, 105, HY_UNAUTHENTICATED);
	/* The same user's bad ticket changes nothing. */
	put_identify(&b, ticket);
	client_flush(fd, &b);
	assert_code(fd, 104, HY_UNAUTHENTICATED);
	assert_lookup_as(fd, 42);
	world_hint(&w, 42);
	assert_push(fd, HY__SYNC_KIND__SYNC_KIND_MESSAGE);
	close(fd);
	access_world_close(&w);
}

/** A ticket on each request serves as well, on a link of nobody. */
static void test_ticket_on_request(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	struct frame f;
	uint8_t ticket[ACCESS_TICKET_SIZE];
	open_default(&w, 2);
	int fd = client_open(&w);
	for (uint32_t uin = 40; uin < 44; uin++) {
		put_lookup(&b, 1, "x", world_ticket(uin, 1, ticket));
		client_flush(fd, &b);
		assert_true(frame_get(fd, &f));
		Hy__LookupResponse *response = hy__lookup_response__unpack(NULL, f.len, f.body);
		assert_int_equal(response->uin, uin);
		hy__lookup_response__free_unpacked(response, NULL);
	}
	assert_lookup_as(fd, 0);
	close(fd);
	access_world_close(&w);
}

/* ---- what reaches it --------------------------------------------------------------------------------------------- */

static void sync_by_http(struct access_world *w, uint32_t uin, unsigned device)
{
	struct hy_buf body = {0}, b = {0};
	uint8_t ticket[ACCESS_TICKET_SIZE];
	char status[16] = {0};
	Hy__SyncRequest request = HY__SYNC_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	request.head = &head;
	head.ticket = (ProtobufCBinaryData){sizeof ticket, (uint8_t *)(uintptr_t)world_ticket(uin, device, ticket)};
	pb_pack(&request.base, &body);
	hy_buf_printf(&b,
		"POST /cgi-bin/sync HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: %zu\r\n\r\n",
		hy_buf_len(&body));
	hy_buf_append(&b, hy_buf_data(&body), hy_buf_len(&body));
	int fd = client_open(w);
	client_flush(fd, &b);
	assert_true(client_receive(fd, status, 12));
	assert_string_equal(status, "HTTP/1.1 200");
	close(fd);
	hy_buf_fini(&body);
}

static void test_hints(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	open_default(&w, 2);
	int one = client_open(&w), two = client_open(&w), stranger = client_open(&w);
	client_identify(one, 42, 1);
	client_identify(two, 42, 2);
	client_identify(stranger, 43, 1);
	for (int i = 0; i < 5; i++)
		world_hint(&w, 42);
	assert_push(one, HY__SYNC_KIND__SYNC_KIND_MESSAGE);
	assert_push(two, HY__SYNC_KIND__SYNC_KIND_MESSAGE);
	assert_true(client_silent(one) && client_silent(two)); /* one in flight on each */
	put_sync(&b, 1, "x");
	client_flush(one, &b);
	assert_code(one, 111, HY_OK);
	world_hint(&w, 42);
	assert_push(one, HY__SYNC_KIND__SYNC_KIND_MESSAGE);
	assert_true(client_silent(two)); /* it has not synced */
	sync_by_http(&w, 42, 2);         /* by the other way: the same device's links are hinted at again */
	world_hint(&w, 42);
	assert_push(two, HY__SYNC_KIND__SYNC_KIND_MESSAGE);
	assert_true(client_silent(one) && client_silent(stranger));
	assert_int_equal(world_count(&w, MON_hints_sent), 4);
	world_hint_kinds(&w, 43, 1u << HY__SYNC_KIND__SYNC_KIND_CONTACT);
	assert_push(stranger, HY__SYNC_KIND__SYNC_KIND_CONTACT);
	close(one);
	close(two);
	close(stranger);
	access_world_close(&w);
}

static void test_close_device(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	int fd[4];
	open_default(&w, 2);
	for (int i = 0; i < 4; i++)
		client_identify(fd[i] = client_open(&w), 42, i < 2 ? 1 : 2);
	put_lookup(&b, 1, "hold", NULL);
	client_flush(fd[1], &b);
	assert_true(world_await(&w, &w.held, 1));
	assert_int_equal(world_close_device(&w, 42, "d1"), 2);
	assert_true(client_ended(fd[0]));
	client_send(fd[1], hy_bytes_str("no more of this is looked at"));
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	assert_code(fd[1], 105, HY_OK); /* what was in work is answered */
	assert_true(client_ended(fd[1]));
	client_heartbeat(fd[2]);
	assert_int_equal(world_close_device(&w, 42, "d1"), 0);
	assert_int_equal(world_close_device(&w, 42, ""), 2);
	assert_true(client_ended(fd[2]) && client_ended(fd[3]));
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	access_world_close(&w);
}

static void test_online(void **state)
{
	struct access_world w;
	char devices[64];
	int fd[4];
	open_default(&w, 2);
	world_online(&w, 42, devices, sizeof devices);
	assert_string_equal(devices, "");
	for (int i = 0; i < 4; i++)
		client_identify(fd[i] = client_open(&w), 42, i < 3 ? (unsigned)i / 2 + 1 : 3);
	world_online(&w, 42, devices, sizeof devices);
	assert_string_equal(devices, "d1 d2 d3 "); /* each once, however many links it has */
	assert_int_equal(world_close_others(&w, 42, "d1"), 2);
	assert_true(client_ended(fd[2]) && client_ended(fd[3]));
	client_heartbeat(fd[0]);
	client_heartbeat(fd[1]);
	world_online(&w, 42, devices, sizeof devices);
	assert_string_equal(devices, "d1 ");
	assert_int_equal(world_close_others(&w, 42, "d9"), 2);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	access_world_close(&w);
}

static void test_sign_out(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	Hy__SignOutRequest request = HY__SIGN_OUT_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	request.head = &head;
	open_default(&w, 2);
	int fd = client_open(&w);
	client_identify(fd, 42, 1);
	frame_put(&b, 103, 1, &request);
	put_lookup(&b, 2, "x", NULL);
	client_flush(fd, &b);
	/* The lookup was in work before the link closed, or was not looked at. */
	struct frame f;
	bool signed_out = false;
	while (frame_get(fd, &f)) {
		assert_int_equal(frame_code(&f), HY_OK);
		signed_out |= f.cmd == 103;
	}
	assert_true(signed_out);
	close(fd);
	access_world_close(&w);
}

/* ---- how much of it ---------------------------------------------------------------------------------------------- */

static void test_links_per_device(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	int fd[5];
	config.limits.links_per_device = 2;
	access_world_open(&w, 2, &config);
	for (int i = 0; i < 3; i++)
		client_identify(fd[i] = client_open(&w), 42, i == 1 ? 2 : 1);
	put_lookup(&b, 1, "hold", NULL);
	client_flush(fd[0], &b);
	assert_true(world_await(&w, &w.held, 1));
	client_identify(fd[3] = client_open(&w), 42, 1);
	assert_true(client_silent(fd[0])); /* it ends when what is in work is answered */
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	assert_code(fd[0], 105, HY_OK);
	assert_true(client_ended(fd[0]));
	client_identify(fd[4] = client_open(&w), 42, 1);
	assert_true(client_ended(fd[2]));
	assert_int_equal(world_count(&w, MON_links_refused), 2);
	identify_again(fd[3], 42, 1, HY_OK); /* which is no other link */
	client_heartbeat(fd[1]);
	client_heartbeat(fd[4]);
	assert_int_equal(world_close_device(&w, 42, "d1"), 2);
	for (int i = 0; i < 5; i++)
		close(fd[i]);
	access_world_close(&w);
}

static void test_requests_per_user(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct hy_buf b = {0};
	uint8_t ticket[ACCESS_TICKET_SIZE];
	int fd[4];
	config.limits.user_requests_max = 2;
	access_world_open(&w, 2, &config);
	for (int i = 0; i < 3; i++)
		client_identify(fd[i] = client_open(&w), i < 2 ? 42 : 43, 1);
	fd[3] = client_open(&w);
	for (int i = 0; i < 3; i++) {
		put_lookup(&b, 1, "hold", NULL);
		client_flush(fd[i], &b);
	}
	assert_true(world_await(&w, &w.held, 3));
	put_lookup(&b, 2, "x", NULL);
	client_flush(fd[1], &b);
	assert_code(fd[1], 105, HY_RESOURCE_EXHAUSTED);
	put_lookup(&b, 2, "x", world_ticket(42, 2, ticket)); /* from a link of nobody, too */
	client_flush(fd[3], &b);
	assert_code(fd[3], 105, HY_RESOURCE_EXHAUSTED);
	assert_lookup_as(fd[2], 43); /* others are not touched */
	assert_int_equal(world_count(&w, MON_requests_refused), 2);
	__atomic_store_n(&w.release, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		assert_code(fd[i], 105, HY_OK);
	assert_lookup_as(fd[1], 42);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	access_world_close(&w);
}

/* ---- what stays of it in memory ---------------------------------------------------------------------------------- */

#define PASSWORD "correct horse battery staple"

/** Cut into pieces, so that parts of it are put aside, and move when more comes. */
static void send_in_pieces(int fd, const struct hy_buf *b)
{
	for (size_t at = 0, n; at < hy_buf_len(b); at += n) {
		n = HY_MIN(hy_buf_len(b) - at, (size_t)50);
		client_send(fd, hy_bytes(hy_buf_data(b) + at, n));
		usleep(2000);
	}
}

static void put_register_with_password(struct hy_buf *b)
{
	char device[400] = {0};
	Hy__RegisterRequest request = HY__REGISTER_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	request.head = &head;
	request.name = (char *)(uintptr_t) "x";
	request.password = (char *)(uintptr_t)PASSWORD;
	request.device_name = memset(device, 'd', sizeof device - 1);
	frame_put(b, 101, 1, &request);
}

static void test_password_is_wiped(void **state)
{
	static const char json[] = "{\"head\":{}, \"name\":\"x\", \"password\":\"" PASSWORD "\"}";
	struct access_world w;
	struct hy_buf frames = {0}, http = {0};
	char answer[12];
	open_default(&w, 1);
	for (int i = 0; i < 3; i++)
		put_register_with_password(&frames);
	hy_buf_printf(&http,
		"POST /cgi-bin/register HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(json), json);
	world_watch_secret(PASSWORD);
	for (int whole = 0; whole < 2; whole++) {
		int fd[] = {client_open(&w), client_open(&w), client_open(&w), client_open(&w)};
		for (int i = 0; i < 4; i++) {
			const struct hy_buf *b = i % 2 ? &http : &frames;
			if (i >= 2) /* cut off behind the password */
				client_send(fd[i], hy_bytes(hy_buf_data(b), hy_buf_len(b) - 1));
			else if (whole)
				client_send(fd[i], hy_buf_bytes(b));
			else
				send_in_pieces(fd[i], b);
		}
		for (int i = 0; i < 3; i++)
			assert_code(fd[0], 101, HY_OK);
		assert_true(client_receive(fd[1], answer, sizeof answer));
		usleep(20000);
		for (int i = 0; i < 4; i++)
			close(fd[i]);
	}
	access_world_stop(&w, 1000000);
	assert_null(memmem(w.access->loops[0].scratch, ACCESS_READ_CHUNK, PASSWORD, strlen(PASSWORD)));
	access_world_close(&w);
	assert_int_equal(world_watch_secret(NULL), 0);
	world_watch_secret(PASSWORD);
	hy_buf_fini(&frames);
	hy_buf_fini(&http);
	assert_int_equal(world_watch_secret(NULL), 2); /* it would have been seen */
}

static void test_ticket_is_wiped(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	uint8_t ticket[ACCESS_TICKET_SIZE];
	uint32_t uin = 'k';
	open_default(&w, 2);
	put_identify(&b, world_ticket(uin, 1, ticket)); /* its last bytes are of the letter */
	world_watch_secret("kkkkkkkkkkkkkkkkkkkkkkkkk");
	for (int i = 0; i < 8; i++) {
		int fd = client_open(&w);
		send_in_pieces(fd, &b);
		assert_code(fd, 104, HY_OK);
		close(fd);
	}
	access_world_close(&w);
	assert_int_equal(world_watch_secret(NULL), 0);
	hy_buf_fini(&b);
}

/* ---- plain links from other machines (W5) ------------------------------------------------------------------------ */

static void test_far(void **state)
{
	struct access_world w;
	struct hy_buf b = {0};
	uint8_t ticket[ACCESS_TICKET_SIZE];
	open_default(&w, 2);
	int fd = client_open_from(&w, FAR_ADDRESS);
	client_heartbeat(fd);
	put_register(&b, 1, "x");
	client_flush(fd, &b);
	assert_code(fd, 101, HY_FAILED_PRECONDITION);
	put_lookup(&b, 2, "x", world_ticket(42, 1, ticket));
	client_flush(fd, &b);
	assert_code(fd, 105, HY_FAILED_PRECONDITION);
	identify_again(fd, 42, 1, HY_FAILED_PRECONDITION);
	world_hint(&w, 42);
	assert_true(client_silent(fd));
	assert_int_equal(w.served, 0);
	close(fd);
	access_world_close(&w);
}

static void test_far_allowed(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	config.allow_plain = true;
	access_world_open(&w, 2, &config);
	int fd = client_open_from(&w, FAR_ADDRESS);
	client_identify(fd, 42, 1);
	assert_lookup_as(fd, 42);
	close(fd);
	access_world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IDENTIFY_TEST("an identification waits for earlier requests, later ones wait for it", test_waits),
		IDENTIFY_TEST("a link moves to its user's loop with what was not parsed", test_moves),
		IDENTIFY_TEST("links are cut off while they move", test_cut_while_moving),
		IDENTIFY_TEST("a link identifies itself twice", test_twice),
		IDENTIFY_TEST("a link becomes another user's on the same loop", test_as_another_here),
		IDENTIFY_TEST("a link becomes another user's on another loop", test_as_another_there),
		IDENTIFY_TEST("a bad ticket is refused and changes nothing", test_bad_ticket),
		IDENTIFY_TEST("a ticket on each request serves as well", test_ticket_on_request),
		IDENTIFY_TEST("one hint is in flight per link, until its device syncs", test_hints),
		IDENTIFY_TEST("a device's links are closed, with what is in work answered", test_close_device),
		IDENTIFY_TEST("devices with links are online, and all but one can be closed", test_online),
		IDENTIFY_TEST("who signs out is answered, and its link ends", test_sign_out),
		IDENTIFY_TEST("a link too many of a device: its oldest goes, with what is in work answered",
			test_links_per_device),
		IDENTIFY_TEST("so many requests of one user are in work; the rest is refused", test_requests_per_user),
		IDENTIFY_TEST("no password stays in memory that is given back", test_password_is_wiped),
		IDENTIFY_TEST("nor the ticket of a link", test_ticket_is_wiped),
		IDENTIFY_TEST("other machines may not sign in over plain links", test_far),
		IDENTIFY_TEST("unless the operator allows it", test_far_allowed),
	};
	return cmocka_run_group_tests_name("access_identify", tests, NULL, NULL);
}
