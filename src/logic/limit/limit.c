#include "logic/limit/limit.h"

#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"
#include "limit.rpc.h"
#include "logic/limit/limit_table.h"

#define ENTRIES_MAX (1u << 18)
#define SAY_PAUSE_US (60ull * 1000 * 1000)

/** What was said in the log of one kind of refusals. */
struct said {
	uint64_t at_us; /* 0: nothing yet */
	uint64_t since; /* refusals since then */
};

struct limit_loop {
	struct limit_table table;
	struct said said[LIMIT_ACTIONS];
};

struct limit {
	struct limit_config config;
	uint64_t seed;
	unsigned loop_count;
	struct limit_loop *loops;
};

static const struct kind {
	const char *name, *sentence; /* for the log; for people, before the time to come back */
	enum mon_id refused;
	bool of_user;
} kinds[LIMIT_ACTIONS] = {
	[HY__LIMIT_ACTION__LIMIT_SEND] = {"send", "you are sending too fast", MON_limited_sends, true},
	[HY__LIMIT_ACTION__LIMIT_SEARCH] = {"search", "you have searched a lot", MON_limited_searches, true},
	[HY__LIMIT_ACTION__LIMIT_ASK] = {"ask", "you have made many contact requests", MON_limited_asks, true},
	[HY__LIMIT_ACTION__LIMIT_CHANGE] = {"change", "you have changed a lot", MON_limited_changes, true},
	[HY__LIMIT_ACTION__LIMIT_REGISTER_ADDRESS] = {"register", "many accounts were made in your network",
		MON_limited_registrations, false},
	[HY__LIMIT_ACTION__LIMIT_SIGN_IN_ADDRESS] = {"sign-in", "there were many sign-ins in your network",
		MON_limited_sign_ins, false},
	[HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_NAME_ADDRESS] = {"guess-address",
		"there were many wrong passwords for this name", MON_limited_sign_ins, false},
	[HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_NAME] = {"guess-name", "there were many wrong passwords for this name",
		MON_limited_sign_ins, false},
	[HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_DEVICE] = {"guess-device",
		"there were many wrong passwords for this name", MON_limited_sign_ins, false},
};

/** The first of its kind, then one line a minute: a flood of requests is no flood of lines. */
static void say(struct limit_loop *l, struct call *call, unsigned action, const char *whose)
{
	struct said *said = &l->said[action];
	uint64_t now_us = svr_now_us(call->loop);

	if (said->at_us != 0 && now_us - said->at_us < SAY_PAUSE_US) {
		said->since++;
		return;
	}
	call_log(call, ENV_LOG_WARN, "limit", "--limit-%s refuses %s; %llu more like it since the last such line",
		kinds[action].name, whose, (unsigned long long)said->since);
	*said = (struct said){HY_MAX(now_us, UINT64_C(1)), 0};
}

static int refuse(struct limit_loop *l, struct call *call, unsigned action, const char *whose, uint64_t wait_us)
{
	uint64_t wait_ms = HY_MIN((wait_us + 999) / 1000, (uint64_t)UINT32_MAX), wait_s = (wait_ms + 999) / 1000;
	bool minutes = wait_s >= 120;

	call_count(call, kinds[action].refused, 1);
	say(l, call, action, whose);
	if (wait_s <= 1)
		return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, (uint32_t)wait_ms, "%s: try again in a moment",
			kinds[action].sentence);
	return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, (uint32_t)wait_ms, "%s: try again in %llu %s",
		kinds[action].sentence, (unsigned long long)(minutes ? (wait_s + 59) / 60 : wait_s),
		minutes ? "minutes" : "seconds");
}

static enum limit_verb verb_of(bool look, bool give_back)
{
	return give_back ? LIMIT_GIVE_BACK : look ? LIMIT_LOOK : LIMIT_TAKE;
}

static bool is_action(unsigned action, bool of_user)
{
	return action < LIMIT_ACTIONS && kinds[action].name && kinds[action].of_user == of_user;
}

/** Whether it is to be refused, after *ret_wait_us again. */
static bool is_over(struct limit *limit, struct call *call, unsigned action, struct hy_bytes key, enum limit_verb verb,
	uint64_t *ret_wait_us)
{
	const struct hy_rate *rate = &limit->config.rates[action];
	bool dropped;

	if (rate->interval_us == 0)
		return false;
	uint64_t hash = hy_hash(key.data, key.len, limit->seed + action);
	bool fits = limit_table_do(&limit->loops[svr_loop_index(call->loop)].table, hash, rate, svr_now_us(call->loop),
		verb, ret_wait_us, &dropped);
	if (dropped)
		call_count(call, MON_limits_forgotten, 1);
	return !fits;
}

static int take_user(
	void *self, struct call *call, const Hy__LimitTakeUserRequest *request, Hy__LimitTakeResponse *response)
{
	struct limit *limit = self;
	unsigned action = (unsigned)request->action;
	uint64_t wait_us;
	char whose[32];

	if (!is_action(action, true))
		return call_fail(call, HY_INVALID_ARGUMENT, "no limit of users has the number %u", action);
	if (!is_over(limit, call, action, hy_bytes(&request->uin, sizeof request->uin),
		    verb_of(request->look, request->give_back), &wait_us))
		return HY_OK;
	snprintf(whose, sizeof whose, "user %u", request->uin);
	return refuse(&limit->loops[svr_loop_index(call->loop)], call, action, whose, wait_us);
}

static int take_key(
	void *self, struct call *call, const Hy__LimitTakeKeyRequest *request, Hy__LimitTakeResponse *response)
{
	struct limit *limit = self;
	unsigned action = (unsigned)request->action;
	uint64_t wait_us;

	if (!is_action(action, false))
		return call_fail(call, HY_INVALID_ARGUMENT, "no limit of names has the number %u", action);
	if (!is_over(limit, call, action, hy_bytes(request->key, strlen(request->key)),
		    verb_of(request->look, request->give_back), &wait_us))
		return HY_OK;
	return refuse(&limit->loops[svr_loop_index(call->loop)], call, action, request->key, wait_us);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static const struct limit_handlers handlers = {.take_user = take_user, .take_key = take_key};

struct limit_config limit_config_default(void)
{
	struct limit_config config = {.entries_max = 0};
	bool fits = true;
#define X(action, preset, name, of) fits &= hy_rate_parse(preset, &config.rates[HY__LIMIT_ACTION__LIMIT_##action]);
	LIMIT_MAP(X)
#undef X
	assert(fits);
	return config;
}

int limit_create(struct svr *svr, const struct limit_config *config, struct limit **ret_limit)
{
	struct limit *limit = hy_zalloc(sizeof *limit);

	limit->config = *config;
	limit->seed = env_rand64(svr_env(svr));
	limit->loop_count = svr_loop_count(svr);
	limit->loops = hy_zalloc(limit->loop_count * sizeof *limit->loops);
	for (unsigned i = 0; i < limit->loop_count; i++)
		limit_table_init(&limit->loops[i].table, config->entries_max ? config->entries_max : ENTRIES_MAX);
	rpc_add_service(svr, &limit_service, &handlers, limit);
	*ret_limit = limit;
	return HY_OK;
}

void limit_destroy(struct limit *limit)
{
	if (!limit)
		return;
	for (unsigned i = 0; i < limit->loop_count; i++)
		limit_table_fini(&limit->loops[i].table);
	hy_free(limit->loops);
	hy_free(limit);
}
