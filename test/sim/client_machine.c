/* A client's machine: one loop with the devices that live there, and a main actor that ends it when asked to. */
#include "base/mem.h"
#include "world.h"

static void each_device(struct client *c, void (*sdk)(struct device *d), void (*raw)(struct device *d))
{
	for (unsigned i = 0; i < c->world->device_count; i++) {
		struct device *d = &c->world->devices[i];
		if (d->client == c->index)
			(d->kind == DEVICE_RAW ? raw : sdk)(d);
	}
}

static void sdk_start(struct device *d)
{
	sdk_device_start(d, d->world->clients[d->client].loop);
}

static void raw_start(struct device *d)
{
	raw_device_start(d, d->world->clients[d->client].loop);
}

static void stop_here(struct env_msg *msg)
{
	struct client *c = hy_container_of(msg, struct client, stop);
	each_device(c, sdk_device_stop, raw_device_stop);
	env_loop_stop(c->loop);
}

static void client_main(struct env *env, void *arg)
{
	struct client *c = arg;
	int rc = env_loop_create(env, &(struct env_loop_config){.name = "client"}, &c->loop);
	assert(rc == 0);
	each_device(c, sdk_start, raw_start);
	rc = env_loop_start(c->loop);
	assert(rc == 0);
	env_wait_terminate(env);
	c->stop = (struct env_msg){.fn = stop_here};
	env_inbox_post(env_loop_inbox(c->loop), &c->stop);
	env_loop_join(c->loop);
	world_say(c->world, "client %u has ended", c->index);
}

void client_machine_start(struct client *c)
{
	struct world *w = c->world;
	c->ending = false;
	c->start_at = UINT64_MAX;
	for (unsigned i = 0; i < w->device_count; i++)
		if (w->devices[i].client == c->index) {
			w->devices[i].sdk = NULL;
			w->devices[i].raw = NULL;
		}
	world_say(w, "client %u is started", c->index);
	sim_machine_start(c->machine, client_main, c);
}

static void watch(struct client *c)
{
	struct world *w = c->world;
	uint64_t now = sim_now_us(w->sim);
	if (sim_machine_running(c->machine))
		return;
	if (c->start_at == UINT64_MAX) {
		size_t left = sim_machine_left_behind(c->machine);
		if (left)
			world_fail(w, "client %u has ended and left %zu things behind", c->index, left);
		c->start_at = now + world_range(w, 0, 5 * SEC);
	} else if (now >= c->start_at && w->phase != PHASE_STOP) {
		client_machine_start(c);
	}
}

void client_machines_watch(struct world *w)
{
	for (unsigned i = 0; i < w->client_count; i++)
		watch(&w->clients[i]);
}
