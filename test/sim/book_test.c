#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/mem.h"
#include "world.h"

#define SENDER 2u

/* Devices 0 and 1 are of user 0; the third one, of user 1, sends him the only text. */
static struct world *make_world(void)
{
	struct world *w = hy_zalloc(sizeof *w);
	w->sim = sim_create(1);
	w->user_count = 2;
	w->device_count = SENDER + 1;
	w->texts_wanted = 1;
	for (unsigned i = 0; i <= SENDER; i++) {
		w->devices[i] = (struct device){.world = w, .index = i, .user = i == SENDER};
		snprintf(w->devices[i].name, sizeof w->devices[i].name, "device%u", i);
	}
	book_signed_in(&w->devices[SENDER], 1001, "ticket", 6);
	return w;
}

static void free_world(struct world *w)
{
	sim_destroy(w->sim);
	hy_free(w);
}

/** Answered, and come to everybody but device 0. */
static void send_text(struct world *w)
{
	static const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE] = {1}, message_id[HONGYAN_MESSAGE_ID_SIZE] = {2};
	unsigned number = book_new_text(&w->devices[SENDER], 0, client_id, 1);
	assert_int_equal(number, 0);
	book_answer(w, number, HY_OK, message_id, NULL);
	w->devices[1].got[number] = w->devices[SENDER].got[number] = 1;
}

/** i: it is signed in; l: it asks to sign out; o: it hears that it is out; t: the text. Words like i0, l1, t. */
static void happen(struct world *w, const char *events)
{
	for (const char *e = events; *e; e++) {
		struct device *d = &w->devices[e[1] == '1'];
		if (*e == 'i')
			book_signed_in(d, 1000, "ticket", 6);
		else if (*e == 'l')
			book_leaves(d);
		else if (*e == 'o')
			book_signed_out(d);
		else if (*e == 't')
			send_text(w);
	}
}

static const struct {
	const char *sentence, *events;
	bool due;
} cases[] = {
	{"who is signed in gets a text", "i0 t", true},
	{"who signs in later need not get it", "i1 t i0", false},
	{"who was the last to sign out gets what came meanwhile", "i0 l0 o0 t i0", true},
	{"also what came before he heard that he is out", "i0 l0 t o0 i0", true},
	{"and with another device that had signed out before", "i0 i1 l1 o1 l0 t o0 i0", true},
	{"not so who left another device behind", "i0 i1 l0 o0 t i0", false},
	{"nor when another device signed in first afterwards", "i0 l0 o0 i1 l1 o1 t i0", false},
	{"an end that was heard of late may have been before another device came and went: it brought, and all is gone",
		"i0 l0 t i1 l1 o1 o0 i0", false},
	{"asking a second time is no new beginning", "i0 l0 t i1 l1 o1 l0 o0 i0", false},
	{"of two that leave at once nobody knows which was the last", "i0 i1 l0 l1 t o1 o0 i0", false},
	{"to hear a second time that one is out says nothing new", "i0 l0 o0 i1 l1 o1 o0 t i0", false},
};

static void test_what_is_due_after_a_sign_out(void **state)
{
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct world *w = make_world();
		char what[400] = "";
		happen(w, cases[i].events);
		if (!w->devices[1].ticket_len)
			happen(w, "i1");
		bool due = !book_settled(w, what, sizeof what);
		if (due != cases[i].due || world_failed(w))
			print_error("%s: %s%s\n", cases[i].sentence, what, w->failure);
		assert_false(world_failed(w));
		assert_int_equal(due, cases[i].due);
		free_world(w);
	}
}

/* ---- who may write ----------------------------------------------------------------------------------------- */

/** What was changed, answered or not, before a text from user 1 to user 0, where strangers may not write. */
static const struct {
	const char *sentence;
	struct {
		unsigned user;
		enum change_kind kind;
		enum change_state state;
	} changes[4];
	bool let_in, refused;
	bool at_once;  /* they were all asked for before one was answered */
	unsigned lane; /* of them all */
} letters[] = {
	{"a stranger's is refused", {{0}}, false, true},
	{"a contact's is let in, or refused while the copy is old",
		{{1, CHANGE_REQUEST, CHANGE_DONE}, {0, CHANGE_ACCEPT, CHANGE_DONE}}, true, true},
	{"of who was blocked it is refused",
		{{1, CHANGE_REQUEST, CHANGE_DONE}, {0, CHANGE_ACCEPT, CHANGE_DONE}, {0, CHANGE_BLOCK, CHANGE_DONE}},
		false, true},
	{"of who may have been blocked it is let in, or not",
		{{1, CHANGE_REQUEST, CHANGE_DONE}, {0, CHANGE_ACCEPT, CHANGE_DONE}, {0, CHANGE_BLOCK, CHANGE_UNKNOWN}},
		true, true},
	{"what was refused changes nothing", {{1, CHANGE_REQUEST, CHANGE_DONE}, {0, CHANGE_ACCEPT, CHANGE_REFUSED}},
		false, true},
	{"the recipient's own deletion counts at once",
		{{1, CHANGE_REQUEST, CHANGE_DONE}, {0, CHANGE_ACCEPT, CHANGE_DONE}, {0, CHANGE_DELETE, CHANGE_DONE}},
		false, true},
	{"the sender's deletion when the recipient has heard of it",
		{{1, CHANGE_REQUEST, CHANGE_DONE}, {0, CHANGE_ACCEPT, CHANGE_DONE}, {1, CHANGE_DELETE, CHANGE_DONE}},
		true, true},
	{"anybody's is let in where he said so", {{0, CHANGE_SETTINGS, CHANGE_DONE}}, true, false},
	{"of what was asked for at once either may be the last",
		{{0, CHANGE_SETTINGS, CHANGE_DONE}, {0, CHANGE_BLOCK, CHANGE_DONE}, {0, CHANGE_UNBLOCK, CHANGE_DONE}},
		true, true, .at_once = true},
	{"in order behind each other it is the last one",
		{{0, CHANGE_SETTINGS, CHANGE_DONE}, {0, CHANGE_BLOCK, CHANGE_DONE}, {0, CHANGE_UNBLOCK, CHANGE_DONE}},
		true, false, .at_once = true, .lane = 1},
	{"which has no outcome, and may have been none",
		{{0, CHANGE_SETTINGS, CHANGE_DONE}, {0, CHANGE_BLOCK, CHANGE_DONE},
			{0, CHANGE_UNBLOCK, CHANGE_UNKNOWN}},
		true, true, .at_once = true, .lane = 1},
};

static void test_who_may_write(void **state)
{
	for (size_t i = 0; i < HY_COUNT_OF(letters); i++) {
		struct world *w = make_world();
		w->kinds = 1u << KIND_contacts;
		for (unsigned k = 0; k < 4 && (k == 0 || letters[i].changes[k].kind); k++) {
			unsigned user = letters[i].changes[k].user;
			w->changes[w->change_count++] = (struct change){.kind = letters[i].changes[k].kind,
				.state = letters[i].changes[k].kind || user ? letters[i].changes[k].state
									    : CHANGE_REFUSED,
				.user = user,
				.peer = !user,
				.may_write = HONGYAN_WHO_ANYONE,
				.lane = letters[i].lane,
				.asked_us = letters[i].at_once ? 10 : 10 + 10 * k,
				.done_us = letters[i].changes[k].state == CHANGE_DONE ? 15 + 10 * k : UINT64_MAX};
		}
		const struct text t = {.from = SENDER, .to_user = 0, .asked_us = 100};
		bool let_in = contact_book_may_be_let_in(w, &t), refused = contact_book_may_be_refused(w, &t);
		if (let_in != letters[i].let_in || refused != letters[i].refused)
			print_error("%s\n", letters[i].sentence);
		assert_int_equal(let_in, letters[i].let_in);
		assert_int_equal(refused, letters[i].refused);
		free_world(w);
	}
}

static const struct {
	const char *sentence;
	uint64_t tried_us;
	bool good;
} repeats[] = {
	{"a try that came before the one that was answered with 0 may be refused", 20, true},
	{"a later one may not", 40, false},
};

/** A deletion, tried at 10, is done at 30, after a request over another link; then another try of it is refused. */
static void test_refused_repeats(void **state)
{
	for (size_t i = 0; i < HY_COUNT_OF(repeats); i++) {
		struct world *w = make_world();
		w->changes[w->change_count++] = (struct change){
			.kind = CHANGE_DELETE, .state = CHANGE_DONE, .peer = 1, .asked_us = 10, .done_us = 30};
		contact_book_answer(w, 0, HY_FAILED_PRECONDITION, "", repeats[i].tried_us, false);
		if (world_failed(w) == repeats[i].good)
			print_error("%s: %s\n", repeats[i].sentence, w->failure);
		assert_int_equal(world_failed(w), !repeats[i].good);
		free_world(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_may_write),
		cmocka_unit_test(test_refused_repeats),
		cmocka_unit_test(test_what_is_due_after_a_sign_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
