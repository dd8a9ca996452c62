#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "chat/store.h"

#define ME 1
#define BOB 2
#define KILLS 60

struct world {
	char folder[64], path[96];
	struct chat_store *store;
};

static void open_store(struct world *w)
{
	char *why = NULL;
	int status = chat_store_open(w->path, &w->store, &why);
	if (status != HY_OK)
		print_error("%s\n", why);
	assert_int_equal(status, HY_OK);
}

static int set_up(void **state)
{
	struct world *w = hy_zalloc(sizeof *w);
	snprintf(w->folder, sizeof w->folder, "/tmp/hongyan-store-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->path, sizeof w->path, "%s/ann.db", w->folder);
	umask(077);
	open_store(w);
	assert_int_equal(chat_store_sign_in(w->store, ME, "ticket", 6), HY_OK);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char other[112];
	chat_store_close(w->store);
	unlink(w->path);
	snprintf(other, sizeof other, "%s-wal", w->path);
	unlink(other);
	snprintf(other, sizeof other, "%s-journal", w->path);
	unlink(other);
	rmdir(w->folder);
	hy_free(w);
	return 0;
}

/** Message number `k`, of which every third is one's own from another device. */
static struct hongyan_change text_change(uint64_t k, char *text, size_t size)
{
	bool mine = k % 3 == 0;
	struct hongyan_change c = {.kind = HONGYAN_CHANGE_TEXT, .version = k};
	snprintf(text, size, "text %llu", (unsigned long long)k);
	hy_put_be64(c.text.id, k);
	c.text.from = mine ? ME : BOB;
	c.text.to = mine ? BOB : ME;
	c.text.from_name = mine ? "ann" : "bob";
	c.text.time_ms = 1000 + k;
	c.text.text = text;
	return c;
}

/** Messages first to last, and the last one as the snapshot. */
static int sync_texts(struct chat_store *s, uint64_t first, uint64_t last)
{
	struct hongyan_change changes[16];
	char texts[16][32];
	size_t n = 0;
	for (uint64_t k = first; k <= last; k++, n++)
		changes[n] = text_change(k, texts[n], sizeof texts[n]);
	return chat_store_sync(s,
		&(struct hongyan_sync){.changes = changes, .count = n, .snapshot = &last, .snapshot_len = sizeof last});
}

struct seen {
	struct hy_buf texts; /* with | behind each */
	enum chat_row_state last_state;
	int64_t last_n;
};

static void see(void *arg, const struct chat_row *row)
{
	struct seen *seen = arg;
	assert_true(row->n > seen->last_n);
	seen->last_n = row->n;
	seen->last_state = row->state;
	hy_buf_printf(&seen->texts, "%s|", row->text);
}

static void assert_rows(struct chat_store *s, const char *want)
{
	struct seen seen = {0};
	chat_store_rows(s, BOB, 1000, see, &seen);
	hy_buf_append(&seen.texts, "", 1);
	assert_string_equal(hy_buf_data(&seen.texts), want);
	hy_buf_fini(&seen.texts);
}

static void test_what_came_again_is_there_once_and_in_its_place(void **state)
{
	struct world *w = *state;
	struct hy_buf snapshot = {0};
	assert_int_equal(sync_texts(w->store, 1, 3), HY_OK);
	assert_int_equal(sync_texts(w->store, 1, 4), HY_OK);
	assert_rows(w->store, "text 1|text 2|text 3|text 4|");
	chat_store_get(w->store, "snapshot", &snapshot);
	assert_int_equal(hy_buf_data(&snapshot)[0], 4);
	hy_buf_fini(&snapshot);
	struct chat_person *bob = chat_store_person_named(w->store, "bob");
	assert_int_equal(bob->unread, 3);
	assert_int_equal(chat_store_read(w->store, BOB, bob->last_n), HY_OK);
	chat_person_free(bob);
	bob = chat_store_person(w->store, BOB);
	assert_int_equal(bob->unread, 0);
	chat_person_free(bob);
	assert_null(chat_store_person(w->store, 77));
}

static void test_a_new_sign_in_keeps_history_and_another_account_does_not(void **state)
{
	struct world *w = *state;
	struct hy_buf snapshot = {0};
	assert_int_equal(sync_texts(w->store, 1, 3), HY_OK);
	assert_int_equal(chat_store_sign_in(w->store, ME, "other", 5), HY_OK);
	chat_store_get(w->store, "snapshot", &snapshot);
	assert_int_equal(hy_buf_len(&snapshot), 0);
	hy_buf_fini(&snapshot);
	assert_int_equal(sync_texts(w->store, 2, 5), HY_OK);
	assert_rows(w->store, "text 1|text 2|text 3|text 4|text 5|");
	assert_int_equal(chat_store_sign_in(w->store, 9, "third", 5), HY_OK);
	assert_rows(w->store, "");
	assert_int_equal(chat_store_uin(w->store), 9);
}

/** Own texts: what happens, in letters, and what is shown then. */
static void test_own_texts_are_there_once_however_they_come_back(void **state)
{
	static const struct {
		const char *label, *steps, *want;
		enum chat_row_state last_state;
	} cases[] = {
		/* w: write; a: the answer; c: its copy by sync; o: the same words from another device; f: refused */
		{"written", "w", "x|", CHAT_ROW_WAITING},
		{"answered", "wa", "x|", CHAT_ROW_SAFE},
		{"the copy after the answer", "wac", "x|", CHAT_ROW_SAFE},
		{"the copy before the answer", "wc", "x|", CHAT_ROW_WAITING},
		{"the copy, then the answer", "wca", "x|", CHAT_ROW_SAFE},
		{"another device's like it, then the answer", "woa", "x|x|", CHAT_ROW_SAFE},
		{"both copies, then the answer", "wcoa", "x|x|", CHAT_ROW_SAFE},
		{"another device's before", "ow", "x|x|", CHAT_ROW_WAITING},
		{"refused", "wf", "x|", CHAT_ROW_FAILED},
		{"another device's, then refused", "wof", "x|x|", CHAT_ROW_SAFE},
		{"only the copy", "c", "x|", CHAT_ROW_SAFE},
	};
	struct world *w = *state;
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		uint8_t client_id[16] = {(uint8_t)(i + 1), 9}, id[16] = {(uint8_t)(i + 1)};
		uint32_t peer = 100 + (uint32_t)i;
		int64_t n;
		for (const char *step = cases[i].steps; *step; step++) {
			struct hongyan_change copy = {.kind = HONGYAN_CHANGE_TEXT,
				.text = {.from = ME, .to = peer, .from_name = "ann", .text = "x", .time_ms = 5}};
			memcpy(copy.text.id, id, sizeof id);
			copy.text.id[1] = *step == 'o';
			int status = HY_OK;
			if (*step == 'w')
				status = chat_store_write(w->store, peer, "x", client_id, 7, &n);
			else if (*step == 'a')
				status = chat_store_sent(w->store, client_id, HONGYAN_OK, NULL, id);
			else if (*step == 'f')
				status = chat_store_sent(w->store, client_id, HONGYAN_PERMISSION_DENIED, "no", NULL);
			else
				status = chat_store_sync(w->store,
					&(struct hongyan_sync){
						.changes = &copy, .count = 1, .snapshot = "s", .snapshot_len = 1});
			assert_int_equal(status, HY_OK);
		}
		struct seen seen = {0};
		chat_store_rows(w->store, peer, 10, see, &seen);
		hy_buf_append(&seen.texts, "", 1);
		if (strcmp((const char *)hy_buf_data(&seen.texts), cases[i].want) != 0 ||
			seen.last_state != cases[i].last_state)
			fail_msg("%s: %s, state %d", cases[i].label, (const char *)hy_buf_data(&seen.texts),
				seen.last_state);
		hy_buf_fini(&seen.texts);
	}
}

static void test_a_refused_text_is_tried_again_or_dropped(void **state)
{
	struct world *w = *state;
	uint8_t first[16] = {1}, second[16] = {2}, id[16] = {3};
	int64_t n;
	assert_int_equal(chat_store_write(w->store, BOB, "x", first, 7, &n), HY_OK);
	assert_int_equal(chat_store_retry(w->store, n, second, 8), HY_NOT_FOUND);
	assert_int_equal(chat_store_sent(w->store, first, HONGYAN_PERMISSION_DENIED, "no", NULL), HY_OK);
	assert_int_equal(chat_store_retry(w->store, n, second, 8), HY_OK);
	assert_int_equal(chat_store_sent(w->store, second, HONGYAN_OK, NULL, id), HY_OK);
	assert_rows(w->store, "x|");
	assert_int_equal(chat_store_drop(w->store, n), HY_NOT_FOUND);
}

static void note_text(void *arg, const struct chat_row *row)
{
	hy_buf_printf(arg, "%s|", row->text);
}

static void note_addressed(void *arg, int64_t k, const char *name, const char *text)
{
	hy_buf_printf(arg, "%s:%s|", name, text);
}

static void assert_waiting(struct chat_store *s, const char *want)
{
	struct hy_buf texts = {0};
	chat_store_waiting(s, note_text, &texts);
	chat_store_addressed(s, note_addressed, &texts);
	hy_buf_append(&texts, "", 1);
	assert_string_equal(hy_buf_data(&texts), want);
	hy_buf_fini(&texts);
}

static void test_the_outbox_keeps_its_order_whatever_the_clock_does(void **state)
{
	static const uint64_t made_ms[] = {5000, 9000, 1000, 3000};
	struct world *w = *state;
	int64_t n[HY_COUNT_OF(made_ms)];
	for (size_t i = 0; i < HY_COUNT_OF(made_ms); i++) {
		uint8_t client_id[16] = {(uint8_t)(i + 1)};
		char text[] = {(char)('a' + i), 0};
		assert_int_equal(chat_store_write(w->store, BOB, text, client_id, made_ms[i], &n[i]), HY_OK);
	}
	assert_waiting(w->store, "a|b|c|d|");
	assert_int_equal(chat_store_sent(w->store, (uint8_t[16]){2}, HONGYAN_PERMISSION_DENIED, "no", NULL), HY_OK);
	assert_int_equal(chat_store_retry(w->store, n[1], (uint8_t[16]){9}, 2000), HY_OK);
	chat_store_close(w->store);
	open_store(w);
	assert_waiting(w->store, "a|c|d|b|");
}

static void test_a_text_waits_for_its_name(void **state)
{
	struct world *w = *state;
	int64_t k[3], n;
	assert_int_equal(chat_store_address(w->store, "carol", "one", &k[0]), HY_OK);
	assert_int_equal(chat_store_address(w->store, "nobody", "two", &k[1]), HY_OK);
	assert_int_equal(chat_store_address(w->store, "carol", "three", &k[2]), HY_OK);
	chat_store_close(w->store);
	open_store(w);
	assert_waiting(w->store, "carol:one|nobody:two|carol:three|");
	assert_int_equal(chat_store_unaddress(w->store, k[1]), HY_OK);
	assert_int_equal(chat_store_write_addressed(w->store, k[0], 3, "one", (uint8_t[16]){1}, 1000, &n), HY_OK);
	assert_waiting(w->store, "one|carol:three|");
	assert_int_equal(chat_store_sign_in(w->store, 9, "third", 5), HY_OK);
	assert_waiting(w->store, "");
}

static void test_a_file_of_the_first_format_goes_on(void **state)
{
	struct world *w = *state;
	sqlite3 *db;
	int64_t n;
	assert_int_equal(chat_store_write(w->store, BOB, "a", (uint8_t[16]){1}, 1000, &n), HY_OK);
	chat_store_close(w->store);
	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "DROP TABLE addressed; ALTER TABLE message DROP COLUMN turn; PRAGMA user_version = 1",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	open_store(w);
	assert_int_equal(chat_store_write(w->store, BOB, "b", (uint8_t[16]){2}, 500, &n), HY_OK);
	assert_int_equal(chat_store_address(w->store, "carol", "c", &n), HY_OK);
	assert_waiting(w->store, "a|b|carol:c|");
}

static void test_contacts_follow_the_sync_and_a_reset_replaces_them(void **state)
{
	struct world *w = *state;
	struct hongyan_change bob = {.kind = HONGYAN_CHANGE_CONTACT,
		.name = "bob",
		.contact = {.profile = {BOB, "bob", "Bob", "hi", "here", 0x123456, 0},
			.relation = HONGYAN_RELATION_CONTACT,
			.remark = "Bobby",
			.greeting = "hello"}};
	struct hongyan_sync sync = {.changes = &bob, .count = 1, .snapshot = "s", .snapshot_len = 1};
	assert_int_equal(chat_store_sync(w->store, &sync), HY_OK);
	assert_int_equal(chat_store_draft(w->store, BOB, "half a"), HY_OK);
	struct chat_person *p = chat_store_person_named(w->store, "bob");
	assert_int_equal(p->relation, HONGYAN_RELATION_CONTACT);
	assert_string_equal(p->remark, "Bobby");
	assert_string_equal(p->draft, "half a");
	chat_person_free(p);
	sync = (struct hongyan_sync){.reset_contacts = true, .snapshot = "t", .snapshot_len = 1};
	assert_int_equal(chat_store_sync(w->store, &sync), HY_OK);
	p = chat_store_person(w->store, BOB);
	assert_int_equal(p->relation, HONGYAN_RELATION_NONE);
	assert_string_equal(p->remark, "");
	assert_string_equal(p->draft, "half a");
	chat_person_free(p);
}

static void test_the_file_is_its_owners_alone_and_one_processs(void **state)
{
	struct world *w = *state;
	struct stat info;
	assert_int_equal(stat(w->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	pid_t child = fork();
	if (child == 0) {
		struct chat_store *second;
		char *why;
		_exit(chat_store_open(w->path, &second, &why) == HY_ABORTED ? 0 : 1);
	}
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static void test_what_is_no_such_file_is_refused(void **state)
{
	struct world *w = *state;
	chat_store_close(hy_take(w->store));
	FILE *f = fopen(w->path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("no database ", f);
	fclose(f);
	char *why = NULL;
	assert_int_equal(chat_store_open(w->path, &w->store, &why), HY_DATA_LOSS);
	assert_non_null(why);
	hy_free(why);
	w->store = NULL;
}

/** What a client does, for ever: brings its snapshot, is given what comes next, and writes texts of its own. */
static void live(struct world *w, unsigned seed)
{
	open_store(w);
	for (unsigned i = 0;; i++) {
		struct hy_buf snapshot = {0};
		uint64_t at = 0;
		chat_store_get(w->store, "snapshot", &snapshot);
		if (hy_buf_len(&snapshot) == sizeof at)
			memcpy(&at, hy_buf_data(&snapshot), sizeof at);
		hy_buf_fini(&snapshot);
		/* Now and then what came with the last snapshots comes again. */
		uint64_t back = i % 5 == 0 ? HY_MIN(at, (uint64_t)3) : 0;
		if (sync_texts(w->store, at + 1 - back, at + 1 + (seed + i) % 4) != HY_OK)
			_exit(1);
		uint8_t client_id[16] = {[15] = 1}; /* no other message's ID */
		int64_t n;
		uint64_t made = (uint64_t)seed << 32 | i;
		hy_put_be64(client_id, made + 1);
		if (chat_store_write(w->store, 3, "own", client_id, made, &n) != HY_OK)
			_exit(1);
		if (i % 2 && chat_store_sent(w->store, client_id, HONGYAN_OK, NULL, client_id) != HY_OK)
			_exit(1);
	}
}

static void check_row(void *arg, const struct chat_row *row)
{
	uint64_t *next = arg;
	assert_int_equal(hy_get_be64(row->id), *next);
	++*next;
}

static void test_a_client_killed_at_any_instant_has_each_message_once_up_to_its_snapshot(void **state)
{
	struct world *w = *state;
	uint64_t at = 0;
	for (unsigned i = 0; i < KILLS; i++) {
		chat_store_close(hy_take(w->store));
		pid_t child = fork();
		if (child == 0)
			live(w, i);
		usleep(3000 + i * 700);
		kill(child, SIGKILL);
		int status;
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status));
		open_store(w);
		struct hy_buf snapshot = {0};
		chat_store_get(w->store, "snapshot", &snapshot);
		uint64_t before = at;
		if (hy_buf_len(&snapshot) == sizeof at)
			memcpy(&at, hy_buf_data(&snapshot), sizeof at);
		hy_buf_fini(&snapshot);
		assert_true(at >= before);
		uint64_t next = 1;
		chat_store_rows(w->store, BOB, 1u << 30, check_row, &next);
		assert_int_equal(next, at + 1);
	}
	assert_true(at > KILLS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_what_came_again_is_there_once_and_in_its_place),
		TEST(test_a_new_sign_in_keeps_history_and_another_account_does_not),
		TEST(test_own_texts_are_there_once_however_they_come_back),
		TEST(test_a_refused_text_is_tried_again_or_dropped),
		TEST(test_the_outbox_keeps_its_order_whatever_the_clock_does),
		TEST(test_a_text_waits_for_its_name),
		TEST(test_a_file_of_the_first_format_goes_on),
		TEST(test_contacts_follow_the_sync_and_a_reset_replaces_them),
		TEST(test_the_file_is_its_owners_alone_and_one_processs),
		TEST(test_what_is_no_such_file_is_refused),
		TEST(test_a_client_killed_at_any_instant_has_each_message_once_up_to_its_snapshot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
