/* Files that the program carries: what is chosen for whom, and how they come through a connection. */
#include "access/access_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "access/files.h"

#define LONG_LEN (16u << 20) /* more than the kernel takes from a peer that is not read from */

static uint8_t long_bytes[LONG_LEN];

static const struct access_file files[] = {
	{"/index.html", "text/html; charset=utf-8", "0011", false, {(const uint8_t *)"<!doctype html>", 15},
		{(const uint8_t *)"packed", 6}},
	{"/assets/app-1234.js", "text/javascript; charset=utf-8", "2233", true, {(const uint8_t *)"run()", 5},
		{NULL, 0}},
	{"/assets/empty-1.css", "text/css; charset=utf-8", "4455", true, {NULL, 0}, {NULL, 0}},
	{"/assets/long-1.js", "text/javascript; charset=utf-8", "6677", true, {long_bytes, LONG_LEN}, {NULL, 0}},
};

static void open_with_files(struct access_world *w, struct access_config *config)
{
	for (size_t i = 0; i < LONG_LEN; i++)
		long_bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	config->files = files;
	config->file_count = HY_COUNT_OF(files);
	access_world_open(w, 1, config);
}

/* ---- what is chosen ---------------------------------------------------------------------------------------------- */

static void test_takes_gzip(void **state)
{
	static const struct {
		const char *accept_encoding;
		bool takes;
	} table[] = {
		{"", false},
		{"gzip", true},
		{"GZip", true},
		{"gzip, deflate, br, zstd", true},
		{"br,gzip", true},
		{" br ;q=1.0 ,\tgzip\t; q=0.5", true},
		{"br", false},
		{"identity", false},
		{"gzip;q=0", false},
		{"gzip; q=0.000", false},
		{"gzip;q=0.001", true},
		{"gzip;Q=0", false},
		{"gzip;x=0", true},
		{"*", true},
		{"*;q=0", false},
		{"*, gzip;q=0", false},
		{"gzip;q=0, *", false},
		{"identity;q=0, *;q=0", false},
		{"xgzip", false},
		{"gzipx", false},
		{",,,gzip", true},
		{";;;", false},
		{"gzip;", true},
		{"gzip;q", false},
		{"x-gzip", false},
	};
	for (size_t i = 0; i < HY_COUNT_OF(table); i++)
		if (files_takes_gzip(hy_bytes_str(table[i].accept_encoding)) != table[i].takes)
			fail_msg("Accept-Encoding: %s", table[i].accept_encoding);
}

static void test_is_known(void **state)
{
	static const struct {
		const char *if_none_match;
		bool known;
	} table[] = {
		{"", false},
		{"\"0011\"", true},
		{"W/\"0011\"", true},
		{"\"0011-gzip\"", true},
		{"W/\"0011-gzip\"", true},
		{"\"9\", \"0011\"", true},
		{"\"9\",W/\"0011-gzip\"", true},
		{"*", true},
		{"0011", false},
		{"\"0011", false},
		{"0011\"", false},
		{"\"001\"", false},
		{"\"00112\"", false},
		{"\"0011-br\"", false},
		{"\"\"", false},
		{"\"", false},
		{"W/", false},
		{"W/\"", false},
		{"w/\"0011\"", false},
		{",,", false},
	};
	for (size_t i = 0; i < HY_COUNT_OF(table); i++)
		if (files_is_known(&files[0], hy_bytes_str(table[i].if_none_match)) != table[i].known)
			fail_msg("If-None-Match: %s", table[i].if_none_match);
}

/* ---- over a connection ------------------------------------------------------------------------------------------- */

struct answer {
	int status;
	size_t len; /* that its head says */
	char head[2048];
};

static void ask(int fd, const char *method, const char *path, const char *headers)
{
	struct hy_buf b = {0};
	hy_buf_printf(&b, "%s %s HTTP/1.1\r\n%s\r\n", method, path, headers);
	client_flush(fd, &b);
	hy_buf_fini(&b);
}

static void get_head(int fd, struct answer *a)
{
	size_t n = 0;
	memset(a, 0, sizeof *a);
	while (!strstr(a->head, "\r\n\r\n")) {
		assert_true(n < sizeof a->head - 1);
		assert_true(client_receive(fd, &a->head[n++], 1));
	}
	assert_int_equal(sscanf(a->head, "HTTP/1.1 %d ", &a->status), 1);
	const char *length = strstr(a->head, "Content-Length: ");
	a->len = length ? strtoul(length + 16, NULL, 10) : 0;
}

static void assert_body(int fd, struct hy_bytes want)
{
	uint8_t piece[8192];
	while (want.len > 0) {
		size_t n = HY_MIN(want.len, sizeof piece);
		assert_true(client_receive(fd, piece, n));
		assert_memory_equal(piece, want.data, n);
		want = hy_bytes(want.data + n, want.len - n);
	}
}

static const struct file_case {
	const char *label, *method, *path, *headers;
	int status;
	const char *in_head, *not_in_head;
	const char *body;
} file_cases[] = {
	{"the front page is a file", "GET", "/", "", 200, "Content-Type: text/html; charset=utf-8\r\n",
		"Content-Encoding", "<!doctype html>"},
	{"by its name as well", "GET", "/index.html", "", 200, "ETag: \"0011\"\r\n", "immutable", "<!doctype html>"},
	{"a query is not part of its path", "GET", "/?x=1", "", 200, "Vary: Accept-Encoding\r\n", NULL,
		"<!doctype html>"},
	{"it is asked for anew each time", "GET", "/", "", 200, "Cache-Control: no-cache\r\n", "no-store",
		"<!doctype html>"},
	{"nothing runs that is not a file of ours", "GET", "/", "", 200, "default-src 'none'; script-src 'self'; ",
		"unsafe", "<!doctype html>"},
	{"gzip for those who take it", "GET", "/", "Accept-Encoding: deflate, gzip\r\n", 200,
		"ETag: \"0011-gzip\"\r\nVary: Accept-Encoding\r\nContent-Encoding: gzip\r\n", NULL, "packed"},
	{"gzip named in a second line", "GET", "/", "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", 200, "gzip",
		NULL, "packed"},
	{"the head alone", "HEAD", "/", "", 200, "Content-Length: 15\r\n", NULL, ""},
	{"the head alone, by gzip", "HEAD", "/", "Accept-Encoding: gzip\r\n", 200, "Content-Length: 6\r\n", NULL, ""},
	{"who has it does not get it again", "GET", "/", "If-None-Match: \"0011\"\r\n", 304, "304 Not Modified\r\n",
		"\r\nContent-Type:", ""},
	{"nor who has it by gzip", "GET", "/", "Accept-Encoding: gzip\r\nIf-None-Match: \"0011-gzip\"\r\n", 304,
		"ETag: \"0011-gzip\"\r\n", "Content-Encoding", ""},
	{"nor by HEAD", "HEAD", "/", "If-None-Match: *\r\n", 304, "ETag: \"0011\"\r\n", NULL, ""},
	{"who has another one gets it", "GET", "/", "If-None-Match: \"2233\"\r\n", 200, "ETag: \"0011\"\r\n", NULL,
		"<!doctype html>"},
	{"a lasting file", "GET", "/assets/app-1234.js", "Accept-Encoding: gzip\r\n", 200,
		"Cache-Control: public, max-age=31536000, immutable\r\n", "Vary", "run()"},
	{"an empty file", "GET", "/assets/empty-1.css", "", 200, "Content-Length: 0\r\n", NULL, ""},
	{"no such file", "GET", "/assets/app-9999.js", "", 404, "Content-Type: text/plain; charset=utf-8\r\n", "ETag",
		"not found\n"},
	{"a path above the files", "GET", "/assets/../index.html", "", 404, "", NULL, "not found\n"},
	{"a longer path", "GET", "/index.html/", "", 404, "", NULL, "not found\n"},
	{"a range is not cut out", "GET", "/", "Range: bytes=0-1\r\n", 200, "Content-Length: 15\r\n", "Content-Range",
		"<!doctype html>"},
};

static void test_file_cases(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct answer a;
	open_with_files(&w, &config);
	int fd = client_open(&w);
	for (size_t i = 0; i < HY_COUNT_OF(file_cases); i++) {
		const struct file_case *c = &file_cases[i];
		ask(fd, c->method, c->path, c->headers);
		get_head(fd, &a);
		assert_body(fd, hy_bytes_str(c->body));
		if (a.status != c->status || !strstr(a.head, c->in_head) ||
			(c->not_in_head && strstr(a.head, c->not_in_head)) || !strstr(a.head, "nosniff"))
			fail_msg("%s: %s", c->label, a.head);
		if (strcmp(c->method, "GET") == 0)
			assert_int_equal(a.len, strlen(c->body));
	}
	assert_true(client_silent(fd));
	assert_int_equal(world_count(&w, MON_file_requests), HY_COUNT_OF(file_cases) - 3);
	assert_int_equal(world_count(&w, MON_files_unchanged), 3);
	ask(fd, "POST", "/index.html", "Content-Length: 0\r\n");
	get_head(fd, &a);
	assert_int_equal(a.status, 405);
	assert_non_null(strstr(a.head, "Allow: GET, HEAD\r\n"));
	close(fd);
	w.addr = w.operator_addr;
	fd = client_open(&w);
	ask(fd, "GET", "/", "");
	get_head(fd, &a);
	assert_int_equal(a.status, 404);
	close(fd);
	access_world_close(&w);
}

static void test_pipelined(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct answer a;
	open_with_files(&w, &config);
	int fd = client_open(&w);
	for (unsigned i = 0; i < 3; i++) {
		ask(fd, "GET", "/", "");
		ask(fd, "HEAD", "/assets/long-1.js", "");
		ask(fd, "GET", "/assets/long-1.js", "");
		ask(fd, "GET", "/ready", "");
	}
	ask(fd, "GET", "/assets/long-1.js", "Connection: close\r\n");
	for (unsigned i = 0; i < 3; i++) {
		get_head(fd, &a);
		assert_body(fd, files[0].plain);
		get_head(fd, &a);
		assert_int_equal(a.len, LONG_LEN);
		get_head(fd, &a);
		assert_body(fd, files[3].plain);
		get_head(fd, &a);
		assert_int_equal(a.status, 503);
		assert_body(fd, hy_bytes_str("not yet\n"));
	}
	get_head(fd, &a);
	assert_body(fd, files[3].plain);
	assert_true(client_ended(fd));
	close(fd);
	access_world_close(&w);
}

/** A client that has said all it wants to say is answered whole. */
static void test_half_closed(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct answer a;
	open_with_files(&w, &config);
	int fd = client_open(&w);
	ask(fd, "GET", "/assets/long-1.js", "");
	shutdown(fd, SHUT_WR);
	usleep(50000);
	get_head(fd, &a);
	assert_body(fd, files[3].plain);
	assert_true(client_ended(fd));
	close(fd);
	access_world_close(&w);
}

/* ---- readers that are slow --------------------------------------------------------------------------------------- */

static int open_deaf(struct access_world *w)
{
	int fd = client_open(w);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
	return fd;
}

static void look_at_stranger(struct world *base, struct call *call, void *arg)
{
	struct access_world *w = hy_container_of(base, struct access_world, base);
	struct access_loop *l = &w->access->loops[0];
	struct conn *c = hy_list_first(&l->anonymous, struct conn, in_list);
	CHECK(base, http_file_left(c->http).len > 0);
	CHECK(base, conn_must_wait(c)); /* the next file is not begun */
	*(size_t *)arg = l->anonymous_bytes;
}

/** What waits for a slow stranger is in no buffer of his. Being slow is no reason to lose him. */
static void test_slow_stranger(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	struct answer a;
	size_t held = 1 << 20;
	config.limits.stalled_s = 3;
	config.limits.anonymous_output_pause_bytes = 1024;
	open_with_files(&w, &config);
	int fd = client_open(&w);
	ask(fd, "GET", "/assets/long-1.js", "");
	ask(fd, "HEAD", "/", "");
	get_head(fd, &a);
	world_run(&w.base, 0, look_at_stranger, &held);
	assert_true(held < 8192);
	for (unsigned i = 0; i < 32; i++) { /* more than three seconds for all of it */
		assert_body(fd, hy_bytes(long_bytes + i * (LONG_LEN / 32), LONG_LEN / 32));
		usleep(120000);
	}
	assert_int_equal(world_count(&w, MON_links_dropped_slow), 0);
	get_head(fd, &a);
	close(fd);
	access_world_close(&w);
}

static void test_dead_stranger(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	uint8_t bytes[8];
	config.limits.stalled_s = 1;
	open_with_files(&w, &config);
	int fd = open_deaf(&w);
	ask(fd, "GET", "/assets/long-1.js", "");
	uint64_t began_us = env_mono_us(w.base.env);
	while (world_count(&w, MON_links_dropped_slow) == 0) { /* a few bytes now and then do not help */
		assert_true(env_mono_us(w.base.env) - began_us < 30000000);
		(void)!recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		usleep(20000);
	}
	close(fd);
	access_world_close(&w);
}

/** The server ends while a file is on its way: it is sent in the time of grace, or not. */
static void test_stop(void **state)
{
	struct access_world w;
	struct access_config config = access_world_config();
	open_with_files(&w, &config);
	int fd = open_deaf(&w);
	ask(fd, "GET", "/assets/long-1.js", "");
	usleep(50000);
	access_world_stop(&w, 100000);
	close(fd);
	access_world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_gzip),
		cmocka_unit_test(test_is_known),
		cmocka_unit_test(test_file_cases),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_slow_stranger),
		cmocka_unit_test(test_dead_stranger),
		cmocka_unit_test(test_stop),
	};
	return cmocka_run_group_tests_name("access_files", tests, NULL, NULL);
}
