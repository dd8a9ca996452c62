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

int main(void)
{
	struct CMUnitTest tests[HY_COUNT_OF(cases)];
	memset(tests, 0, sizeof tests);
	for (unsigned i = 0; i < HY_COUNT_OF(cases); i++)
		tests[i] = (struct CMUnitTest){
			.name = cases[i].label, .test_func = test_case, .initial_state = (void *)(uintptr_t)&cases[i]};
	return _cmocka_run_group_tests("peer", tests, HY_COUNT_OF(cases), NULL, NULL);
}
