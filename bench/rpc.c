/*
 * bench-rpc [SECONDS]: what a call costs the server, beside the least that any server can pay.
 *
 * Two servers, one after the other, each a process of its own on core 0, meet the same load from core 1: 64
 * connections, 16 calls in flight on each, 300 bytes echoed. The first is svrkit with generated stubs. The second, the
 * yardstick, is a bare epoll loop that looks at each frame's head and sends the bytes back: nothing but the kernel's
 * work. The last line is one JSON object; ratio is calls per second of server CPU, ours by the yardstick's.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "echo.rpc.h"
#include "env/real/real.h"
#include "svrkit/rpc_frame.h"

enum { CONNECTIONS = 64, IN_FLIGHT = 16, PAYLOAD = 300, BUFFER = 64 << 10, LATENCY_MAX_US = 200000, WARM_UP_MS = 500 };

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	must(clock_gettime(clock, &t) == 0, "clock");
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	sched_setaffinity(0, sizeof(set), &set); /* with one core only, everything shares it */
}

/* ---- the server of svrkit ---------------------------------------------------------------------------------------- */

static int echo(void *self, struct call *call, const Hy__EchoRequest *request, Hy__EchoResponse *response)
{
	response->payload = request->payload;
	return HY_OK;
}

static void serve_rpc(uint16_t port)
{
	static const struct echo_handlers handlers = {.echo = echo, .echo_here = echo};
	struct env *env = env_real_create();
	struct svr_config config = {.loops = 1};
	struct svr *svr;
	struct env_addr addr;
	char text[32];

	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	must(env_addr_parse(text, &addr) == 0, text);
	must(svr_create(env, &config, &svr) == HY_OK, "svr_create");
	rpc_add_service(svr, &echo_service, &handlers, NULL);
	must(rpc_listen(svr, &addr) == HY_OK, "rpc_listen");
	must(svr_start(svr) == HY_OK, "svr_start");
	env_wait_terminate(env);
	svr_stop(svr, 0);
	svr_destroy(svr);
	env_real_destroy(env);
}

/* ---- the yardstick ----------------------------------------------------------------------------------------------- */

struct peer {
	int fd;
	size_t len;
	uint8_t in[BUFFER];
};

static int listen_on(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 1024) == 0, "listen");
	return fd;
}

static void accept_peer(int epoll_fd, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
	struct peer *peer;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	peer = calloc(1, sizeof(*peer));
	peer->fd = fd;
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = peer};
	must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
}

/** Turns every whole frame into its answer, where it lies, and sends all of them back. */
static void echo_frames(struct peer *peer)
{
	ssize_t n = read(peer->fd, peer->in + peer->len, sizeof(peer->in) - peer->len);
	size_t done = 0;

	if (n <= 0) {
		close(peer->fd);
		free(peer);
		return;
	}
	peer->len += (size_t)n;
	for (;;) {
		struct hy_bytes rest = hy_bytes(peer->in + done, peer->len - done);
		int64_t length = rpc_frame_length(rest);

		if (length <= 0 || (size_t)length > rest.len)
			break;
		peer->in[done + 4] = RPC_FRAME_ANSWER;
		memset(peer->in + done + 16, 0, 4);
		done += (size_t)length;
	}
	must(write(peer->fd, peer->in, done) == (ssize_t)done, "write");
	memmove(peer->in, peer->in + done, peer->len - done);
	peer->len -= done;
}

static void serve_yardstick(uint16_t port)
{
	int epoll_fd = epoll_create1(0), listener = listen_on(port);
	struct epoll_event e = {.events = EPOLLIN}, events[256];

	must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e) == 0, "epoll_ctl");
	for (;;) {
		int n = epoll_wait(epoll_fd, events, (int)HY_COUNT_OF(events), -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				echo_frames(events[i].data.ptr);
			else
				accept_peer(epoll_fd, listener);
		}
	}
}

/* ---- the load ---------------------------------------------------------------------------------------------------- */

struct link {
	int fd;
	size_t len;
	uint8_t in[BUFFER];
	uint64_t sent_ns[IN_FLIGHT]; /* by call ID */
};

struct load {
	int epoll_fd;
	struct link *links;
	uint8_t frame[512];
	size_t frame_len;
	bool measuring;
	uint64_t answers;
	uint32_t *latency; /* by microseconds */
};

static void make_frame(struct load *load)
{
	uint8_t payload[PAYLOAD], body[PAYLOAD + 16];
	Hy__EchoRequest request = HY__ECHO_REQUEST__INIT;

	memset(payload, 'e', sizeof(payload));
	request.payload.data = payload;
	request.payload.len = sizeof(payload);
	struct rpc_frame f = {.kind = RPC_FRAME_CALL, .service = echo_service.id, .method = 1, .time_ms = 10000};
	f.body = hy_bytes(body, hy__echo_request__pack(&request, body));
	load->frame_len = rpc_frame_encode_head(&f, load->frame);
	memcpy(load->frame + load->frame_len, body, f.body.len);
	load->frame_len += f.body.len;
}

static void send_calls(struct load *load, struct link *link, const uint8_t *ids, unsigned count)
{
	uint8_t out[IN_FLIGHT * sizeof(load->frame)];
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < count; i++) {
		uint8_t *frame = out + i * load->frame_len;

		memcpy(frame, load->frame, load->frame_len);
		hy_put_le64(frame + 8, ids[i]);
		link->sent_ns[ids[i]] = now;
	}
	size_t len = count * load->frame_len;
	must(write(link->fd, out, len) == (ssize_t)len, "write");
}

static void take_answer(struct load *load, struct link *link, struct hy_bytes answer, uint8_t *ret_id)
{
	struct rpc_frame f;

	must(rpc_frame_decode(answer, &f) && f.kind == RPC_FRAME_ANSWER && f.service == HY_OK, "answer");
	must(f.call_id < IN_FLIGHT && f.body.len >= PAYLOAD, "answer's length");
	must(memcmp(f.body.data + f.body.len - PAYLOAD, load->frame + load->frame_len - PAYLOAD, PAYLOAD) == 0, "echo");
	*ret_id = (uint8_t)f.call_id;
	if (!load->measuring)
		return;
	uint64_t us = (now_ns(CLOCK_MONOTONIC) - link->sent_ns[f.call_id]) / 1000;
	load->latency[HY_MIN(us, LATENCY_MAX_US - 1u)]++;
	load->answers++;
}

static void on_answers(struct load *load, struct link *link)
{
	ssize_t n = read(link->fd, link->in + link->len, sizeof(link->in) - link->len);
	uint8_t ids[IN_FLIGHT];
	unsigned count = 0;
	size_t done = 0;

	must(n > 0, "the server ended a connection");
	link->len += (size_t)n;
	for (;;) {
		struct hy_bytes rest = hy_bytes(link->in + done, link->len - done);
		int64_t length = rpc_frame_length(rest);

		if (length <= 0 || (size_t)length > rest.len)
			break;
		must(count < IN_FLIGHT, "more answers than calls");
		take_answer(load, link, hy_bytes(rest.data, (size_t)length), &ids[count++]);
		done += (size_t)length;
	}
	memmove(link->in, link->in + done, link->len - done);
	link->len -= done;
	if (count)
		send_calls(load, link, ids, count);
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;

	for (unsigned tries = 0; tries < 200; tries++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			return fd;
		}
		close(fd);
		usleep(10000);
	}
	must(false, "connect");
	return -1;
}

static void open_links(struct load *load, uint16_t port)
{
	uint8_t ids[IN_FLIGHT];

	load->epoll_fd = epoll_create1(0);
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		ids[i] = (uint8_t)i;
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct link *link = &load->links[i];
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = link};

		link->len = 0;
		link->fd = connect_to(port);
		must(epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, link->fd, &e) == 0, "epoll_ctl");
		send_calls(load, link, ids, IN_FLIGHT);
	}
}

static void run_until(struct load *load, uint64_t end_ns)
{
	struct epoll_event events[CONNECTIONS];

	while (now_ns(CLOCK_MONOTONIC) < end_ns) {
		int n = epoll_wait(load->epoll_fd, events, CONNECTIONS, 100);

		for (int i = 0; i < n; i++)
			on_answers(load, events[i].data.ptr);
	}
}

/* ---- one run ----------------------------------------------------------------------------------------------------- */

struct result {
	double ops_per_s, cpu_us_per_op;
	unsigned p50_us, p99_us;
};

static unsigned percentile(const struct load *load, double part)
{
	uint64_t seen = 0, wanted = (uint64_t)((double)load->answers * part);

	for (unsigned us = 0; us < LATENCY_MAX_US; us++) {
		seen += load->latency[us];
		if (seen > wanted)
			return us;
	}
	return LATENCY_MAX_US;
}

static struct result measure(struct load *load, void (*serve)(uint16_t port), uint16_t port, double seconds)
{
	pid_t pid = fork();
	clockid_t cpu;

	must(pid >= 0, "fork");
	if (pid == 0) {
		pin(0);
		serve(port);
		exit(0);
	}
	open_links(load, port);
	memset(load->latency, 0, LATENCY_MAX_US * sizeof(*load->latency));
	load->answers = 0;
	load->measuring = false;
	run_until(load, now_ns(CLOCK_MONOTONIC) + WARM_UP_MS * 1000000ull);
	must(clock_getcpuclockid(pid, &cpu) == 0, "clock_getcpuclockid");
	uint64_t begin = now_ns(CLOCK_MONOTONIC), cpu_begin = now_ns(cpu);
	load->measuring = true;
	run_until(load, begin + (uint64_t)(seconds * 1e9));
	uint64_t cpu_end = now_ns(cpu), end = now_ns(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		close(load->links[i].fd);
	close(load->epoll_fd);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return (struct result){
		.ops_per_s = (double)load->answers * 1e9 / (double)(end - begin),
		.cpu_us_per_op = (double)(cpu_end - cpu_begin) / 1e3 / (double)load->answers,
		.p50_us = percentile(load, 0.5),
		.p99_us = percentile(load, 0.99),
	};
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 3;
	struct load load = {
		.links = calloc(CONNECTIONS, sizeof(struct link)), .latency = calloc(LATENCY_MAX_US, sizeof(uint32_t))};
	uint16_t port = (uint16_t)(20000 + getpid() % 10000);

	make_frame(&load);
	pin(1);
	struct result rpc = measure(&load, serve_rpc, port, seconds);
	struct result bare = measure(&load, serve_yardstick, (uint16_t)(port + 1), seconds);
	printf("{\"name\": \"rpc\", \"ops_per_s\": %.0f, \"cpu_us_per_op\": %.3f, \"p50_us\": %u, \"p99_us\": %u, "
	       "\"yardstick_cpu_us_per_op\": %.3f, \"yardstick_ops_per_s\": %.0f, \"ratio\": %.3f}\n",
		rpc.ops_per_s, rpc.cpu_us_per_op, rpc.p50_us, rpc.p99_us, bare.cpu_us_per_op, bare.ops_per_s,
		bare.cpu_us_per_op / rpc.cpu_us_per_op);
	free(load.links);
	free(load.latency);
	return 0;
}
