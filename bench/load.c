/* load.c - links that load a server: one thread, epoll, what a turn appends is written at its end. */
#include "load.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t load_now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t load_wall_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t load_random(void)
{
	static uint64_t state;
	if (!state && getrandom(&state, sizeof state, 0) != sizeof state)
		err(1, "getrandom");
	uint64_t z = (state += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void load_init(struct load *load, uint16_t port)
{
	*load = (struct load){.epoll = epoll_create1(0), .port = port, .now_us = load_now_us()};
}

struct load_link *load_link_open(struct load *load)
{
	struct load_link *l = calloc(1, sizeof *l);
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(load->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	l->load = load;
	l->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&to, sizeof to) != 0)
		err(1, "connect");
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
	epoll_ctl(load->epoll, EPOLL_CTL_ADD, l->fd, &ev);
	return l;
}

void load_link_close(struct load_link *l)
{
	close(l->fd);
	hy_buf_fini(&l->in);
	hy_buf_fini(&l->out);
	free(l);
}

static void queue_flush(struct load_link *l)
{
	if (l->flush_queued)
		return;
	l->flush_queued = true;
	l->next_flush = l->load->flush;
	l->load->flush = l;
}

void load_send_packed(struct load_link *l, uint32_t cmd, uint32_t seq, const void *body, size_t len)
{
	uint8_t *p = hy_buf_reserve(&l->out, MARS_HEAD + len);
	mars_write_head(p, MARS_VERSION, cmd, seq, (uint32_t)len);
	memcpy(p + MARS_HEAD, body, len);
	hy_buf_commit(&l->out, MARS_HEAD + len);
	queue_flush(l);
}

uint32_t load_send(struct load_link *l, uint32_t cmd, const ProtobufCMessage *body)
{
	size_t len = protobuf_c_message_get_packed_size(body);
	uint32_t seq = ++l->next_seq;
	uint8_t *p = hy_buf_reserve(&l->out, MARS_HEAD + len);
	mars_write_head(p, MARS_VERSION, cmd, seq, (uint32_t)len);
	protobuf_c_message_pack(body, p + MARS_HEAD);
	hy_buf_commit(&l->out, MARS_HEAD + len);
	queue_flush(l);
	return seq;
}

static void read_link(struct load_link *l)
{
	uint8_t *p = hy_buf_reserve(&l->in, 64 << 10);
	ssize_t n = recv(l->fd, p, 64 << 10, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		errx(1, "the server closed a link");
	hy_buf_commit(&l->in, (size_t)n);
	struct mars_frame f;
	while (mars_parse(hy_buf_bytes(&l->in), MARS_FRAME_MAX, &f) == MARS_WHOLE) {
		l->on_frame(l, &f);
		hy_buf_consume(&l->in, f.size);
	}
}

static void flush_all(struct load *load)
{
	while (load->flush) {
		struct load_link *l = load->flush;
		load->flush = l->next_flush;
		l->flush_queued = false;
		while (hy_buf_len(&l->out) > 0) {
			ssize_t n = send(l->fd, hy_buf_data(&l->out), hy_buf_len(&l->out), MSG_NOSIGNAL);
			if (n <= 0)
				err(1, "send");
			hy_buf_consume(&l->out, (size_t)n);
		}
	}
}

void load_turn(struct load *load, int timeout_ms)
{
	struct epoll_event events[256];
	flush_all(load);
	int n = epoll_wait(load->epoll, events, 256, timeout_ms);
	load->now_us = load_now_us();
	for (int i = 0; i < n; i++)
		read_link(events[i].data.ptr);
	flush_all(load);
}

struct asking {
	struct hy_buf *out;
	uint32_t seq;
	bool done;
};

static void on_answer(struct load_link *l, const struct mars_frame *f)
{
	struct asking *a = l->user;
	if (f->seq != a->seq)
		return;
	hy_buf_append(a->out, f->body.data, f->body.len);
	a->done = true;
}

void load_ask(struct load_link *l, uint32_t cmd, const ProtobufCMessage *body, struct hy_buf *out)
{
	void *user = l->user;
	void (*on_frame)(struct load_link *, const struct mars_frame *) = l->on_frame;
	struct asking a = {.out = out};
	l->user = &a;
	l->on_frame = on_answer;
	a.seq = load_send(l, cmd, body);
	while (!a.done)
		load_turn(l->load, 1000);
	l->user = user;
	l->on_frame = on_frame;
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

void load_histogram_add(struct load_histogram *h, uint64_t us)
{
	/* 16 steps from each power of two to the next */
	unsigned top = us < 16 ? 0 : 60 - (unsigned)__builtin_clzll(us);
	unsigned step = us < 16 ? (unsigned)us : (unsigned)(us >> (top - 1)) & 15;
	h->buckets[(us < 16 ? 0 : top) * 16 + step]++;
	h->count++;
}

uint64_t load_histogram_quantile(const struct load_histogram *h, double q)
{
	uint64_t want = (uint64_t)(q * (double)h->count), seen = 0;
	for (unsigned i = 0; i < 64 * 16; i++) {
		seen += h->buckets[i];
		if (seen > want)
			return i < 16 ? i : (uint64_t)(16 + (i & 15)) << (i / 16 - 1);
	}
	return 0;
}
