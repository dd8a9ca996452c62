/*
 * standalone.c - a client with its env and its loop to itself, for programs that know nothing of this tree.
 *
 * Names are looked up on threads of their own, one for each, when the client is made and again when nothing answers.
 */
#include <stdio.h>

#include "base/mem.h"
#include "env/real/real.h"
#include "internal.h"

#define HOSTS_MAX 8u
#define PORT_DEFAULT 7600
#define LOOK_UP_AGAIN_US (30u * 1000 * 1000)

struct own {
	struct hongyan *client;
	struct host {
		struct own *own;
		char name[256];
		uint16_t port;
		struct env_real_lookup *lookup; /* under way */
		struct env_addr addrs[LOOKUP_ADDRS_MAX];
		size_t addr_count;
	} hosts[HOSTS_MAX];
	unsigned host_count;
	struct env_timer timer; /* until names may be looked up again */
	struct env_msg end;
	bool threaded, ended;
};

/* ---- where the server is ----------------------------------------------------------------------------------------- */

/** First addresses of all hosts, then second ones: one host's many must not keep the others' out. */
static void gather_addrs(struct own *o)
{
	struct hongyan *h = o->client;
	h->addr_count = h->addr_at = 0;
	for (unsigned i = 0; i < LOOKUP_ADDRS_MAX; i++)
		for (unsigned k = 0; k < o->host_count; k++)
			if (i < o->hosts[k].addr_count && h->addr_count < ADDRS_MAX)
				h->addrs[h->addr_count++] = o->hosts[k].addrs[i];
}

static void on_looked_up(void *arg, const struct env_addr *addrs, size_t count)
{
	struct host *host = arg;
	struct own *o = host->own;
	host->lookup = NULL;
	size_t len = count * sizeof *addrs;
	if (count == 0 && o->client->addr_count == 0)
		trouble_unknown_name(o->client, host->name);
	if (count == 0 || (count == host->addr_count && memcmp(addrs, host->addrs, len) == 0))
		return; /* what was known before may still be right */
	memcpy(host->addrs, addrs, len);
	host->addr_count = count;
	gather_addrs(o);
	client_try_all_now(o->client);
}

static void look_up(struct hongyan *h)
{
	struct own *o = h->own;
	if (env_timer_is_set(&o->timer))
		return;
	env_timer_set(h->loop, &o->timer, env_loop_now_us(h->loop) + LOOK_UP_AGAIN_US);
	for (unsigned i = 0; i < o->host_count; i++) {
		struct host *host = &o->hosts[i];
		if (host->name[0] && !host->lookup)
			host->lookup = env_real_lookup_start(h->loop, host->name, host->port, on_looked_up, host);
	}
}

static void on_look_up_timer(struct env_timer *timer) {}

static bool port_parse(const char *text, uint16_t *ret_port)
{
	unsigned port = 0;
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 5 || text[digits])
		return false;
	for (size_t i = 0; i < digits; i++)
		port = 10 * port + (unsigned)(text[i] - '0');
	*ret_port = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX;
}

/** "host", "host:port", or an address with or without its port. */
static bool host_parse(const char *text, struct host *host)
{
	char with_port[300];
	snprintf(with_port, sizeof with_port, "%s:%u", text, PORT_DEFAULT);
	if (env_addr_parse(text, &host->addrs[0]) == 0 || env_addr_parse(with_port, &host->addrs[0]) == 0) {
		host->addr_count = 1;
		return true;
	}
	size_t len = strcspn(text, ":");
	if (len == 0 || len >= sizeof host->name || text[0] == '[')
		return false;
	host->port = PORT_DEFAULT;
	if (text[len] && !port_parse(text + len + 1, &host->port))
		return false;
	snprintf(host->name, sizeof host->name, "%.*s", (int)len, text);
	return true;
}

static bool server_parse(const char *text, struct own *o)
{
	while (*text) {
		char one[280];
		size_t len = strcspn(text, ",");
		if (len >= sizeof one || o->host_count == HOSTS_MAX)
			return false;
		snprintf(one, sizeof one, "%.*s", (int)len, text);
		struct host *host = &o->hosts[o->host_count++];
		host->own = o;
		if (!host_parse(one, host))
			return false;
		text += len + (text[len] == ',');
	}
	return o->host_count > 0;
}

/* ---- ended ------------------------------------------------------------------------------------------------------- */

/** Behind all that was asked for, and behind the last look-up that has ended. */
static void end_here(struct env_msg *msg)
{
	struct own *o = hy_container_of(msg, struct own, end);
	struct hongyan *h = o->client;
	bool once_more = false;
	for (unsigned i = 0; i < o->host_count; i++) {
		struct env_real_lookup *lookup = hy_take(o->hosts[i].lookup);
		once_more |= lookup && env_real_lookup_cancel(lookup);
	}
	client_end(h);
	env_timer_cancel(h->loop, &o->timer);
	if (once_more) {
		env_inbox_post(env_loop_inbox(h->loop), msg);
		return;
	}
	o->ended = true;
	env_loop_stop(h->loop);
}

static void own_destroy(struct hongyan *h)
{
	struct own *o = h->own;
	struct env *env = h->env;
	o->end.fn = end_here;
	env_inbox_post(env_loop_inbox(h->loop), &o->end);
	while (!o->threaded && !o->ended)
		env_real_loop_turn(h->loop, -1);
	env_loop_join(h->loop);
	client_free(h);
	hy_free(o);
	env_real_destroy(env);
}

/* ---- made -------------------------------------------------------------------------------------------------------- */

static void start_here(struct call *c)
{
	look_up(c->client);
	hy_free(c);
}

int hongyan_create(const struct hongyan_config *config, struct hongyan **ret_client)
{
	struct own *o = hy_zalloc(sizeof *o);
	struct env_loop *loop;
	if (!client_check(config) || !server_parse(config->server, o)) {
		hy_free(o);
		return HONGYAN_INVALID_ARGUMENT;
	}
	struct env *env = env_real_create_guest();
	if (env_loop_create(env, &(struct env_loop_config){.name = "hongyan"}, &loop) != 0) {
		env_real_destroy(env);
		hy_free(o);
		return HONGYAN_UNAVAILABLE;
	}
	struct hongyan *h = client_create(loop, config);
	struct call *start = hy_zalloc(sizeof *start);
	o->client = h;
	o->timer.fn = on_look_up_timer;
	h->own = o;
	h->own_destroy = own_destroy;
	h->own_look_up = look_up;
	gather_addrs(o);
	start->fn = start_here;
	client_call(h, start);
	*ret_client = h;
	return HONGYAN_OK;
}

/* ---- running it -------------------------------------------------------------------------------------------------- */

int hongyan_start_thread(struct hongyan *h)
{
	assert(h->own && !h->own->threaded);
	h->own->threaded = env_loop_start(h->loop) == 0;
	return h->own->threaded ? HONGYAN_OK : HONGYAN_UNAVAILABLE;
}

int hongyan_fd(struct hongyan *h)
{
	assert(h->own && !h->own->threaded);
	return env_real_loop_fd(h->loop);
}

void hongyan_turn(struct hongyan *h, int timeout_ms)
{
	assert(h->own && !h->own->threaded);
	env_real_loop_turn(h->loop, timeout_ms);
}
