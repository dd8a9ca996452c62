/* Which handshakes become WebSocket links, and which origins may. */
#include "svrkit/run_test.h"

#include "access/websocket.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455, 1.3 */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static struct websocket_offer good_offer(void)
{
	return (struct websocket_offer){.http_1_1 = true,
		.host = hy_bytes_str("chat.example.org:7600"),
		.upgrade = hy_bytes_str("websocket"),
		.connection = hy_bytes_str("Upgrade"),
		.key = hy_bytes_str(KEY),
		.version = hy_bytes_str("13")};
}

static int judge(const struct websocket_offer *offer, char accept[WEBSOCKET_ACCEPT_SIZE])
{
	static const struct access_config config;
	const char *why = NULL;
	int status = websocket_judge(&config, offer, accept, &why);
	assert_int_equal(status == 101, why == NULL);
	return status;
}

static void test_accept(void **state)
{
	struct websocket_offer offer = good_offer();
	char accept[WEBSOCKET_ACCEPT_SIZE];
	assert_int_equal(judge(&offer, accept), 101);
	assert_string_equal(accept, ACCEPT);
}

static void test_handshakes(void **state)
{
	static const struct {
		size_t field;
		const char *value;
		int status;
	} cases[] = {
#define F(name) offsetof(struct websocket_offer, name)
		{F(upgrade), "WebSocket", 101},
		{F(upgrade), "h2c , websocket", 101},
		{F(upgrade), "", 426},
		{F(upgrade), "websockets", 426},
		{F(upgrade), "h2c", 426},
		{F(connection), "keep-alive, uPgRaDe", 101},
		{F(connection), "\tupgrade ,close", 101},
		{F(connection), "", 400},
		{F(connection), "keep-alive", 400},
		{F(connection), "upgraded", 400},
		{F(version), " 13 ", 101},
		{F(version), "", 426},
		{F(version), "8", 426},
		{F(version), "013", 426},
		{F(version), "13,13", 426},
		{F(key), " " KEY, 101},
		{F(key), "", 400},
		{F(key), "AAAA", 400},
		{F(key), "AAAAAAAAAAAAAAAAAAAAAAAA", 400}, /* 18 bytes */
		{F(key), "AAAAAAAAAAAAAAAAAAAAA===", 400},
		{F(key), "dGhlIHNhbXBsZSBub25jZQ=", 400},
		{F(key), "dGhlIHNhbXBsZSBub25jZ-==", 400},
		{F(key), KEY "," KEY, 400},
		{F(host), "", 400},
		{F(host), " ", 400},
		{F(origin), "http://chat.example.org:7600", 101},
		{F(origin), "http://chat.example.org", 403},
#undef F
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct websocket_offer offer = good_offer();
		char accept[WEBSOCKET_ACCEPT_SIZE];
		*(struct hy_bytes *)(void *)((char *)&offer + cases[i].field) = hy_bytes_str(cases[i].value);
		if (judge(&offer, accept) != cases[i].status)
			fail_msg("'%s' is not answered with %d", cases[i].value, cases[i].status);
		offer.http_1_1 = false;
		assert_int_not_equal(judge(&offer, accept), 101);
	}
}

static void test_origins(void **state)
{
	static const struct {
		const char *origin, *host, *setting;
		bool allowed;
	} cases[] = {
		{"", "h", NULL, true}, /* a program */
		{"https://h", "h", NULL, true}, {"http://H:80", "h:80", NULL, true},
		{"http://[::1]:7600", "[::1]:7600", NULL, true}, {"http://h:80", "h", NULL, false},
		{"http://h", "h:80", NULL, false}, {"http://h.evil", "h", NULL, false},
		{"http://evil.h", "h", NULL, false}, {"http://evil/://h", "h", NULL, false}, {"://h", "h", NULL, false},
		{"h", "h", NULL, false}, {"null", "null", NULL, false}, {"null", "h", "https://a", false},
		{"http://", "", NULL, false}, {"https://a", "h", "https://a", true},
		{"https://a", "h", "https://b, HTTPS://A ,https://c", true}, {"http://a", "h", "https://a", false},
		{"https://a:1", "h", "https://a", false}, {"https://b", "h", "https://a,,", false},
		{"https://a,https://b", "h", "https://a,https://b", false}, /* two headers */
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct access_config config = {.origins = cases[i].setting};
		if (websocket_origin_allowed(&config, hy_bytes_str(cases[i].origin), hy_bytes_str(cases[i].host)) !=
			cases[i].allowed)
			fail_msg("'%s' at '%s', setting '%s'", cases[i].origin, cases[i].host,
				cases[i].setting ? cases[i].setting : "");
	}
}

static void test_rebound(void **state)
{
	static const struct {
		const char *origin, *setting;
		bool rebound;
	} cases[] = {
		{"http://evil.example", NULL, true},
		{"HTTP://Evil.Example:7600", NULL, true},
		{"http://evil.example.", NULL, true},
		{"http://evil.example.:7600", NULL, true},
		{"http://localhost.evil.example", NULL, true},
		{"http://127.0.0.1.evil.example", NULL, true},
		{"http://1.in-addr.arpa", NULL, true},
		{"http://evil.example", "https://evil.example", true},
		{"http://evil.example", "https://a, http://evil.example", false},
		{"https://evil.example", NULL, false},
		{"", NULL, false},
		{"null", NULL, false},
		{"http://", NULL, false},
		{"http://.", NULL, false},
		{"http://127.0.0.1:7600", NULL, false},
		{"http://192.0.2.7", NULL, false},
		{"http://[::1]:7600", NULL, false},
		{"http://localhost:7600", NULL, false},
		{"http://localhost.:7600", NULL, false},
		{"http://a.localhost", NULL, false},
		{"http://goose.test:80", NULL, false},
		{"http://box.home.arpa", NULL, false},
		{"http://nas.LOCAL.", NULL, false},
		{"http://nas", NULL, false},
		{"chrome-extension://a.b", NULL, false},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct access_config config = {.origins = cases[i].setting};
		if (websocket_origin_rebound(&config, hy_bytes_str(cases[i].origin)) != cases[i].rebound)
			fail_msg("'%s', setting '%s'", cases[i].origin, cases[i].setting ? cases[i].setting : "");
	}
	struct websocket_offer offer = good_offer();
	char accept[WEBSOCKET_ACCEPT_SIZE];
	offer.local = true;
	assert_int_equal(judge(&offer, accept), 101);
	offer.origin = hy_bytes_str("https://chat.example.org:7600");
	assert_int_equal(judge(&offer, accept), 101);
	offer.origin = hy_bytes_str("http://chat.example.org:7600");
	assert_int_equal(judge(&offer, accept), 403);
}

static void test_origin_text(void **state)
{
	static const char *const good[] = {
		"https://chat.example.org", "http://192.0.2.7:8080", "http://[::1]:1", "capacitor://localhost"};
	static const char *const bad[] = {"", "h", "://h", "http://", "http://h/", "http://h/a", "http://h?x",
		"http://u@h", "http://*", "http://a b", "http://\x80"};
	for (size_t i = 0; i < HY_COUNT_OF(good); i++)
		assert_true(access_origin_good(hy_bytes_str(good[i])));
	for (size_t i = 0; i < HY_COUNT_OF(bad); i++)
		assert_false(access_origin_good(hy_bytes_str(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"the answer to the RFC's own example", test_accept, NULL, NULL, NULL},
		{"what a handshake has to say", test_handshakes, NULL, NULL, NULL},
		{"whose pages may connect", test_origins, NULL, NULL, NULL},
		{"names that are made to mean this machine", test_rebound, NULL, NULL, NULL},
		{"what is an origin in the setting", test_origin_text, NULL, NULL, NULL},
	};
	return cmocka_run_group_tests_name("handshake", tests, NULL, NULL);
}
