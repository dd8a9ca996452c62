/*
 * yardstick.c - what the same traffic costs at the least: a bare server that appends, syncs once a turn, and answers.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

#define CONNECTIONS_MAX 1024
#define CMD_ECHO 1

struct bare_conn {
	int fd;
	struct hy_buf in, out;
};

/** Parses heads, collects bodies for the file and answers for the link. */
static void bare_read(struct bare_conn *c, struct hy_buf *file)
{
	struct mars_frame f;
	uint8_t *p = hy_buf_reserve(&c->in, 64 << 10);
	ssize_t n = recv(c->fd, p, 64 << 10, MSG_DONTWAIT);
	if (n <= 0)
		_exit(0); /* the load has ended */
	hy_buf_commit(&c->in, (size_t)n);
	while (mars_parse(hy_buf_bytes(&c->in), MARS_FRAME_MAX, &f) == MARS_WHOLE) {
		uint8_t head[MARS_HEAD];
		hy_buf_append(file, f.body.data, f.body.len);
		mars_write_head(head, f.version, f.cmd, f.seq, 0);
		hy_buf_append(&c->out, head, sizeof head);
		hy_buf_consume(&c->in, f.size);
	}
}

static void bare_serve(int listening, int file, unsigned connections)
{
	static struct bare_conn conns[CONNECTIONS_MAX];
	int epoll = epoll_create1(0);
	struct hy_buf pending = {0};
	for (unsigned i = 0; i < connections; i++) {
		conns[i].fd = accept(listening, NULL, NULL);
		setsockopt(conns[i].fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &conns[i]};
		epoll_ctl(epoll, EPOLL_CTL_ADD, conns[i].fd, &ev);
	}
	for (;;) {
		struct epoll_event events[256];
		int n = epoll_wait(epoll, events, 256, -1);
		for (int i = 0; i < n; i++)
			bare_read(events[i].data.ptr, &pending);
		if (write(file, hy_buf_data(&pending), hy_buf_len(&pending)) < 0 || fdatasync(file) != 0)
			_exit(1);
		hy_buf_clear(&pending);
		for (int i = 0; i < n; i++) {
			struct bare_conn *c = events[i].data.ptr;
			if (hy_buf_len(&c->out) > 0 &&
				send(c->fd, hy_buf_data(&c->out), hy_buf_len(&c->out), MSG_NOSIGNAL) < 0)
				_exit(0);
			hy_buf_clear(&c->out);
		}
	}
}

struct echo_load {
	uint64_t answered;
	size_t body;
	const uint8_t *bytes;
	bool ending;
};

static void on_echo(struct load_link *l, const struct mars_frame *f)
{
	struct echo_load *e = l->user;
	e->answered++;
	if (!e->ending)
		load_send_packed(l, CMD_ECHO, f->seq, e->bytes, e->body);
}

static double child_cpu_us(pid_t pid)
{
	char path[64];
	unsigned long long ns = 0;
	snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
	FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &ns) != 1)
		err(1, "%s", path);
	fclose(f);
	return (double)ns / 1e3;
}

static pid_t start_bare(unsigned connections, uint16_t *ret_port)
{
	char name[] = "/var/tmp/hongyan-yardstick-XXXXXX";
	int listening = socket(AF_INET, SOCK_STREAM, 0), file = mkstemp(name);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	if (file < 0 || bind(listening, (struct sockaddr *)&at, sizeof at) != 0 ||
		listen(listening, CONNECTIONS_MAX) != 0)
		err(1, "yardstick");
	unlink(name);
	getsockname(listening, (struct sockaddr *)&at, &len);
	*ret_port = ntohs(at.sin_port);
	pid_t pid = fork();
	if (pid == 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET(0, &set);
		sched_setaffinity(0, sizeof set, &set);
		bare_serve(listening, file, connections);
	}
	close(listening);
	close(file);
	return pid;
}

struct load_yardstick load_yardstick(unsigned connections, unsigned window, size_t body, unsigned seconds)
{
	struct load load;
	uint16_t port;
	struct echo_load e = {.body = body, .bytes = calloc(1, body)};
	struct load_link *links[CONNECTIONS_MAX];
	pid_t pid = start_bare(connections, &port);
	load_init(&load, port);
	for (unsigned i = 0; i < connections; i++) {
		links[i] = load_link_open(&load);
		links[i]->on_frame = on_echo;
		links[i]->user = &e;
	}
	for (unsigned i = 0; i < connections; i++)
		for (unsigned w = 0; w < window; w++)
			load_send_packed(links[i], CMD_ECHO, w + 1, e.bytes, body);
	uint64_t began = load_now_us();
	double cpu = child_cpu_us(pid);
	while (load_now_us() - began < (uint64_t)seconds * 1000000)
		load_turn(&load, 100);
	double took = (double)(load_now_us() - began);
	cpu = child_cpu_us(pid) - cpu;
	struct load_yardstick y = {
		.cpu_us_per_op = cpu / (double)e.answered, .ops_per_s = (double)e.answered * 1e6 / took};
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (unsigned i = 0; i < connections; i++)
		load_link_close(links[i]);
	close(load.epoll);
	free((void *)(uintptr_t)e.bytes);
	return y;
}
