/*
 * long_link.c - the long link: connect, identify, heartbeat, answers and hints; begin anew with backoff when it ends.
 */
#include "auth.pb-c.h"
#include "internal.h"
#include "mars_frame.h"

#define CONNECT_TIMEOUT_US (10u * 1000 * 1000)
#define NOOP_TIMEOUT_US (8u * 1000 * 1000)
#define BACKOFF_BASE_US (500u * 1000)
#define HASTEN_MAX_US (2u * 1000 * 1000)  /* the next try is not later than this */
#define HASTEN_GAP_US (15u * 1000 * 1000) /* from one hastened try to the next */
#define READ_CHUNK (16u << 10)

static void on_timer(struct env_timer *timer);
static void on_noop_timeout(struct env_timer *timer);

static void set_timer(struct hongyan *h, uint64_t us)
{
	h->link.timer.fn = on_timer;
	env_timer_set(h->loop, &h->link.timer, env_loop_now_us(h->loop) + us);
}

static void set_timer_s(struct hongyan *h, uint32_t s)
{
	set_timer(h, (uint64_t)s * 1000000);
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

static void link_down(struct hongyan *h)
{
	struct long_link *l = &h->link;
	dial_stop(&l->dial);
	env_sock_close(&l->sock);
	env_timer_cancel(h->loop, &l->timer);
	env_timer_cancel(h->loop, &l->noop_timer);
	hy_buf_fini(&l->in);
	hy_buf_fini_wiped(&l->out);
	l->state = LONG_LINK_DOWN;
}

static void tell_learnt(struct hongyan *h)
{
	struct hy_buf text = {0};
	if (!h->events.on_learnt)
		return;
	heartbeat_export(&h->heartbeat, &text);
	h->events.on_learnt(h->arg, (char *)hy_buf_data(&text));
	hy_buf_fini(&text);
}

static uint32_t idle_s(const struct hongyan *h)
{
	return (uint32_t)((env_loop_now_us(h->loop) - h->link.used_us) / 1000000);
}

/** The link ended by itself: perhaps because it was silent for longer than the network bears. */
static void learn_from_end(struct hongyan *h)
{
	struct long_link *l = &h->link;
	uint32_t silence_s = env_timer_is_set(&l->noop_timer) ? l->beat_after_s : idle_s(h);
	if (l->state == LONG_LINK_READY && heartbeat_died(&h->heartbeat, silence_s, env_wall_ms(h->env)))
		tell_learnt(h);
}

void long_link_reset(struct hongyan *h)
{
	struct long_link *l = &h->link;
	if (l->state == LONG_LINK_DOWN)
		return;
	learn_from_end(h);
	bool refused = l->state != LONG_LINK_READY;
	if (!refused)
		l->failures = 0;
	link_down(h);
	task_all_off_link(h);
	uint64_t us = l->wanted ? client_backoff_us(h, BACKOFF_BASE_US, l->failures++, h->backoff_max_us) : 0;
	if (l->wanted)
		set_timer(h, us);
	client_tell_state(h);
	trouble_tell(h, us);
	if (l->wanted && refused)
		sync_now(h); /* by the short link: no hint will come meanwhile */
}

void long_link_stop(struct hongyan *h)
{
	h->link.wanted = false;
	link_down(h);
	task_all_off_link(h);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void flush(struct hongyan *h)
{
	struct long_link *l = &h->link;
	while (l->writable && hy_buf_len(&l->out) > 0) {
		struct iovec iov = {hy_buf_data(&l->out), hy_buf_len(&l->out)};
		ssize_t n = env_sendv(&l->sock, &iov, 1);
		if (n == -EAGAIN) {
			l->writable = false;
		} else if (n < 0) {
			long_link_reset(h);
			return;
		} else {
			l->used_us = env_loop_now_us(h->loop);
			hy_buf_consume(&l->out, (size_t)n);
		}
	}
	if (hy_buf_len(&l->out) == 0)
		hy_buf_fini_wiped(&l->out);
}

static void send_frame(struct hongyan *h, uint32_t cmd, uint32_t seq, struct hy_bytes body)
{
	uint8_t *p = hy_buf_reserve_wiped(&h->link.out, MARS_HEAD + body.len);
	mars_write_head(p, MARS_VERSION, cmd, seq, (uint32_t)body.len);
	if (body.len)
		memcpy(p + MARS_HEAD, body.data, body.len);
	hy_buf_commit(&h->link.out, MARS_HEAD + body.len);
	flush(h);
}

void long_link_send(struct hongyan *h, struct task *t)
{
	struct hy_buf request = {0};
	task_pack(t, &request);
	send_frame(h, t->method->cmd, t->seq, hy_buf_bytes(&request));
	hy_buf_fini_wiped(&request);
}

/* ---- identifying, heartbeat -------------------------------------------------------------------------------------- */

/** An IdentifyRequest is nothing but a head. */
static void identify(struct hongyan *h)
{
	struct hy_buf request = {0};
	h->link.state = LONG_LINK_IDENTIFYING;
	set_timer(h, h->request_timeout_us);
	task_pack_head(h, NULL, 0, env_rand64(h->env), &request);
	send_frame(h, method_identify.cmd, MARS_SEQ_IDENTIFY, hy_buf_bytes(&request));
	hy_buf_fini_wiped(&request);
}

static uint32_t beat_interval_s(const struct hongyan *h)
{
	return h->heartbeat_s ? h->heartbeat_s : heartbeat_interval_s(&h->heartbeat);
}

/** False: the link is gone. */
static bool on_identified(struct hongyan *h, struct hy_bytes body)
{
	struct long_link *l = &h->link;
	Hy__IdentifyResponse *response = hy__identify_response__unpack(NULL, body.len, body.data);
	int status = response && response->head ? (int)response->head->code : HY_INTERNAL;
	uint32_t heartbeat_s = response ? response->heartbeat_s : 0;
	if (status != HY_OK && response && response->head)
		trouble_refused(h, response->head->message);
	else if (status != HY_OK)
		trouble_other_protocol(h, 0);
	if (response)
		hy__identify_response__free_unpacked(response, NULL);
	if (status == HY_UNAUTHENTICATED) {
		client_signed_out(h, "the ticket is no longer valid");
		return false;
	}
	if (status != HY_OK) {
		long_link_reset(h);
		return false;
	}
	l->state = LONG_LINK_READY;
	l->failures = 0;
	heartbeat_link_up(&h->heartbeat, heartbeat_s);
	set_timer_s(h, beat_interval_s(h));
	client_tell_state(h);
	task_all_try(h);
	sync_now(h);
	return l->state == LONG_LINK_READY;
}

static void heartbeat(struct hongyan *h)
{
	struct long_link *l = &h->link;
	set_timer_s(h, beat_interval_s(h));
	l->beat_after_s = idle_s(h);
	l->noop_timer.fn = on_noop_timeout;
	env_timer_set(h->loop, &l->noop_timer, env_loop_now_us(h->loop) + NOOP_TIMEOUT_US);
	sync_now(h); /* hints may be lost (R6) */
	if (l->state == LONG_LINK_READY)
		send_frame(h, MARS_CMD_NOOP, MARS_SEQ_NOOP, hy_bytes(NULL, 0));
}

static void on_beat_answered(struct hongyan *h)
{
	struct long_link *l = &h->link;
	if (!env_timer_is_set(&l->noop_timer))
		return;
	env_timer_cancel(h->loop, &l->noop_timer);
	if (h->heartbeat_s == 0 && heartbeat_answered(&h->heartbeat, l->beat_after_s, env_wall_ms(h->env)))
		tell_learnt(h);
}

static void on_noop_timeout(struct env_timer *timer)
{
	struct hongyan *h = hy_container_of(timer, struct hongyan, link.noop_timer);
	trouble_no_answer(h, true);
	long_link_reset(h);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/** False: the link is gone, or another one. */
static bool on_frame(struct hongyan *h, const struct mars_frame *f)
{
	if (f->cmd == MARS_CMD_NOOP) {
		on_beat_answered(h);
		return true;
	}
	if (f->seq == MARS_SEQ_IDENTIFY)
		return h->link.state != LONG_LINK_IDENTIFYING || on_identified(h, f->body);
	if (f->seq == MARS_SEQ_PUSH) {
		if (f->cmd == MARS_CMD_PUSH)
			sync_now(h);
		return true;
	}
	struct task *t = task_by_seq(h, f->seq);
	if (t)
		task_answered(t, f->body);
	return h->link.state == LONG_LINK_READY;
}

static bool parse(struct hongyan *h)
{
	struct long_link *l = &h->link;
	for (;;) {
		struct mars_frame f;
		switch (mars_parse(hy_buf_bytes(&l->in), MARS_FRAME_MAX, &f)) {
		case MARS_PARTIAL:
			return true;
		case MARS_BAD:
			trouble_other_protocol(h, 0);
			long_link_reset(h);
			return false;
		case MARS_WHOLE:
			break;
		}
		/* The frame is moved out first: what it causes may end the link, and its buffers with it. */
		struct hy_buf copy = {0};
		hy_buf_append(&copy, f.body.data, f.body.len);
		f.body = hy_buf_bytes(&copy);
		hy_buf_consume(&l->in, f.size);
		bool alive = on_frame(h, &f);
		hy_buf_fini(&copy);
		if (!alive)
			return false;
	}
}

static void read_all(struct hongyan *h)
{
	struct long_link *l = &h->link;
	for (;;) {
		uint8_t *p = hy_buf_reserve(&l->in, READ_CHUNK);
		ssize_t n = env_recv(&l->sock, p, READ_CHUNK);
		if (n == -EAGAIN)
			break;
		if (n <= 0) {
			trouble_ended(h);
			long_link_reset(h);
			return;
		}
		l->received_us = l->used_us = env_loop_now_us(h->loop);
		hy_buf_commit(&l->in, (size_t)n);
		if (!parse(h))
			return;
	}
	if (hy_buf_len(&l->in) == 0)
		hy_buf_fini(&l->in);
}

static void on_event(struct env_sock *sock, unsigned events)
{
	struct hongyan *h = hy_container_of(sock, struct hongyan, link.sock);
	struct long_link *l = &h->link;
	if (events & ENV_WRITABLE) {
		l->writable = true;
		flush(h);
	}
	if ((events & ENV_READABLE) && l->state >= LONG_LINK_IDENTIFYING)
		read_all(h);
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

static void on_dialled(struct dial *d, struct env_sock *sock)
{
	struct hongyan *h = hy_container_of(d, struct hongyan, link.dial);
	struct long_link *l = &h->link;
	if (sock) {
		l->sock = *sock;
		l->sock.on_event = on_event;
	}
	if (!sock || env_sock_attach(&l->sock, h->loop) != 0) {
		long_link_reset(h);
		return;
	}
	l->writable = true;
	l->received_us = l->used_us = env_loop_now_us(h->loop);
	identify(h);
}

static void connect_now(struct hongyan *h)
{
	h->link.state = LONG_LINK_CONNECTING;
	h->link.writable = false;
	set_timer(h, CONNECT_TIMEOUT_US);
	dial_start(&h->link.dial, h, on_dialled);
	client_tell_state(h);
}

static void on_timer(struct env_timer *timer)
{
	struct hongyan *h = hy_container_of(timer, struct hongyan, link.timer);
	switch (h->link.state) {
	case LONG_LINK_DOWN:
		if (h->link.wanted)
			connect_now(h);
		break;
	case LONG_LINK_CONNECTING:
	case LONG_LINK_IDENTIFYING:
		trouble_no_answer(h, h->link.state == LONG_LINK_IDENTIFYING);
		long_link_reset(h);
		break;
	case LONG_LINK_READY:
		heartbeat(h);
		break;
	}
}

void long_link_start(struct hongyan *h)
{
	if (h->short_links_only)
		return;
	h->link.wanted = true;
	h->link.failures = 0;
	if (h->link.state != LONG_LINK_DOWN) {
		link_down(h);
		task_all_off_link(h);
	}
	set_timer(h, 0);
}

void long_link_note_short(struct hongyan *h, bool came_through)
{
	struct long_link *l = &h->link;
	bool outage_over = came_through && l->short_failed;
	uint64_t now_us = env_loop_now_us(h->loop);
	l->short_failed = !came_through;
	if (!outage_over || !l->wanted || l->state != LONG_LINK_DOWN || now_us < l->hasten_from_us)
		return;
	uint64_t us = client_backoff_us(h, HASTEN_MAX_US, 0, HASTEN_MAX_US);
	if (now_us + us >= l->timer.at_us)
		return;
	l->hasten_from_us = now_us + HASTEN_GAP_US;
	set_timer(h, us);
}
