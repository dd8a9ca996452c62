#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "env/real/real_test.h"

/* One end of a connection. All of it belongs to its loop; the test's thread reads the atomics. */
struct end {
	struct env_sock sock;
	char in[256]; /* what came, as far as it fits */
	size_t in_len;
	bool deaf;      /* does not read */
	size_t to_send; /* still to be written, of bytes that count up */
	size_t sent;
	uint64_t sum; /* of all bytes that came */
	atomic_size_t got;
	atomic_int ended; /* 1: the stream ended; a negative errno value: it broke */
	atomic_int writable, events;
};

static void end_read(struct end *e)
{
	uint8_t buf[4096];
	for (;;) {
		ssize_t n = env_recv(&e->sock, buf, sizeof buf);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			atomic_store(&e->ended, n == 0 ? 1 : (int)n);
			return;
		}
		for (ssize_t i = 0; i < n; i++) {
			e->sum += buf[i];
			if (e->in_len + 1 < sizeof e->in)
				e->in[e->in_len++] = (char)buf[i];
		}
		atomic_fetch_add(&e->got, (size_t)n);
	}
}

static void end_write(struct end *e)
{
	uint8_t buf[8192];
	while (e->to_send > 0) {
		size_t len = HY_MIN(e->to_send, sizeof buf);
		for (size_t i = 0; i < len; i++)
			buf[i] = (uint8_t)(e->sent + i);
		struct iovec iov[2] = {{buf, len / 2}, {buf + len / 2, len - len / 2}};
		ssize_t n = env_sendv(&e->sock, iov, 2);
		if (n < 0)
			return;
		e->sent += (size_t)n;
		e->to_send -= (size_t)n;
	}
}

static void end_on_event(struct env_sock *sock, unsigned events)
{
	struct end *e = (struct end *)sock;
	atomic_fetch_add(&e->events, 1);
	if (events & ENV_WRITABLE) {
		atomic_fetch_add(&e->writable, 1);
		end_write(e);
	}
	if (events & ENV_READABLE && !e->deaf && !atomic_load(&e->ended))
		end_read(e);
}

enum { ENDS = 16, MANY_BYTES = 16 << 20 };

/* One loop with a listener that fills `ends` from the front; clients are `client`. */
struct host {
	struct env *env;
	struct env_loop *loop, *second;
	struct env_listener *listener;
	struct env_addr addr;
	struct env_sock accepting;
	struct end ends[ENDS];
	atomic_int accepted, refused;
	struct env_addr peer;
	struct end client;
	int result;
};

static void accept_all(struct env_sock *sock, unsigned events)
{
	struct host *h = hy_container_of(sock, struct host, accepting);
	for (;;) {
		struct end *e = &h->ends[atomic_load(&h->accepted)];
		e->sock.on_event = end_on_event;
		int r = env_accept(sock, &e->sock, &h->peer);
		if (r == 0) {
			atomic_fetch_add(&h->accepted, 1);
			continue;
		}
		if (r != -EAGAIN)
			atomic_store(&h->refused, r);
		return;
	}
}

static void host_open(struct host *h, struct env *env, const char *text)
{
	*h = (struct host){.env = env, .accepting.on_event = accept_all, .client.sock.on_event = end_on_event};
	assert_int_equal(env_addr_parse(text, &h->addr), 0);
	assert_int_equal(env_listen(env, &h->addr, &h->listener), 0);
	env_listener_addr(h->listener, &h->addr);
	assert_int_equal(env_loop_create(env, &(struct env_loop_config){.name = "first"}, &h->loop), 0);
	assert_int_equal(env_listener_attach(h->listener, h->loop, &h->accepting), 0);
	assert_int_equal(env_loop_start(h->loop), 0);
	h->second = started_loop(env, "second");
}

static void close_firsts(void *arg)
{
	struct host *h = arg;
	env_sock_close(&h->accepting);
	for (int i = 0; i < ENDS; i++)
		if (h->ends[i].sock.loop == h->loop)
			env_sock_close(&h->ends[i].sock);
	if (h->client.sock.loop == h->loop)
		env_sock_close(&h->client.sock);
}

static void close_seconds(void *arg)
{
	struct host *h = arg;
	for (int i = 0; i < ENDS; i++)
		env_sock_close(&h->ends[i].sock); /* those still open are here: the first loop's are closed */
	env_sock_close(&h->client.sock);
}

static void host_close(struct host *h)
{
	run_on(h->loop, close_firsts, h);
	run_on(h->second, close_seconds, h);
	stop_and_join(h->loop);
	stop_and_join(h->second);
	env_listener_close(h->listener);
}

static void client_connect(void *arg)
{
	struct host *h = arg;
	struct env_addr to = h->addr;
	static const uint8_t any[16];
	if (to.family == AF_INET6 && memcmp(to.ip, any, sizeof any) == 0) {
		to.family = AF_INET; /* what listens on all takes IPv4 too */
		memcpy(to.ip, (uint8_t[]){127, 0, 0, 1}, 4);
	}
	h->result = env_connect(h->second, &to, &h->client.sock);
}

static void connect_client(struct host *h)
{
	run_on(h->second, client_connect, h);
	assert_int_equal(h->result, 0);
	await(h->env, atomic_load(&h->accepted) == 1);
	await(h->env, atomic_load(&h->client.writable) == 1 && atomic_load(&h->ends[0].writable) == 1);
}

struct action {
	struct end *end;
	struct env_loop *loop;
	const char *text;
	int result;
};

static void do_send(void *arg)
{
	struct action *a = arg;
	struct iovec iov = {(void *)a->text, strlen(a->text)};
	a->result = (int)env_sendv(&a->end->sock, &iov, 1);
}

static void do_send_many(void *arg)
{
	struct action *a = arg;
	a->end->to_send = MANY_BYTES;
	end_write(a->end);
	a->result = a->end->to_send > 0;
}

static void do_deafen(void *arg)
{
	struct action *a = arg;
	a->end->deaf = true;
}

static void do_close(void *arg)
{
	struct action *a = arg;
	env_sock_close(&a->end->sock);
	env_sock_close(&a->end->sock); /* harmless */
}

static void do_reset(void *arg)
{
	struct action *a = arg;
	setsockopt(a->end->sock.fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
	env_sock_close(&a->end->sock);
}

static void do_half_close(void *arg)
{
	struct action *a = arg;
	a->result = shutdown(a->end->sock.fd, SHUT_WR);
}

static void do_read(void *arg)
{
	struct action *a = arg;
	a->end->deaf = false;
	end_read(a->end);
}

static void do_error(void *arg)
{
	struct action *a = arg;
	a->result = env_sock_error(&a->end->sock);
}

static void do_detach(void *arg)
{
	struct action *a = arg;
	env_sock_detach(&a->end->sock);
}

static void do_attach(void *arg)
{
	struct action *a = arg;
	a->result = env_sock_attach(&a->end->sock, a->loop);
}

static int act(struct env_loop *loop, void (*fn)(void *arg), struct end *end, const char *text)
{
	struct action a = {end, loop, text, 0};
	run_on(loop, fn, &a);
	return a.result;
}

/* ---- the life of a connection, over each kind of address --------------------------------------------------------- */

static char unix_path[64], unix_text[80];

static const struct kind {
	const char *label, *address;
} kinds[] = {
	{"a connection over IPv4", "127.0.0.1:0"},
	{"a connection over IPv6", "[::1]:0"},
	{"a connection to every address", "*:0"},
	{"a connection over a Unix socket", unix_text},
};

static void test_connection(void **state)
{
	const struct kind *kind = *state;
	struct env *env = env_real_create();
	struct host h;
	host_open(&h, env, kind->address);
	connect_client(&h);
	assert_int_equal(act(h.second, do_error, &h.client, NULL), 0);
	if (h.peer.family != AF_UNIX)
		assert_true(env_addr_is_loopback(&h.peer) && h.peer.port != 0);

	assert_int_equal(act(h.second, do_send, &h.client, "hello"), 5);
	await(env, atomic_load(&h.ends[0].got) == 5);
	/* The client has no more to say, and still hears. */
	assert_int_equal(act(h.second, do_half_close, &h.client, NULL), 0);
	await(env, atomic_load(&h.ends[0].ended) == 1);
	assert_int_equal(act(h.loop, do_send, &h.ends[0], "good bye"), 8);
	await(env, atomic_load(&h.client.got) == 8);
	act(h.loop, do_close, &h.ends[0], NULL);
	await(env, atomic_load(&h.client.ended) == 1);
	/* To write to a peer that is gone is an error at last, and never a signal. */
	int r = 0;
	await(env, (r = act(h.second, do_send, &h.client, "anybody?")) < 0);
	assert_int_equal(r, -EPIPE);

	host_close(&h);
	env_real_destroy(env);
}

static void do_farewell(void *arg)
{
	struct action *a = arg;
	do_send(a);
	do_half_close(a);
}

/** Bytes and end come as one event, and the reader takes all bytes at once. */
static void test_farewell(void **state)
{
	struct host h;
	host_open(&h, *state, "127.0.0.1:0");
	connect_client(&h);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(act(h.loop, do_send, &h.ends[0], "more"), 4);
		await(h.env, atomic_load(&h.client.got) == 4u * (unsigned)(i + 1));
	}
	act(h.loop, do_deafen, &h.ends[0], NULL);
	act(h.second, do_farewell, &h.client, "and good bye");
	await(h.env, atomic_load(&h.ends[0].events) >= 2);
	act(h.loop, do_read, &h.ends[0], NULL);
	await(h.env, atomic_load(&h.ends[0].got) == 12 && atomic_load(&h.ends[0].ended) == 1);
	act(h.loop, do_farewell, &h.ends[0], "farewell");
	await(h.env, atomic_load(&h.client.got) == 20 && atomic_load(&h.client.ended) == 1);
	host_close(&h);
}

static void test_reset(void **state)
{
	struct host h;
	host_open(&h, *state, "127.0.0.1:0");
	connect_client(&h);
	act(h.loop, do_reset, &h.ends[0], NULL);
	await(h.env, atomic_load(&h.client.ended) == -ECONNRESET);
	host_close(&h);
}

static uint64_t sum_up_to(size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (uint8_t)i;
	return sum;
}

static void flow(struct env *env, const char *address)
{
	struct host h;
	host_open(&h, env, address);
	connect_client(&h);
	act(h.loop, do_deafen, &h.ends[0], NULL);
	assert_true(act(h.second, do_send_many, &h.client, NULL)); /* the kernel does not take it all */
	act(h.loop, do_read, &h.ends[0], NULL);
	await(env, atomic_load(&h.ends[0].got) == MANY_BYTES);
	host_close(&h);
	assert_true(h.ends[0].sum == sum_up_to(MANY_BYTES));
}

static void test_flow_tcp(void **state)
{
	flow(*state, "127.0.0.1:0");
}

static void test_flow_unix(void **state)
{
	flow(*state, unix_text);
}

static void test_no_idle_wakeups(void **state)
{
	struct host h;
	host_open(&h, *state, unix_text);
	connect_client(&h);
	int before = atomic_load(&h.client.events);
	for (int i = 1; i <= 20; i++) {
		assert_int_equal(act(h.second, do_send, &h.client, "x"), 1);
		await(h.env, atomic_load(&h.ends[0].got) == (size_t)i);
	}
	assert_int_equal(atomic_load(&h.client.events), before); /* that the peer has read is no news */
	host_close(&h);
}

static void test_move(void **state)
{
	struct host h;
	host_open(&h, *state, "127.0.0.1:0");
	connect_client(&h);
	struct end moved = {.sock.on_event = end_on_event};
	for (int i = 0; i < 10; i++) {
		struct env_loop *from = i % 2 ? h.second : h.loop, *to = i % 2 ? h.loop : h.second;
		act(from, do_detach, i ? &moved : &h.ends[0], NULL);
		if (i == 0) {
			moved.sock = h.ends[0].sock;
			h.ends[0].sock.fd = -1;
		}
		assert_null(moved.sock.loop);
		/* What comes now waits until it has a loop again. */
		assert_int_equal(act(h.second, do_send, &h.client, "moving "), 7);
		int writable = atomic_load(&moved.writable);
		assert_int_equal(act(to, do_attach, &moved, NULL), 0);
		await(h.env, atomic_load(&moved.got) == (size_t)(i + 1) * 7);
		await(h.env, atomic_load(&moved.writable) > writable);
	}
	act(h.loop, do_close, &moved, NULL);
	await(h.env, atomic_load(&h.client.ended) == 1);
	host_close(&h);
}

static void test_close_detached(void **state)
{
	struct host h;
	struct end never = {0};
	int standard_in = fcntl(STDIN_FILENO, F_GETFD);
	host_open(&h, *state, "127.0.0.1:0");
	connect_client(&h);
	act(h.loop, do_detach, &h.ends[0], NULL);
	act(h.loop, do_close, &h.ends[0], NULL);
	assert_int_equal(h.ends[0].sock.fd, -1);
	await(h.env, atomic_load(&h.client.ended) == 1);
	act(h.loop, do_close, &never, NULL);
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), standard_in);
	host_close(&h);
}

static int raw_connect(const struct env_addr *addr)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = __builtin_bswap16(addr->port)};
	memcpy(&to.sin_addr, addr->ip, 4);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

/* ---- several loops, many connections ----------------------------------------------------------------------------- */

struct acceptor {
	struct env_sock sock;
	struct env_loop *loop;
	struct end ends[32];
	int count;
	atomic_int *total;
};

static void acceptor_on_event(struct env_sock *sock, unsigned events)
{
	struct acceptor *a = (struct acceptor *)sock;
	struct env_addr peer;
	for (;;) {
		assert(a->count < 32);
		struct end *e = &a->ends[a->count];
		e->sock.on_event = end_on_event;
		if (env_accept(sock, &e->sock, &peer) != 0)
			return;
		a->count++;
		atomic_fetch_add(a->total, 1);
	}
}

static void acceptor_close(void *arg)
{
	struct acceptor *a = arg;
	env_sock_close(&a->sock);
	for (int i = 0; i < a->count; i++)
		env_sock_close(&a->ends[i].sock);
}

static void test_several_loops(void **state)
{
	struct env *env = *state;
	struct env_addr addr;
	struct env_listener *l;
	atomic_int total = 0;
	assert_int_equal(env_addr_parse("127.0.0.1:0", &addr), 0);
	assert_int_equal(env_listen(env, &addr, &l), 0);
	env_listener_addr(l, &addr);
	struct acceptor *a = hy_zalloc(3 * sizeof *a);
	for (int i = 0; i < 3; i++) {
		a[i].sock.on_event = acceptor_on_event;
		a[i].total = &total;
		assert_int_equal(env_loop_create(env, &(struct env_loop_config){.name = "acceptor"}, &a[i].loop), 0);
		assert_int_equal(env_listener_attach(l, a[i].loop, &a[i].sock), 0);
		assert_int_equal(env_loop_start(a[i].loop), 0);
	}
	int fds[30];
	for (int i = 0; i < 30; i++)
		fds[i] = raw_connect(&addr);
	await(env, atomic_load(&total) == 30);
	for (int i = 0; i < 30; i++)
		close(fds[i]);
	for (int i = 0; i < 3; i++) {
		run_on(a[i].loop, acceptor_close, &a[i]);
		stop_and_join(a[i].loop);
	}
	env_listener_close(l);
	hy_free(a);
}

/*
 * One turn finds connections A and B readable and a third at the door. Whichever of the two is told first closes the
 * other and accepts: the third gets the file number of the one that was closed, and even its struct.
 */
struct reuse {
	struct env_sock accepting;
	struct reuse_end {
		struct env_sock sock;
		struct reuse *reuse;
	} pair[2];
	struct env_sock *newcomer; /* says nothing, so nothing of it is readable */
	int closed_fd, accepted_fd;
	atomic_int events, stale;
};

static void reuse_stay(struct env_sock *sock, unsigned events) {}

static void reuse_on_event(struct env_sock *sock, unsigned events)
{
	struct reuse *r = ((struct reuse_end *)sock)->reuse;
	if (sock == r->newcomer && events & ENV_READABLE)
		atomic_fetch_add(&r->stale, 1);
	if (atomic_fetch_add(&r->events, 1) > 0)
		return;
	struct env_sock *other = sock == &r->pair[0].sock ? &r->pair[1].sock : &r->pair[0].sock;
	struct env_addr peer;
	r->closed_fd = other->fd;
	r->newcomer = other;
	env_sock_close(other);
	if (env_accept(&r->accepting, other, &peer) == 0)
		r->accepted_fd = other->fd;
}

static void reuse_close(void *arg)
{
	struct reuse *r = arg;
	env_sock_close(&r->accepting);
	env_sock_close(&r->pair[0].sock);
	env_sock_close(&r->pair[1].sock);
}

static void nothing(void *arg) {}

static void test_reuse(void **state)
{
	struct env *env = *state;
	struct reuse r = {.accepting.on_event = reuse_stay, .closed_fd = -1, .accepted_fd = -2};
	struct env_loop *loop;
	struct env_listener *l;
	struct env_addr addr, peer;
	assert_int_equal(env_addr_parse("127.0.0.1:0", &addr), 0);
	assert_int_equal(env_listen(env, &addr, &l), 0);
	env_listener_addr(l, &addr);
	assert_int_equal(env_loop_create(env, &(struct env_loop_config){.name = "reuse"}, &loop), 0);
	assert_int_equal(env_listener_attach(l, loop, &r.accepting), 0);
	int fds[3] = {raw_connect(&addr), raw_connect(&addr), 0};
	for (int i = 0; i < 2; i++) {
		r.pair[i] = (struct reuse_end){{.on_event = reuse_on_event}, &r};
		assert_int_equal(env_accept(&r.accepting, &r.pair[i].sock, &peer), 0);
		assert_int_equal(send(fds[i], "x", 1, 0), 1);
	}
	fds[2] = raw_connect(&addr);
	assert_int_equal(env_loop_start(loop), 0); /* its first turn finds all of it */
	await(env, atomic_load(&r.events) > 1);    /* the newcomer is writable in a later turn */
	run_on(loop, nothing, NULL);
	run_on(loop, nothing, NULL);
	assert_int_equal(atomic_load(&r.stale), 0);
	run_on(loop, reuse_close, &r);
	assert_int_equal(r.accepted_fd, r.closed_fd);
	stop_and_join(loop);
	env_listener_close(l);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* ---- what can fail ----------------------------------------------------------------------------------------------- */

static void accept_again(void *arg)
{
	struct host *h = arg;
	accept_all(&h->accepting, ENV_READABLE);
}

static void test_too_many_files(void **state)
{
	struct host h;
	host_open(&h, *state, "127.0.0.1:0");
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = __builtin_bswap16(h.addr.port)};
	memcpy(&to.sin_addr, h.addr.ip, 4);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int first_free = dup(fd);
	close(first_free);
	struct rlimit before;
	getrlimit(RLIMIT_NOFILE, &before);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)first_free, before.rlim_max});
	int connected = connect(fd, (struct sockaddr *)&to, sizeof to);
	uint64_t until_us = env_mono_us(h.env) + 5000000;
	while (atomic_load(&h.refused) == 0 && env_mono_us(h.env) < until_us)
		env_sleep_us(h.env, 200);
	run_on(h.second, client_connect, &h);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(connected, 0);
	assert_int_equal(atomic_load(&h.refused), -EMFILE);
	assert_int_equal(h.result, -EMFILE);
	assert_int_equal(atomic_load(&h.accepted), 0);
	run_on(h.loop, accept_again, &h); /* it has waited at the door */
	assert_int_equal(atomic_load(&h.accepted), 1);
	close(fd);
	host_close(&h);
}

static void test_refused(void **state)
{
	struct host h;
	host_open(&h, *state, "127.0.0.1:0");
	struct env_listener *other;
	struct env_addr addr, open_addr = h.addr;
	assert_int_equal(env_addr_parse("127.0.0.1:0", &addr), 0);
	assert_int_equal(env_listen(h.env, &addr, &other), 0);
	env_listener_addr(other, &h.addr);
	env_listener_close(other); /* now nobody listens there */
	h.client.deaf = true;
	run_on(h.second, client_connect, &h);
	assert_int_equal(h.result, 0);
	await(h.env, atomic_load(&h.client.events) > 0);
	assert_int_equal(act(h.second, do_error, &h.client, NULL), -ECONNREFUSED);
	act(h.second, do_close, &h.client, NULL);

	assert_int_equal(env_addr_parse("unix:/nowhere/at/all", &h.addr), 0);
	run_on(h.second, client_connect, &h);
	assert_int_equal(h.result, -ENOENT);
	assert_null(h.client.sock.loop);
	h.addr = open_addr;
	host_close(&h);
}

static void test_taken(void **state)
{
	const char *const addresses[] = {"127.0.0.1:0", "*:0", unix_text};
	for (size_t i = 0; i < HY_COUNT_OF(addresses); i++) {
		struct env_listener *l, *second;
		struct env_addr addr;
		assert_int_equal(env_addr_parse(addresses[i], &addr), 0);
		assert_int_equal(env_listen(*state, &addr, &l), 0);
		env_listener_addr(l, &addr);
		assert_int_equal(env_listen(*state, &addr, &second), -EADDRINUSE);
		env_listener_close(l);
		assert_int_equal(env_listen(*state, &addr, &second), 0);
		env_listener_close(second);
	}
}

static void test_unix_file(void **state)
{
	struct env_addr addr;
	struct env_listener *l;
	struct stat st;
	assert_int_equal(env_addr_parse(unix_text, &addr), 0);

	/* What is no socket stays. */
	int fd = open(unix_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	close(fd);
	assert_int_equal(env_listen(*state, &addr, &l), -EADDRINUSE);
	assert_int_equal(unlink(unix_path), 0);

	/* What a killed process left is replaced. */
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	strncpy(un.sun_path, unix_path, sizeof un.sun_path - 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(env_listen(*state, &addr, &l), -EADDRINUSE);
	close(fd);
	assert_int_equal(env_listen(*state, &addr, &l), 0);
	assert_int_equal(stat(unix_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	env_listener_close(l);
	assert_int_equal(stat(unix_path, &st), -1);

	/* A file that another has put there since is not ours to remove. */
	assert_int_equal(env_listen(*state, &addr, &l), 0);
	unlink(unix_path);
	fd = open(unix_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	close(fd);
	env_listener_close(l);
	assert_int_equal(unlink(unix_path), 0);

	assert_int_equal(env_listen(*state, &(struct env_addr){0}, &l), -EINVAL);
}

int main(void)
{
	snprintf(unix_path, sizeof unix_path, "/tmp/sock_test.%d", (int)getpid());
	snprintf(unix_text, sizeof unix_text, "unix:%s", unix_path);
	const struct CMUnitTest tests[] = {
		{kinds[0].label, test_connection, NULL, NULL, (void *)&kinds[0]},
		{kinds[1].label, test_connection, NULL, NULL, (void *)&kinds[1]},
		{kinds[2].label, test_connection, NULL, NULL, (void *)&kinds[2]},
		{kinds[3].label, test_connection, NULL, NULL, (void *)&kinds[3]},
		ENV_TEST("a reset is told as such", test_reset),
		ENV_TEST("bytes that come with the end of the stream are followed by it", test_farewell),
		ENV_TEST("a slow reader holds the writer up, over TCP", test_flow_tcp),
		ENV_TEST("a slow reader holds the writer up, over a Unix socket", test_flow_unix),
		ENV_TEST("that the peer has read wakes nobody", test_no_idle_wakeups),
		ENV_TEST("a connection moves between loops with data on its way", test_move),
		ENV_TEST("a detached socket is closed as well", test_close_detached),
		ENV_TEST("each connection goes to one of several loops", test_several_loops),
		ENV_TEST("a closed socket gets no event of the same turn", test_reuse),
		ENV_TEST("without free file numbers connections wait at the door", test_too_many_files),
		ENV_TEST("to connect where nobody listens is refused", test_refused),
		ENV_TEST("an address that is taken is not taken again", test_taken),
		ENV_TEST("a Unix socket's file is private, replaced when stale, removed at the end", test_unix_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
