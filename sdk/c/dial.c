/* dial.c - reaching the server: some of its addresses, each a little after the one before. */
#include "internal.h"

#define NEXT_US (2500u * 1000)

static void dial_next(struct dial *d);

static void stop_tries(struct dial *d)
{
	env_timer_cancel(d->client->loop, &d->timer);
	for (unsigned i = 0; i < d->started; i++)
		env_sock_close(&d->tries[i].sock);
	d->started = d->wanted = d->failed = 0;
}

/** The next attempt begins with others. */
static void blame_addrs(struct dial *d)
{
	struct hongyan *h = d->client;
	if (h->addr_count > 0)
		h->addr_at = (h->addr_at + d->wanted) % h->addr_count;
	if (h->own_look_up)
		h->own_look_up(h);
}

void dial_stop(struct dial *d)
{
	if (d->started > 0 && d->started == d->wanted) /* all were tried, and it took too long */
		blame_addrs(d);
	if (d->client)
		stop_tries(d);
}

static void nobody_answers(struct dial *d)
{
	blame_addrs(d);
	stop_tries(d);
	d->done(d, NULL);
}

static void wait(struct dial *d, uint64_t us)
{
	env_timer_set(d->client->loop, &d->timer, env_loop_now_us(d->client->loop) + us);
}

static void try_failed(struct dial_try *t, int error)
{
	struct dial *d = t->dial;
	trouble_unreachable(d->client, &d->client->addrs[t->addr], error);
	env_sock_close(&t->sock);
	d->failed++;
	if (d->started < d->wanted || d->failed == d->started)
		wait(d, 0);
}

static void on_event(struct env_sock *sock, unsigned events)
{
	struct dial_try *t = hy_container_of(sock, struct dial_try, sock);
	struct dial *d = t->dial;
	int error = env_sock_error(sock);
	if (error != 0) {
		try_failed(t, error);
		return;
	}
	if (!(events & ENV_WRITABLE))
		return;
	d->client->addr_at = t->addr;
	d->client->trouble[0] = '\0'; /* of an address that is not needed */
	env_sock_detach(sock);
	struct env_sock won = *sock;
	t->sock = (struct env_sock){0};
	stop_tries(d);
	d->done(d, &won);
}

static void on_timer(struct env_timer *timer)
{
	struct dial *d = hy_container_of(timer, struct dial, timer);
	if (d->started < d->wanted)
		dial_next(d);
	else if (d->failed == d->started)
		nobody_answers(d);
}

static void dial_next(struct dial *d)
{
	struct hongyan *h = d->client;
	struct dial_try *t = &d->tries[d->started++];
	*t = (struct dial_try){.sock.on_event = on_event, .dial = d};
	t->addr = (h->addr_at + d->started - 1) % h->addr_count;
	if (d->started < d->wanted)
		wait(d, NEXT_US);
	int rc = env_connect(h->loop, &h->addrs[t->addr], &t->sock);
	if (rc < 0)
		try_failed(t, rc);
}

void dial_start(struct dial *d, struct hongyan *h, void (*done)(struct dial *d, struct env_sock *sock))
{
	assert(d->started == 0);
	d->client = h;
	d->done = done;
	d->timer.fn = on_timer;
	d->wanted = HY_MIN(h->addr_count, DIAL_AT_ONCE);
	if (d->wanted > 0)
		dial_next(d);
	else
		wait(d, 0); /* the name is not known yet */
}
