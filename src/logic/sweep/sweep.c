#include "logic/sweep/sweep.h"

#include "account.rpc.h"
#include "base/mem.h"
#include "contacts.rpc.h"
#include "deletion.rpc.h"
#include "session.rpc.h"

#define FIRST_DEFAULT_MS 1000u
#define PAUSE_DEFAULT_MS (3600u * 1000)
#define STEP_DEFAULT_MS 20u
#define PAGE_USERS 1000u
/** Users looked after in one step: it may wait for the disk for each of them. */
#define STEP_USERS 16u

/** A user for whom there may be something to do. */
struct due {
	uint32_t uin;
	bool ages, unsettled;
	uint64_t tombstones;
};

struct sweep {
	struct svr *svr;
	struct svr_loop *loop;
	struct sweep_config config;
	struct env_timer timer;
	struct svr_turn_hook on_stop;
	bool stopping;
	bool users_known; /* a round has counted them, and nobody came or went meanwhile */
	/* the round */
	uint64_t trace;
	uint8_t after[HY_KEY_MAX]; /* the key that the last page ended with */
	size_t after_len;
	bool last_page;
	uint64_t users, looked_after, failed;
	uint64_t registered, deleted; /* the counters at its start */
	struct due due[PAGE_USERS];
	size_t due_count, due_next;
};

static void begin_round(struct sweep *sweep)
{
	sweep->trace = env_rand64(svr_env(sweep->svr));
	sweep->after_len = 0;
	sweep->last_page = false;
	sweep->users = sweep->looked_after = sweep->failed = 0;
	sweep->due_count = sweep->due_next = 0;
}

/* ---- one page ---------------------------------------------------------------------------------------------------- */

static void take_user(struct sweep *sweep, const Hy__AccountListedUser *user)
{
	struct due due = {.uin = user->uin,
		.ages = user->inbox_rows > 0 || user->tombstones > 0,
		.unsettled = user->intents > 0,
		.tombstones = user->tombstones};

	if (!user->gone)
		sweep->users++;
	if (due.ages || due.unsettled)
		sweep->due[sweep->due_count++] = due;
}

static void note_counters(struct sweep *sweep)
{
	struct mon *mon = svr_mon(sweep->svr);

	sweep->registered = mon_get(mon, MON_registered);
	sweep->deleted = mon_get(mon, MON_deleted);
}

/** SUSPENDS. */
static int read_page(struct sweep *sweep, struct call *call)
{
	Hy__AccountListUsersRequest request = HY__ACCOUNT_LIST_USERS_REQUEST__INIT;
	Hy__AccountListUsersResponse page = HY__ACCOUNT_LIST_USERS_RESPONSE__INIT;

	request.after = (ProtobufCBinaryData){sweep->after_len, sweep->after};
	request.limit = PAGE_USERS;
	if (sweep->after_len == 0)
		note_counters(sweep);
	int rc = account_list_users(call, &request, &page);
	if (rc != HY_OK)
		return rc;
	assert(page.n_users <= PAGE_USERS && page.next.len <= sizeof sweep->after);
	sweep->due_count = sweep->due_next = 0;
	for (size_t i = 0; i < page.n_users; i++)
		take_user(sweep, page.users[i]);
	sweep->last_page = !page.more;
	sweep->after_len = page.next.len;
	if (page.next.len > 0)
		memcpy(sweep->after, page.next.data, page.next.len);
	return HY_OK;
}

/* ---- one user ---------------------------------------------------------------------------------------------------- */

/** SUSPENDS. */
static int settle(struct call *call, uint32_t uin)
{
	Hy__ContactsSettleRequest request = HY__CONTACTS_SETTLE_REQUEST__INIT;
	Hy__ContactsSettleResponse response = HY__CONTACTS_SETTLE_RESPONSE__INIT;

	request.uin = uin;
	int rc = contacts_settle(call, &request, &response);
	if (rc == HY_OK && response.left == 0)
		env_mark(svr_env(svr_of_loop(call->loop)), "sweep: contacts were told");
	return rc;
}

/** What a crash, or a failure, has cut short. A deletion takes the time that it needs. SUSPENDS. */
static int carry_on(struct call *call, uint32_t uin)
{
	Hy__DeletionGoOnRequest request = HY__DELETION_GO_ON_REQUEST__INIT;
	Hy__DeletionGoOnResponse response = HY__DELETION_GO_ON_RESPONSE__INIT;
	struct call own = *call;

	request.uin = uin;
	own.deadline_us = UINT64_MAX; /* so that the method's own counts */
	int rc = deletion_go_on(&own, &request, &response);
	return rc == HY_OK && !response.begun ? settle(call, uin) : rc;
}

/** SUSPENDS. */
static int look_after(struct call *call, const struct due *due)
{
	Hy__SessionAgeRequest age = HY__SESSION_AGE_REQUEST__INIT;
	Hy__SessionAgeResponse aged = HY__SESSION_AGE_RESPONSE__INIT;

	age.uin = due->uin;
	age.tombstones = due->tombstones;
	int carrying = due->unsettled ? carry_on(call, due->uin) : HY_OK;
	int aging = due->ages ? session_age(call, &age, &aged) : HY_OK;
	return carrying != HY_OK ? carrying : aging;
}

static struct call call_of(const struct sweep *sweep, struct hy_arena *arena)
{
	return (struct call){
		.loop = sweep->loop,
		.arena = arena,
		.trace = sweep->trace,
		.deadline_us = svr_now_us(sweep->loop) + SVR_DEADLINE_DEFAULT_MS * 1000ull,
		.priority = 7,
	};
}

/** One user's trouble is no reason to leave out the next (R8). SUSPENDS. */
static void look_after_some(struct sweep *sweep)
{
	for (unsigned i = 0; i < STEP_USERS && sweep->due_next < sweep->due_count; i++) {
		if (co_cancelled(co_running(sweep->loop)))
			return;
		const struct due *due = &sweep->due[sweep->due_next++];
		struct hy_arena arena;
		struct call call = call_of(sweep, &arena);

		hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
		int rc = look_after(&call, due);
		sweep->looked_after++;
		if (rc != HY_OK && sweep->failed++ == 0)
			call_log(&call, ENV_LOG_WARN, "sweep", "user %u could not be looked after: %s", due->uin,
				hy_status_name(rc));
		hy_arena_fini(&arena);
	}
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

/**
 * Who came or went during the round may be counted in it or not, since users are met in no order of time: then a gauge
 * that was right goes on as it is, and one that was not is nearer to what it should be.
 */
static void correct_gauge(struct sweep *sweep, struct mon *mon)
{
	uint64_t came = mon_get(mon, MON_registered) - sweep->registered;
	uint64_t went = mon_get(mon, MON_deleted) - sweep->deleted;
	bool exact = came == 0 && went == 0;

	if (exact || !sweep->users_known)
		mon_set_sum(mon, svr_loop_index(sweep->loop), MON_users,
			sweep->users + came - HY_MIN(went, sweep->users + came));
	sweep->users_known |= exact;
}

static void end_round(struct sweep *sweep, const struct call *call)
{
	struct mon *mon = svr_mon(sweep->svr);

	correct_gauge(sweep, mon);
	mon_add(mon, svr_loop_index(sweep->loop), MON_sweeps, 1);
	mon_add(mon, svr_loop_index(sweep->loop), MON_sweep_failures, sweep->failed);
	call_log(call, sweep->failed ? ENV_LOG_WARN : ENV_LOG_DEBUG, "sweep",
		"a round over %llu users: %llu looked after, %llu of them in vain", (unsigned long long)sweep->users,
		(unsigned long long)sweep->looked_after, (unsigned long long)sweep->failed);
	begin_round(sweep);
}

static void step(void *arg)
{
	struct sweep *sweep = arg;
	uint64_t wait_ms = sweep->config.step_ms;
	struct hy_arena arena;
	struct call call = call_of(sweep, &arena);

	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	if (sweep->due_next < sweep->due_count) {
		look_after_some(sweep);
	} else if (sweep->last_page) {
		end_round(sweep, &call);
		wait_ms = sweep->config.pause_ms;
	} else {
		int rc = read_page(sweep, &call);
		if (rc != HY_OK) { /* the same page again, later */
			call_log(&call, ENV_LOG_WARN, "sweep", "users could not be listed: %s", hy_status_name(rc));
			wait_ms = sweep->config.first_ms;
		}
	}
	hy_arena_fini(&arena);
	/* a step that was begun just before the end outlives it */
	if (!sweep->stopping)
		env_timer_set(svr_loop_env(sweep->loop), &sweep->timer, svr_now_us(sweep->loop) + wait_ms * 1000);
}

static void on_timer(struct env_timer *timer)
{
	struct sweep *sweep = hy_container_of(timer, struct sweep, timer);
	co_spawn(sweep->loop, step, sweep);
}

static void on_stop(struct svr_turn_hook *hook)
{
	struct sweep *sweep = hy_container_of(hook, struct sweep, on_stop);
	sweep->stopping = true;
	env_timer_cancel(svr_loop_env(sweep->loop), &sweep->timer);
}

int sweep_create(struct svr *svr, const struct sweep_config *config, struct sweep **ret_sweep)
{
	struct sweep *sweep = hy_zalloc(sizeof *sweep);

	sweep->svr = svr;
	sweep->loop = svr_loop_at(svr, 0);
	sweep->config = *config;
	if (sweep->config.first_ms == 0)
		sweep->config.first_ms = FIRST_DEFAULT_MS;
	if (sweep->config.pause_ms == 0)
		sweep->config.pause_ms = PAUSE_DEFAULT_MS;
	if (sweep->config.step_ms == 0)
		sweep->config.step_ms = STEP_DEFAULT_MS;
	begin_round(sweep);
	sweep->timer.fn = on_timer;
	sweep->on_stop.fn = on_stop;
	svr_loop_on_stop(sweep->loop, &sweep->on_stop);
	env_timer_set(
		svr_loop_env(sweep->loop), &sweep->timer, env_mono_us(svr_env(svr)) + sweep->config.first_ms * 1000);
	*ret_sweep = sweep;
	return HY_OK;
}

void sweep_destroy(struct sweep *sweep)
{
	hy_free(sweep);
}
