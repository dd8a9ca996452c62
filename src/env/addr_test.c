#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "env/env.h"

#define X25 "xxxxxxxxxxxxxxxxxxxxxxxxx"
#define X100 X25 X25 X25 X25

static const struct addr_case {
	const char *label, *text;
	const char *back; /* NULL: refused */
	uint16_t family, port;
	bool loopback;
} cases[] = {
	{"IPv4", "127.0.0.1:7600", "127.0.0.1:7600", AF_INET, 7600, true},
	{"another machine's IPv4", "10.1.2.3:1", "10.1.2.3:1", AF_INET, 1, false},
	{"IPv6", "[::1]:7600", "[::1]:7600", AF_INET6, 7600, true},
	{"another machine's IPv6", "[2001:db8::7]:65535", "[2001:db8::7]:65535", AF_INET6, 65535, false},
	{"IPv4 inside IPv6 is IPv4", "[::ffff:127.0.0.1]:80", "127.0.0.1:80", AF_INET, 80, true},
	{"every address", "*:7600", "*:7600", AF_INET6, 7600, false},
	{"every IPv4 address", "0.0.0.0:0", "0.0.0.0:0", AF_INET, 0, false},
	{"a Unix socket", "unix:/run/x.sock", "unix:/run/x.sock", AF_UNIX, 0, true},
	{"a Unix path of 107 bytes", "unix:" X100 "1234567", "unix:" X100 "1234567", AF_UNIX, 0, true},
	{"a Unix path too long", "unix:" X100 "12345678", NULL, 0, 0, false},
	{"an empty Unix path", "unix:", NULL, 0, 0, false},
	{"nothing", "", NULL, 0, 0, false},
	{"no port", "127.0.0.1", NULL, 0, 0, false},
	{"an empty port", "127.0.0.1:", NULL, 0, 0, false},
	{"a port too high", "127.0.0.1:65536", NULL, 0, 0, false},
	{"a port of many digits", "127.0.0.1:000080", NULL, 0, 0, false},
	{"a port with a sign", "127.0.0.1:+80", NULL, 0, 0, false},
	{"something behind the port", "127.0.0.1:80 ", NULL, 0, 0, false},
	{"a name", "localhost:80", NULL, 0, 0, false},
	{"no host", ":80", NULL, 0, 0, false},
	{"IPv6 without brackets", "::1:80", NULL, 0, 0, false},
	{"a bracket left open", "[::1:80", NULL, 0, 0, false},
	{"brackets without a port", "[::1]", NULL, 0, 0, false},
	{"brackets around IPv4", "[127.0.0.1]:80", NULL, 0, 0, false},
	{"brackets around nothing", "[]:80", NULL, 0, 0, false},
	{"a closing bracket alone", "]:80", NULL, 0, 0, false},
	{"a host too long", X100 ":80", NULL, 0, 0, false},
};

static void test_addr(void **state)
{
	const struct addr_case *c = *state;
	struct env_addr a;
	char text[128];
	int r = env_addr_parse(c->text, &a);
	if (!c->back) {
		assert_int_equal(r, -EINVAL);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(a.family, c->family);
	assert_int_equal(a.port, c->port);
	assert_int_equal(env_addr_is_loopback(&a), c->loopback);
	assert_string_equal(env_addr_text(&a, text, sizeof text), c->back);
}

static void test_none(void **state)
{
	char text[128];
	assert_string_equal(env_addr_text(&(struct env_addr){0}, text, sizeof text), "none");
	assert_false(env_addr_is_loopback(&(struct env_addr){0}));
}

int main(void)
{
	struct CMUnitTest tests[HY_COUNT_OF(cases) + 1];
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++)
		tests[i] = (struct CMUnitTest){cases[i].label, test_addr, NULL, NULL, (void *)&cases[i]};
	tests[HY_COUNT_OF(cases)] = (struct CMUnitTest){"no address at all", test_none, NULL, NULL, NULL};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
