/*
 * link_test.c - a client that is signed in, over links that come and go: what order its changes have, which ticket a
 * refusal speaks of, when it falls back to the short link and when it returns. In simulated time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth.pb-c.h"
#include "base/buf.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "hongyan_loop.h"
#include "mars_frame.h"
#include "profile.pb-c.h"

#define SEC 1000000ull
#define SEEDS 20u
#define LANDED_MAX 64u
#define STEPS_MAX 4u
#define ANN 1u
#define BOB 7u

struct world;
struct conn;

struct request {
	const char *path; /* "/cgi-bin/..." */
	const Hy__RequestHead *head;
	const uint8_t *body;
	size_t len;
	bool by_long_link;
};

/** What is to be done with a request that is neither Identify nor Sync. */
struct answer {
	bool hang_up, say_nothing;
	uint32_t code;
	uint64_t after_us;
};

struct scenario {
	bool short_links_only;
	/** Told of each request; may be NULL: it is answered. */
	struct answer (*decide)(struct world *w, const struct request *r);
	/** What happens to the client, and when. */
	struct {
		uint64_t at_us;
		void (*fn)(struct world *w);
	} steps[STEPS_MAX];
};

struct world {
	const struct scenario *scenario;
	struct sim *sim;
	uint64_t began_us;
	/* the server */
	struct env_loop *server_loop;
	struct env_sock listening;
	bool down, no_long_links, flaky;
	unsigned long_tries, requests;
	uint64_t short_answer_us; /* the first one since it was set to 0 */
	struct landed {
		uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
		bool by_long_link;
	} landed[LANDED_MAX];
	unsigned landed_count;
	uint8_t first_id[HONGYAN_CLIENT_ID_SIZE];
	unsigned may_write;
	/* the client */
	struct env_loop *client_loop;
	struct hongyan *client;
	struct step {
		struct env_timer timer;
		struct world *world;
		unsigned i;
	} steps[STEPS_MAX];
	unsigned change; /* which of the pairs */
	struct done {
		struct world *world;
		int status; /* -1: not done */
		uint64_t at_us;
		unsigned nth; /* of all that are done */
	} done[4];
	unsigned done_count, signed_out;
	uint64_t online_us; /* since when; 0: is not */
};

static void must(bool fine)
{
	if (!fine)
		abort(); /* cmocka cannot jump out of a fiber */
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

struct conn {
	struct env_sock sock;
	struct world *world;
	struct hy_buf in;
	bool is_long;
	/* an answer that is late */
	struct env_timer timer;
	uint32_t cmd, seq, code;
};

/** Every answer can be read as one that has nothing but a head. */
static void send_answer(struct conn *c, uint32_t cmd, uint32_t seq, uint32_t code)
{
	Hy__HeadOnly response = HY__HEAD_ONLY__INIT;
	Hy__ResponseHead head = HY__RESPONSE_HEAD__INIT;
	uint8_t packed[64], frame_head[MARS_HEAD];
	char text[128];
	head.code = code;
	response.head = &head;
	size_t len = hy__head_only__pack(&response, packed);
	mars_write_head(frame_head, MARS_VERSION, cmd, seq, (uint32_t)len);
	int text_len = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
	struct iovec head_iov =
		c->is_long ? (struct iovec){frame_head, sizeof frame_head} : (struct iovec){text, (size_t)text_len};
	env_sendv(&c->sock, (struct iovec[]){head_iov, {packed, len}}, 2);
	if (!c->is_long && c->world->short_answer_us == 0)
		c->world->short_answer_us = sim_now_us(c->world->sim);
}

static void hang_up(struct conn *c)
{
	env_timer_cancel(c->world->server_loop, &c->timer);
	env_sock_close(&c->sock);
}

static void on_late(struct env_timer *timer)
{
	struct conn *c = hy_container_of(timer, struct conn, timer);
	send_answer(c, c->cmd, c->seq, c->code);
}

static void note_landed(struct world *w, const struct request *r)
{
	must(w->landed_count < LANDED_MAX);
	struct landed *l = &w->landed[w->landed_count++];
	memcpy(l->client_id, r->head->client_id.data, r->head->client_id.len);
	l->by_long_link = r->by_long_link;
	if (strcmp(r->path, "/cgi-bin/update-settings") != 0)
		return;
	Hy__UpdateSettingsRequest *settings = hy__update_settings_request__unpack(NULL, r->len, r->body);
	w->may_write = settings->may_write;
	hy__update_settings_request__free_unpacked(settings, NULL);
}

static void on_request(struct conn *c, const char *path, uint32_t cmd, uint32_t seq, const uint8_t *body, size_t len)
{
	struct world *w = c->world;
	Hy__SignOutRequest *any = hy__sign_out_request__unpack(NULL, len, body);
	must(any && any->head);
	struct request r = {path, any->head, body, len, c->is_long};
	bool of_its_own = cmd == 104 || strcmp(path, "/cgi-bin/sync") == 0;
	struct answer a = {0};
	if (!of_its_own && w->scenario->decide)
		a = w->scenario->decide(w, &r);
	if (!of_its_own && w->requests++ == 0)
		memcpy(w->first_id, any->head->client_id.data, any->head->client_id.len);
	if (!of_its_own && !a.hang_up && !a.say_nothing && a.code == HONGYAN_OK)
		note_landed(w, &r);
	hy__sign_out_request__free_unpacked(any, NULL);
	c->cmd = cmd;
	c->seq = seq;
	c->code = a.code;
	c->timer.fn = on_late;
	if (a.hang_up)
		hang_up(c);
	else if (a.after_us)
		env_timer_set(w->server_loop, &c->timer, env_loop_now_us(w->server_loop) + a.after_us);
	else if (!a.say_nothing)
		send_answer(c, cmd, seq, a.code);
}

static void parse_http(struct conn *c)
{
	*hy_buf_reserve(&c->in, 1) = '\0'; /* a head is text; a body's zeros are behind it */
	char *text = (char *)hy_buf_data(&c->in), path[64];
	char *length = strstr(text, "Content-Length: "), *body = length ? strstr(length, "\r\n\r\n") : NULL;
	if (!body || sscanf(text, "POST %63s", path) != 1)
		return;
	size_t want = strtoul(length + 16, NULL, 10), have = hy_buf_len(&c->in) - (size_t)(body + 4 - text);
	if (have == want)
		on_request(c, path, 0, 0, (uint8_t *)body + 4, want);
}

static void parse_frames(struct conn *c)
{
	struct mars_frame f;
	while (mars_parse(hy_buf_bytes(&c->in), MARS_FRAME_MAX, &f) == MARS_WHOLE) {
		uint8_t noop[MARS_HEAD];
		mars_write_head(noop, MARS_VERSION, MARS_CMD_NOOP, MARS_SEQ_NOOP, 0);
		if (f.cmd == MARS_CMD_NOOP)
			env_sendv(&c->sock, &(struct iovec){noop, sizeof noop}, 1);
		else
			on_request(c, f.cmd == 111 ? "/cgi-bin/sync" : "", f.cmd, f.seq, f.body.data, f.body.len);
		hy_buf_consume(&c->in, f.size);
	}
}

static void on_conn_event(struct env_sock *sock, unsigned events)
{
	struct conn *c = hy_container_of(sock, struct conn, sock);
	struct world *w = c->world;
	ssize_t n;
	while ((n = env_recv(sock, hy_buf_reserve(&c->in, 4096), 4096)) > 0)
		hy_buf_commit(&c->in, (size_t)n);
	if (n != -EAGAIN) {
		hang_up(c);
		return;
	}
	if (hy_buf_len(&c->in) == 0)
		return;
	if (hy_buf_data(&c->in)[0] != 'P' && !c->is_long) {
		c->is_long = true;
		w->long_tries++;
	}
	bool flaked = w->flaky && !c->is_long && sim_now_us(w->sim) / (3 * SEC) % 2;
	if (w->down || flaked || (c->is_long && w->no_long_links))
		hang_up(c);
	else if (c->is_long)
		parse_frames(c);
	else
		parse_http(c);
}

static void on_accept(struct env_sock *sock, unsigned events)
{
	struct world *w = hy_container_of(sock, struct world, listening);
	for (;;) {
		struct conn *c = hy_zalloc(sizeof *c);
		struct env_addr peer;
		c->world = w;
		c->sock.on_event = on_conn_event;
		if (env_accept(sock, &c->sock, &peer) != 0) {
			hy_free(c);
			return;
		}
	}
}

static void server_main(struct env *env, void *arg)
{
	struct world *w = arg;
	struct env_addr addr;
	struct env_listener *listener;
	must(env_addr_parse("10.0.0.1:7600", &addr) == 0);
	must(env_loop_create(env, &(struct env_loop_config){.name = "server"}, &w->server_loop) == 0);
	must(env_listen(env, &addr, &listener) == 0);
	w->listening = (struct env_sock){.on_event = on_accept};
	must(env_listener_attach(listener, w->server_loop, &w->listening) == 0);
	must(env_loop_start(w->server_loop) == 0);
	env_wait_terminate(env);
}

/* ---- the client -------------------------------------------------------------------------------------------------- */

static void on_done(void *arg, int status, const char *why)
{
	struct done *d = arg;
	must(d->status == -1);
	d->status = status;
	d->at_us = sim_now_us(d->world->sim) - d->world->began_us;
	d->nth = d->world->done_count++;
}

static void on_found(void *arg, int status, const char *why, const struct hongyan_profile *profile)
{
	on_done(arg, status, why);
}

static void on_signed_out(void *arg, const char *why)
{
	((struct world *)arg)->signed_out++;
}

static void on_state(void *arg, enum hongyan_state state)
{
	struct world *w = arg;
	w->online_us = state == HONGYAN_ONLINE ? sim_now_us(w->sim) : 0;
}

static void on_step(struct env_timer *timer)
{
	struct step *s = hy_container_of(timer, struct step, timer);
	s->world->scenario->steps[s->i].fn(s->world);
}

static void client_main(struct env *env, void *arg)
{
	struct world *w = arg;
	struct hongyan_config config = {.server = "10.0.0.1:7600",
		.device = "d",
		.short_links_only = w->scenario->short_links_only,
		.events = {.on_signed_out = on_signed_out, .on_state = on_state},
		.arg = w};
	must(env_loop_create(env, &(struct env_loop_config){.name = "client"}, &w->client_loop) == 0);
	must(hongyan_create_on_loop(w->client_loop, &config, &w->client) == HONGYAN_OK);
	hongyan_resume(w->client, ANN, "old", 3, NULL, 0);
	for (unsigned i = 0; i < STEPS_MAX && w->scenario->steps[i].fn; i++) {
		w->steps[i] = (struct step){.timer.fn = on_step, .world = w, .i = i};
		env_timer_set(w->client_loop, &w->steps[i].timer,
			env_loop_now_us(w->client_loop) + w->scenario->steps[i].at_us);
	}
	must(env_loop_start(w->client_loop) == 0);
	env_wait_terminate(env);
}

static bool never(void *arg)
{
	return false;
}

static void world_run(struct world *w, const struct scenario *scenario, uint64_t seed, uint64_t us)
{
	w->scenario = scenario;
	w->sim = sim_create(seed);
	for (size_t i = 0; i < HY_COUNT_OF(w->done); i++)
		w->done[i] = (struct done){.world = w, .status = -1};
	sim_machine_start(sim_machine_create(w->sim, "server", "10.0.0.1"), server_main, w);
	sim_machine_start(sim_machine_create(w->sim, "client", "10.0.0.2"), client_main, w);
	w->began_us = sim_now_us(w->sim);
	sim_run(w->sim, w->began_us + us, never, w);
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

static void settings(struct world *w, enum hongyan_who who, struct done *d)
{
	hongyan_update_settings(w->client, &(struct hongyan_settings){.may_write = who}, on_done, d);
}

static void profile(struct world *w, const char *nickname, struct done *d)
{
	hongyan_update_profile(w->client, &(struct hongyan_profile){.nickname = nickname}, on_done, d);
}

static void ask_first(struct world *w)
{
	struct done *d = &w->done[0];
	switch (w->change) {
	case 0:
		settings(w, HONGYAN_WHO_ANYONE, d);
		return;
	case 1:
		profile(w, "one", d);
		return;
	case 2:
		hongyan_change_contact(w->client, BOB, HONGYAN_BLOCK, on_done, d);
		return;
	case 3:
		hongyan_change_contact(w->client, BOB, HONGYAN_DELETE, on_done, d);
		return;
	case 4:
		hongyan_set_remark(w->client, BOB, "one", on_done, d);
		return;
	case 5:
		hongyan_request_contact(w->client, BOB, "", "", on_done, d);
		return;
	default:
		hongyan_change_password(w->client, "a good password", "another password", on_done, d);
		return;
	}
}

static void ask_second(struct world *w)
{
	struct done *d = &w->done[1];
	switch (w->change) {
	case 0:
		settings(w, HONGYAN_WHO_NOBODY, d);
		return;
	case 1:
		profile(w, "two", d);
		return;
	case 2:
		hongyan_change_contact(w->client, BOB, HONGYAN_UNBLOCK, on_done, d);
		return;
	case 3:
		hongyan_change_contact(w->client, BOB, HONGYAN_RESTORE, on_done, d);
		return;
	case 4:
		hongyan_set_remark(w->client, BOB, "two", on_done, d);
		return;
	case 5:
		hongyan_change_contact(w->client, BOB, HONGYAN_DELETE, on_done, d);
		return;
	default:
		hongyan_sign_out_device(w->client, NULL, on_done, d);
		return;
	}
}
#define CHANGES 7u

static void ask_other(struct world *w)
{
	hongyan_change_contact(w->client, BOB + 1, HONGYAN_BLOCK, on_done, &w->done[2]);
}

static struct answer cut_first(struct world *w, const struct request *r)
{
	return (struct answer){.hang_up = w->requests == 0};
}

static struct answer ignore_bob(struct world *w, const struct request *r)
{
	return (struct answer){
		.say_nothing = w->requests == 0 || memcmp(r->head->client_id.data, w->first_id, 16) == 0};
}

static struct answer ignore_all(struct world *w, const struct request *r)
{
	return (struct answer){.say_nothing = true};
}

static void test_order(void **state)
{
	static const struct scenario scenarios[] = {
		{.short_links_only = true,
			.decide = cut_first,
			.steps = {{2 * SEC, ask_first}, {2 * SEC + 30000, ask_second}}},
		{.decide = cut_first, .steps = {{2 * SEC, ask_first}, {2 * SEC + 30000, ask_second}}},
	};
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		for (unsigned change = 0; change < CHANGES; change++) {
			struct world w = {.change = change};
			world_run(&w, &scenarios[seed % 2], seed, 40 * SEC);
			assert_int_equal(w.done[0].status, HONGYAN_OK);
			assert_int_equal(w.done[1].status, HONGYAN_OK);
			assert_int_equal(w.done[0].nth, 0);
			assert_int_equal(w.landed_count, 2);
			assert_memory_equal(w.landed[0].client_id, w.first_id, sizeof w.first_id);
			if (change == 0 && seed % 2 == 1)
				assert_true(w.may_write != HONGYAN_WHO_ANYONE);
			sim_destroy(w.sim);
		}
	}
}

static void test_others_do_not_wait(void **state)
{
	static const struct scenario scenario = {.decide = ignore_bob,
		.steps = {{2 * SEC, ask_first}, {2 * SEC + 30000, ask_second}, {2 * SEC + 60000, ask_other}}};
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world w = {.change = 2};
		world_run(&w, &scenario, seed, 120 * SEC);
		assert_int_equal(w.done[2].status, HONGYAN_OK);
		assert_in_range(w.done[2].at_us, 2 * SEC, 5 * SEC);
		/* The first has its minute, and the second what is then left of its own. */
		assert_int_equal(w.done[0].status, HONGYAN_DEADLINE_EXCEEDED);
		assert_in_range(w.done[0].at_us, 62 * SEC, 63 * SEC);
		assert_in_range(w.done[1].at_us, 62 * SEC, 63 * SEC);
		sim_destroy(w.sim);
	}
}

static void test_a_minute_for_all(void **state)
{
	static const struct scenario scenario = {
		.decide = ignore_all, .steps = {{2 * SEC, ask_first}, {32 * SEC, ask_second}}};
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world w = {.change = 0};
		world_run(&w, &scenario, seed, 150 * SEC);
		assert_int_equal(w.done[0].status, HONGYAN_DEADLINE_EXCEEDED);
		assert_int_equal(w.done[1].status, HONGYAN_DEADLINE_EXCEEDED);
		assert_in_range(w.done[0].at_us, 62 * SEC, 63 * SEC);
		assert_in_range(w.done[1].at_us, 92 * SEC, 93 * SEC);
		sim_destroy(w.sim);
	}
}

/* ---- tickets ----------------------------------------------------------------------------------------------------- */

static void look_up(struct world *w)
{
	hongyan_lookup(w->client, "bob", on_found, &w->done[0]);
}

static void sign_out(struct world *w)
{
	hongyan_sign_out(w->client, on_done, &w->done[0]);
}

static void other_ticket(struct world *w)
{
	hongyan_resume(w->client, ANN, "new", 3, NULL, 0);
}

static void other_account(struct world *w)
{
	hongyan_resume(w->client, BOB, "new", 3, NULL, 0);
}

/** The old ticket is no longer valid, and that is said late. */
static struct answer refuse_old(struct world *w, const struct request *r)
{
	bool old = r->head->ticket.len == 3 && memcmp(r->head->ticket.data, "old", 3) == 0;
	return (struct answer){.code = old ? HONGYAN_UNAUTHENTICATED : HONGYAN_OK, .after_us = old ? 4 * SEC : 0};
}

static struct answer accept_late(struct world *w, const struct request *r)
{
	return (struct answer){.after_us = 4 * SEC};
}

static const struct ticket_case {
	const char *label;
	struct scenario scenario;
	int status;
} ticket_cases[] = {
	{"a late word about the old ticket is not one about the new",
		{true, refuse_old, {{2 * SEC, look_up}, {4 * SEC, other_ticket}}}, HONGYAN_OK},
	{"what was asked as one account is not done as another",
		{true, refuse_old, {{2 * SEC, look_up}, {4 * SEC, other_account}}}, HONGYAN_UNAUTHENTICATED},
	{"a late sign-out does not end the next sign-in",
		{true, accept_late, {{2 * SEC, sign_out}, {4 * SEC, other_ticket}}}, HONGYAN_UNAUTHENTICATED},
};

static void test_ticket(void **state)
{
	const struct ticket_case *c = *state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world w = {0};
		world_run(&w, &c->scenario, seed, 60 * SEC);
		assert_int_equal(w.done[0].status, c->status);
		assert_int_equal(w.signed_out, 0);
		assert_int_equal(hongyan_state(w.client), HONGYAN_CONNECTING);
		sim_destroy(w.sim);
	}
}

/* ---- falling back, returning ------------------------------------------------------------------------------------- */

static void lose_long_links(struct world *w)
{
	w->no_long_links = true;
	hongyan_set_network(w->client, "proxy");
}

static void look_up_again(struct world *w)
{
	hongyan_lookup(w->client, "bob", on_found, &w->done[1]);
	w->no_long_links = false;
}

static void look_up_at_last(struct world *w)
{
	hongyan_lookup(w->client, "bob", on_found, &w->done[2]);
}

static void test_fall_back_and_return(void **state)
{
	static const struct scenario scenario = {.steps = {{2 * SEC, look_up}, {10 * SEC, lose_long_links},
							 {20 * SEC, look_up_again}, {100 * SEC, look_up_at_last}}};
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		static const bool by_long_link[] = {true, false, true};
		struct world w = {0};
		world_run(&w, &scenario, seed, 110 * SEC);
		assert_int_equal(w.landed_count, 3);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(w.done[i].status, HONGYAN_OK);
			assert_int_equal(w.landed[i].by_long_link, by_long_link[i]);
		}
		assert_in_range(w.done[1].at_us, 20 * SEC, 22 * SEC);
		assert_true(w.online_us > 0);
		sim_destroy(w.sim);
	}
}

static void go_down(struct world *w)
{
	w->down = true;
	hongyan_set_network(w->client, "other");
}

static void come_up(struct world *w)
{
	w->down = false;
	w->short_answer_us = 0;
}

static void test_return_after_an_outage(void **state)
{
	static const struct scenario scenario = {.steps = {{5 * SEC, go_down}, {400 * SEC, come_up}}};
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world w = {0};
		world_run(&w, &scenario, seed, 520 * SEC);
		assert_true(w.online_us > w.began_us + 400 * SEC);
		if (w.short_answer_us > 0 && w.short_answer_us < w.online_us)
			assert_in_range(w.online_us - w.short_answer_us, 0, 4 * SEC);
		sim_destroy(w.sim);
	}
}

static void only_http(struct world *w)
{
	w->no_long_links = true;
	w->long_tries = 0;
	hongyan_set_network(w->client, "proxy");
}

static void only_bad_http(struct world *w)
{
	only_http(w);
	w->flaky = true;
}

static void test_a_proxy_is_left_alone(void **state)
{
	static const struct scenario steady = {.steps = {{5 * SEC, only_http}}},
				     flaky = {.steps = {{5 * SEC, only_bad_http}}};
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world w = {0}, v = {0};
		world_run(&w, &steady, seed, 605 * SEC);
		assert_in_range(w.long_tries, 8, 60);
		sim_destroy(w.sim);
		world_run(&v, &flaky, seed, 605 * SEC);
		assert_in_range(v.long_tries, 8, 80);
		sim_destroy(v.sim);
	}
}

int main(void)
{
#define CASES HY_COUNT_OF(ticket_cases)
	struct CMUnitTest tests[CASES + 6] = {
		{"changes land in the order in which they were asked for", test_order, NULL, NULL, NULL},
		{"what changes something else does not wait", test_others_do_not_wait, NULL, NULL, NULL},
		{"who waits in line hears within the same minute", test_a_minute_for_all, NULL, NULL, NULL},
		{"without a long link by the short one, and back", test_fall_back_and_return, NULL, NULL, NULL},
		{"soon online when an outage is over", test_return_after_an_outage, NULL, NULL, NULL},
		{"where only HTTP comes through the long link keeps to its backoff", test_a_proxy_is_left_alone, NULL,
			NULL, NULL},
	};
	for (size_t i = 0; i < CASES; i++)
		tests[6 + i] = (struct CMUnitTest){.name = ticket_cases[i].label,
			.test_func = test_ticket,
			.initial_state = (void *)(uintptr_t)&ticket_cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
