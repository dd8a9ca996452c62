/* At the end, when nobody is at work any more: what stands in the server's own rows of contacts. */
#include "base/mem.h"
#include "contact.rpc.h"
#include "svrkit/svr.h"
#include "world.h"

#define DEADLINE_US (10 * SEC)

struct half {
	bool there, wishes;
	uint64_t generation, lapsed;
};

struct check {
	struct world *world;
	struct svr *svr;
	struct env_inbox *inbox; /* of who waits */
	struct env_msg begin, done;
	struct half mine[USERS_MAX][USERS_MAX], theirs[USERS_MAX][USERS_MAX];
};

static struct half half_of(const Hy__ContactHalf *h)
{
	return h && h->generation ? (struct half){true, h->wishes, h->generation, h->lapsed} : (struct half){0};
}

static unsigned user_by_uin(const struct world *w, uint32_t uin)
{
	unsigned u = 0;
	while (u < w->user_count && w->users[u].uin != uin)
		u++;
	return u;
}

static void read_rows(struct check *c, struct call *call, unsigned user)
{
	struct world *w = c->world;
	Hy__ContactListRequest request = HY__CONTACT_LIST_REQUEST__INIT;
	Hy__ContactListResponse list = HY__CONTACT_LIST_RESPONSE__INIT;
	Hy__ContactIntentsRequest intents_request = HY__CONTACT_INTENTS_REQUEST__INIT;
	Hy__ContactIntentsResponse intents = HY__CONTACT_INTENTS_RESPONSE__INIT;
	request.uin = intents_request.uin = w->users[user].uin;
	int rc = contact_list(call, &request, &list);
	if (rc == HY_OK)
		rc = contact_intents(call, &intents_request, &intents);
	if (rc != HY_OK)
		world_fail(w, "the rows of %s cannot be read: %s", w->users[user].name, hy_status_name(rc));
	for (size_t i = 0; i < list.n_contacts; i++) {
		unsigned peer = user_by_uin(w, list.contacts[i]->peer);
		if (peer == w->user_count) {
			world_fail(w, "%s has a row of nobody: %u", w->users[user].name, list.contacts[i]->peer);
			return;
		}
		c->mine[user][peer] = half_of(list.contacts[i]->mine);
		c->theirs[user][peer] = half_of(list.contacts[i]->theirs);
	}
	if (intents.n_intents)
		world_fail(
			w, "%s has still something to tell, to user %u", w->users[user].name, intents.intents[0]->peer);
}

static void compare(struct check *c, unsigned user, unsigned peer)
{
	const struct half *mine = &c->mine[user][peer], *copy = &c->theirs[peer][user];
	bool same = mine->there == copy->there && mine->wishes == copy->wishes &&
		    mine->generation == copy->generation && mine->lapsed == copy->lapsed;
	if (!same)
		world_fail(c->world, "the half of %s about %s is not what %s has of it: generations %llu and %llu",
			c->world->users[user].name, c->world->users[peer].name, c->world->users[peer].name,
			(unsigned long long)mine->generation, (unsigned long long)copy->generation);
}

static void check_all(void *arg)
{
	struct check *c = arg;
	struct svr_loop *loop = svr_loop_at(c->svr, 0);
	unsigned users = c->world->user_count;
	struct hy_arena arena;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	struct call call = {.loop = loop, .arena = &arena, .deadline_us = svr_now_us(loop) + DEADLINE_US};
	for (unsigned u = 0; u < users; u++)
		read_rows(c, &call, u);
	for (unsigned u = 0; u < users; u++)
		for (unsigned p = 0; p < users; p++)
			compare(c, u, p);
	hy_arena_fini(&arena);
	env_inbox_post(c->inbox, &c->done);
}

static void begin(struct env_msg *msg)
{
	struct check *c = hy_container_of(msg, struct check, begin);
	co_spawn(svr_loop_at(c->svr, 0), check_all, c);
}

void server_rows_check(struct world *w, struct env *env, struct server *server)
{
	struct check *c = hy_zalloc(sizeof *c);
	c->world = w;
	c->svr = server_svr(server);
	c->begin.fn = begin;
	c->inbox = env_inbox_create(env);
	env_inbox_post(env_loop_inbox(svr_loop_env(svr_loop_at(c->svr, 0))), &c->begin);
	struct env_msg *answer = env_inbox_take(c->inbox, UINT64_MAX);
	assert(answer == &c->done);
	env_inbox_destroy(c->inbox);
	hy_free(c);
}
