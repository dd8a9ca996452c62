#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "access/conn.h"

static const struct peer_case {
	const char *label;
	struct conn_peer peer;
	const char *text;
} cases[] = {
	{"an IPv4 address is itself", {AF_INET, false, {192, 0, 2, 7}}, "192.0.2.7"},
	{"the longest IPv4 address", {AF_INET, false, {255, 255, 255, 255}}, "255.255.255.255"},
	{"of an IPv6 address the network counts",
		{AF_INET6, false, {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8}}, "2001:db8:1:2::/64"},
	{"another host of that network is the same",
		{AF_INET6, false, {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 8, 7, 6, 5, 4, 3, 2, 1}}, "2001:db8:1:2::/64"},
	{"the longest network", {AF_INET6, false, {255, 255, 255, 255, 255, 255, 255, 255}},
		"ffff:ffff:ffff:ffff::/64"},
	{"this machine has none", {AF_INET, true, {127, 0, 0, 1}}, NULL},
	{"nor a Unix socket", {AF_UNIX, true, {0}}, NULL},
};

static void test_case(void **state)
{
	const struct peer_case *c = *state;
	char text[CONN_PEER_TEXT_MAX];
	const char *got = conn_peer_text(&c->peer, text);
	if (c->text)
		assert_string_equal(got, c->text);
	else
		assert_null(got);
}

static const struct same_case {
	const char *label;
	struct conn_peer a, b;
	bool same;
} same_cases[] = {
	{"an IPv4 address is the same as itself", {AF_INET, false, {192, 0, 2, 7}}, {AF_INET, false, {192, 0, 2, 7}},
		true},
	{"its neighbour is another", {AF_INET, false, {192, 0, 2, 7}}, {AF_INET, false, {192, 0, 2, 8}}, false},
	{"two hosts of one IPv6 network are the same",
		{AF_INET6, false, {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8}},
		{AF_INET6, false, {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 8, 7, 6, 5, 4, 3, 2, 1}}, true},
	{"the next IPv6 network is another", {AF_INET6, false, {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2}},
		{AF_INET6, false, {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 3}}, false},
	{"all of this machine is one", {AF_INET, true, {127, 0, 0, 1}}, {AF_INET6, true, {[15] = 1}}, true},
	{"this machine is not the network of its address", {AF_INET6, true, {[15] = 1}}, {AF_INET6, false, {0}}, false},
};

static void test_same(void **state)
{
	const struct same_case *c = *state;
	assert_int_equal(conn_peer_same(&c->a, &c->b), c->same);
	assert_int_equal(conn_peer_same(&c->b, &c->a), c->same);
	if (c->same)
		assert_int_equal(conn_peer_hash(&c->a, 7), conn_peer_hash(&c->b, 7));
}

/* The proxies of all these: 127.0.0.1, 10.0.0.7, 2001:db8::7. */
static const struct forwarded_case {
	const char *label, *list;
	const char *text; /* NULL: nobody can be told */
} forwarded_cases[] = {
	{"the only entry is the client", "192.0.2.7", "192.0.2.7"},
	{"an IPv6 client", "2001:db8:1:2::9", "2001:db8:1:2::/64"},
	{"with a port", "192.0.2.7:4711", "192.0.2.7"},
	{"IPv6 with a port", "[2001:db8:1:2::9]:4711", "2001:db8:1:2::/64"},
	{"in brackets", "[2001:db8:1:2::9]", "2001:db8:1:2::/64"},
	{"IPv4 in IPv6's clothes", "::ffff:192.0.2.7", "192.0.2.7"},
	{"the last one counts: the client wrote what stands before it", "198.51.100.1, 192.0.2.7", "192.0.2.7"},
	{"whatever that is", "<script>,,, 192.0.2.7", "192.0.2.7"},
	{"a proxy behind a proxy", "198.51.100.1, 192.0.2.7, 10.0.0.7,2001:db8::7 ", "192.0.2.7"},
	{"of a proxy's network only the proxy is one", "192.0.2.7, 2001:db8::8", "2001:db8:0:0::/64"},
	{"blanks around it", "\t 192.0.2.7 \t", "192.0.2.7"},
	{"no list", "", NULL},
	{"proxies alone", "10.0.0.7, 127.0.0.1", NULL},
	{"no address", "unknown", NULL},
	{"an empty entry", "192.0.2.7,", NULL},
	{"a name", "example.org", NULL},
	{"too large a number", "192.0.2.256", NULL},
	{"too few numbers", "192.0.2", NULL},
	{"an octal number", "192.0.2.07", NULL},
	{"two in one", "192.0.2.7 192.0.2.8", NULL},
	{"any", "*", NULL},
	{"a socket's path", "unix:/x", NULL},
	{"half a bracket", "[2001:db8::1", NULL},
	{"a zone", "fe80::1%eth0", NULL},
	{"no port behind the colon", "192.0.2.7:", NULL},
	{"a word that never ends", "1111111111111111111111111111111111111111111111111111111111111111111111111", NULL},
	{"no address behind the client's", "192.0.2.7, unknown, 10.0.0.7", NULL},
	{"the proxy's own machine has none", "127.0.0.2", NULL},
};

static void test_forwarded(void **state)
{
	const struct forwarded_case *c = *state;
	struct access_config config = {.proxy_count = 3};
	struct conn_peer peer = {0};
	char text[CONN_PEER_TEXT_MAX];
	assert_true(access_address_parse(hy_bytes_str("127.0.0.1"), &config.proxies[0]));
	assert_true(access_address_parse(hy_bytes_str("10.0.0.7"), &config.proxies[1]));
	assert_true(access_address_parse(hy_bytes_str("2001:db8::7"), &config.proxies[2]));
	bool told = conn_peer_forwarded(&config, hy_bytes_str(c->list), &peer);
	const char *got = told ? conn_peer_text(&peer, text) : NULL;
	if (c->text)
		assert_string_equal(got, c->text);
	else
		assert_null(got);
}

#define CASES (HY_COUNT_OF(cases) + HY_COUNT_OF(same_cases) + HY_COUNT_OF(forwarded_cases))

static void add(struct CMUnitTest **at, const char *label, CMUnitTestFunction fn, const void *c)
{
	*(*at)++ = (struct CMUnitTest){.name = label, .test_func = fn, .initial_state = (void *)(uintptr_t)c};
}

int main(void)
{
	struct CMUnitTest tests[CASES], *at = tests;
	memset(tests, 0, sizeof tests);
	for (unsigned i = 0; i < HY_COUNT_OF(cases); i++)
		add(&at, cases[i].label, test_case, &cases[i]);
	for (unsigned i = 0; i < HY_COUNT_OF(same_cases); i++)
		add(&at, same_cases[i].label, test_same, &same_cases[i]);
	for (unsigned i = 0; i < HY_COUNT_OF(forwarded_cases); i++)
		add(&at, forwarded_cases[i].label, test_forwarded, &forwarded_cases[i]);
	return _cmocka_run_group_tests("peer", tests, CASES, NULL, NULL);
}
