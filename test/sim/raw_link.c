/* A raw device's link: connect, frames in and out, requests matched with their answers. */
#include "raw_device.h"

#define CONNECT_MAX_US (15 * SEC)
#define ANSWER_MAX_US (25 * SEC)
#define READ_CHUNK 4096u

void raw_link_close(struct raw_link *l)
{
	env_sock_close(&l->sock);
	hy_buf_fini(&l->in);
	hy_buf_fini(&l->out);
	for (size_t i = 0; i < RAW_PENDING_MAX; i++)
		l->pending[i].asked = RAW_NOTHING;
	l->state = RAW_LINK_DOWN;
	l->writable = l->identified = l->identifying = false;
}

void raw_link_flush(struct raw_link *l)
{
	while (l->state == RAW_LINK_UP && l->writable && hy_buf_len(&l->out) > 0) {
		struct iovec iov = {hy_buf_data(&l->out), hy_buf_len(&l->out)};
		ssize_t n = env_sendv(&l->sock, &iov, 1);
		if (n == -EAGAIN)
			l->writable = false;
		else if (n < 0)
			raw_link_close(l);
		else
			hy_buf_consume(&l->out, (size_t)n);
	}
}

static struct raw_pending *pending_by(struct raw_link *l, enum raw_asked none, uint32_t seq)
{
	for (size_t i = 0; i < RAW_PENDING_MAX; i++)
		if (none == RAW_NOTHING ? l->pending[i].asked == RAW_NOTHING
					: l->pending[i].asked != RAW_NOTHING && l->pending[i].seq == seq)
			return &l->pending[i];
	return NULL;
}

bool raw_link_ask(struct raw_link *l, uint32_t cmd, const ProtobufCMessage *request, const struct raw_pending *pending)
{
	struct raw_pending *p = pending_by(l, RAW_NOTHING, 0);
	if (!p)
		return false;
	*p = *pending;
	p->seq = pending->asked == RAW_IDENTIFY ? MARS_SEQ_IDENTIFY : ++l->next_seq;
	p->at_us = env_loop_now_us(l->run->loop);
	size_t len = protobuf_c_message_get_packed_size(request);
	uint8_t *out = hy_buf_reserve(&l->out, MARS_HEAD + len);
	mars_write_head(out, MARS_VERSION, cmd, p->seq, (uint32_t)len);
	protobuf_c_message_pack(request, out + MARS_HEAD);
	hy_buf_commit(&l->out, MARS_HEAD + len);
	return true;
}

static void on_frame(struct raw_link *l, const struct mars_frame *f)
{
	if (f->seq == MARS_SEQ_PUSH) {
		raw_hinted(l->run);
		return;
	}
	struct raw_pending *found = pending_by(l, RAW_SEND, f->seq);
	if (!found) {
		world_fail(l->run->device->world, "%s got an answer to a request that it did not make: seq %u",
			l->run->device->name, f->seq);
		return;
	}
	struct raw_pending p = *found;
	found->asked = RAW_NOTHING;
	raw_answered(l, &p, f->body);
}

static void parse(struct raw_link *l)
{
	struct mars_frame f;
	while (l->state == RAW_LINK_UP) {
		enum mars_parse parsed = mars_parse(hy_buf_bytes(&l->in), MARS_FRAME_MAX, &f);
		if (parsed == MARS_PARTIAL)
			return;
		if (parsed == MARS_BAD) {
			world_fail(l->run->device->world, "%s got bytes that are no frame", l->run->device->name);
			return;
		}
		struct hy_buf body = {0};
		hy_buf_append(&body, f.body.data, f.body.len);
		f.body = hy_buf_bytes(&body);
		hy_buf_consume(&l->in, f.size);
		on_frame(l, &f);
		hy_buf_fini(&body);
	}
}

static void read_all(struct raw_link *l)
{
	while (l->state == RAW_LINK_UP) {
		uint8_t *p = hy_buf_reserve(&l->in, READ_CHUNK);
		ssize_t n = env_recv(&l->sock, p, READ_CHUNK);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			raw_link_close(l);
			return;
		}
		hy_buf_commit(&l->in, (size_t)n);
		parse(l);
	}
}

static void on_event(struct env_sock *sock, unsigned events)
{
	struct raw_link *l = hy_container_of(sock, struct raw_link, sock);
	if (l->state == RAW_LINK_CONNECTING) {
		if (env_sock_error(sock) != 0) {
			raw_link_close(l);
			return;
		}
		if (!(events & ENV_WRITABLE))
			return;
		l->state = RAW_LINK_UP;
	}
	if (events & ENV_WRITABLE) {
		l->writable = true;
		raw_link_flush(l);
	}
	if (events & ENV_READABLE)
		read_all(l);
}

void raw_link_connect(struct raw_link *l)
{
	struct env_addr server;
	int rc = env_addr_parse("10.0.0.1:7600", &server);
	assert(rc == 0);
	l->sock = (struct env_sock){.on_event = on_event};
	l->state = RAW_LINK_CONNECTING;
	l->since_us = env_loop_now_us(l->run->loop);
	l->lane = ++l->run->device->world->lanes;
	if (env_connect(l->run->loop, &server, &l->sock) < 0)
		raw_link_close(l);
}

void raw_link_check(struct raw_link *l, uint64_t now_us)
{
	bool late = l->state == RAW_LINK_CONNECTING && l->since_us + CONNECT_MAX_US < now_us;
	for (size_t i = 0; i < RAW_PENDING_MAX; i++)
		late |= l->pending[i].asked != RAW_NOTHING && l->pending[i].at_us + ANSWER_MAX_US < now_us;
	if (late)
		raw_link_close(l);
}

bool raw_link_has(const struct raw_link *l, enum raw_asked asked, unsigned number)
{
	for (size_t i = 0; i < RAW_PENDING_MAX; i++)
		if (l->pending[i].asked == asked && l->pending[i].number == number)
			return true;
	return false;
}

bool raw_run_is_syncing(const struct raw_run *r)
{
	for (size_t k = 0; k < RAW_LINKS; k++)
		for (size_t i = 0; i < RAW_PENDING_MAX; i++)
			if (r->links[k].pending[i].asked == RAW_SYNC)
				return true;
	return false;
}
