#include "logic/session/session_table.h"

#include "base/mem.h"

/** Users looked at, from the least recently active, for one that nobody holds. */
#define IDLE_LOOKS 8u

static uint64_t hash_uin(const struct session_table *t, uint32_t uin)
{
	return hy_hash(&uin, sizeof uin, t->seed);
}

void session_table_init(struct session_table *t, uint64_t seed)
{
	t->seed = seed;
	hy_map_init(&t->map);
	hy_link_init(&t->users);
}

void session_table_fini(struct session_table *t)
{
	struct session_user *user;

	hy_list_each (user, &t->users, struct session_user, link) {
		hy_map_remove(&t->map, &user->node);
		session_user_free(user);
	}
	hy_map_fini(&t->map);
}

struct session_user *session_table_find(struct session_table *t, uint32_t uin)
{
	for (struct hy_map_node *n = hy_map_first(&t->map, hash_uin(t, uin)); n; n = hy_map_next(n)) {
		struct session_user *user = hy_container_of(n, struct session_user, node);
		if (user->uin == uin)
			return user;
	}
	return NULL;
}

struct session_user *session_table_add(
	struct session_table *t, uint32_t uin, const Hy__AccountListDevicesResponse *stored)
{
	struct session_user *user = hy_zalloc(sizeof *user);

	user->uin = uin;
	hy_link_init(&user->link);
	hy_map_insert(&t->map, &user->node, hash_uin(t, uin));
	hy_list_push_back(&t->users, &user->link);
	for (size_t i = 0; i < stored->n_devices; i++) {
		const Hy__AccountDevice *s = stored->devices[i];
		if (strlen(s->device) > SESSION_DEVICE_MAX)
			continue;
		struct session_device *d = session_user_device(user, s->device);
		d->seen_ms = d->written_ms = s->seen_ms;
		d->account = s->account;
		d->contacts = s->contacts;
		d->messages = s->messages;
		d->ticket_version = s->ticket_version;
	}
	return user;
}

void session_table_touch(struct session_table *t, struct session_user *user, uint64_t now_ms)
{
	user->active_ms = now_ms;
	hy_list_remove(&user->link);
	hy_list_push_back(&t->users, &user->link);
}

struct session_user *session_table_take_idle(struct session_table *t, uint64_t before_ms, size_t max)
{
	struct session_user *user;
	unsigned looks = 0;

	hy_list_each (user, &t->users, struct session_user, link) {
		if (looks++ >= IDLE_LOOKS || (user->active_ms >= before_ms && t->map.count <= max))
			return NULL;
		if (user->pins > 0)
			continue;
		hy_list_remove(&user->link);
		hy_map_remove(&t->map, &user->node);
		return user;
	}
	return NULL;
}

void session_user_free(struct session_user *user)
{
	hy_free(user->devices);
	hy_free(user);
}

struct session_device *session_user_find(const struct session_user *user, const char *device)
{
	for (unsigned i = 0; i < user->device_count; i++)
		if (strcmp(user->devices[i].name, device) == 0)
			return &user->devices[i];
	return NULL;
}

static struct session_device *longest_unseen(struct session_user *user)
{
	struct session_device *oldest = &user->devices[0];

	for (unsigned i = 1; i < user->device_count; i++)
		if (user->devices[i].seen_ms < oldest->seen_ms)
			oldest = &user->devices[i];
	return oldest;
}

struct session_device *session_user_device(struct session_user *user, const char *device)
{
	size_t len = strlen(device);
	assert(len <= SESSION_DEVICE_MAX);
	struct session_device *d = session_user_find(user, device);
	if (d)
		return d;
	if (user->device_count < SESSION_DEVICES_MAX) {
		user->devices = hy_realloc(user->devices, (user->device_count + 1) * sizeof *user->devices);
		d = &user->devices[user->device_count++];
	} else {
		d = longest_unseen(user);
	}
	*d = (struct session_device){0};
	memcpy(d->name, device, len);
	return d;
}

void session_user_drop(struct session_user *user, const char *device)
{
	struct session_device *d = session_user_find(user, device);

	if (d)
		*d = user->devices[--user->device_count];
}

void session_user_keep(struct session_user *user, const char *device)
{
	const struct session_device *d = session_user_find(user, device);

	if (d)
		user->devices[0] = *d;
	user->device_count = d ? 1 : 0;
}
