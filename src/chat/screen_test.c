#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chat/screen.h"
#include "chat/text.h"

static void assert_page(struct chat_screen *s, const char *want)
{
	struct hy_buf out = {0};
	chat_screen_end(s, &out);
	hy_buf_append(&out, "", 1);
	assert_string_equal(hy_buf_data(&out), want);
	hy_buf_fini(&out);
}

static void test_only_rows_that_changed_are_written(void **state)
{
	struct chat_screen s;
	chat_screen_init(&s, false, false);
	for (int round = 0; round < 3; round++) {
		chat_screen_begin(&s, 2, 10);
		chat_screen_at(&s, 0, 0);
		chat_screen_puts(&s, CHAT_PLAIN, "same", 10);
		chat_screen_at(&s, 1, 2);
		chat_screen_puts(&s, CHAT_PLAIN, round < 2 ? "one" : "two", 10);
		chat_screen_cursor(&s, 1, 5);
		static const char *const pages[] = {
			("\033[?2026h\033[?25l\033[m\033[2J\033[1;1H\033[2K\033[1Gsame\033[2;1H\033[2K\033[3Gone"
			 "\033[2;6H\033[?25h\033[?2026l"),
			"\033[?2026h\033[?25l\033[2;6H\033[?25h\033[?2026l",
			"\033[?2026h\033[?25l\033[2;1H\033[2K\033[3Gtwo\033[2;6H\033[?25h\033[?2026l"};
		assert_page(&s, pages[round]);
	}
	chat_screen_fini(&s);
}

static void test_texts_keep_within_their_columns(void **state)
{
	static const struct {
		const char *text;
		int columns, used;
		const char *shown;
	} cases[] = {{"goose", 10, 5, "goose"}, {"goose", 5, 5, "goose"}, {"goose", 4, 4, "goo…"},
		{"鸿雁来宾", 8, 8, "鸿雁来宾"}, {"鸿雁来宾", 7, 7, "鸿雁来…"}, {"鸿雁来宾", 6, 5, "鸿雁…"},
		{"鸿雁", 1, 1, "…"}, {"鸿雁", 0, 0, ""}, {"\033[2J", 10, 4, "\xef\xbf\xbd[2J"}};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct chat_screen s;
		chat_screen_init(&s, true, false);
		chat_screen_begin(&s, 1, 20);
		assert_int_equal(chat_screen_puts(&s, CHAT_PLAIN, cases[i].text, cases[i].columns), cases[i].used);
		hy_buf_append(&s.next[0], "", 1);
		assert_string_equal(hy_buf_data(&s.next[0]), cases[i].shown);
		chat_screen_fini(&s);
	}
}

static void test_nothing_is_drawn_outside_and_no_colour_without_leave(void **state)
{
	struct chat_screen s;
	chat_screen_init(&s, false, true);
	chat_screen_begin(&s, 1, 6);
	chat_screen_at(&s, 3, 0);
	chat_screen_puts(&s, CHAT_BAD, "nowhere", 10);
	chat_screen_at(&s, 0, 4);
	chat_screen_initial(&s, 0xff0000, "no room");
	assert_int_equal(chat_screen_puts(&s, CHAT_GOOD, "cut off", 10), 2);
	hy_buf_append(&s.next[0], "", 1);
	assert_string_equal(hy_buf_data(&s.next[0]), "\033[5Gc…\033[m");
	chat_screen_fini(&s);
}

static void test_a_face_is_three_columns_on_its_colour(void **state)
{
	static const struct {
		const char *name, *shown;
		bool true_colour;
	} cases[] = {{"ann", "\033[1;48;2;255;255;0;38;5;16m A \033[m", true},
		{"本", "\033[1;48;2;255;255;0;38;5;16m 本\033[m", true},
		{"", "\033[1;48;5;226;38;5;16m ? \033[m", false}};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct chat_screen s;
		chat_screen_init(&s, true, cases[i].true_colour);
		chat_screen_begin(&s, 1, 6);
		chat_screen_initial(&s, 0xffff00, cases[i].name);
		assert_int_equal(s.column, 3);
		hy_buf_append(&s.next[0], "", 1);
		assert_string_equal(hy_buf_data(&s.next[0]), cases[i].shown);
		chat_screen_fini(&s);
	}
}

int main(void)
{
	chat_text_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_rows_that_changed_are_written),
		cmocka_unit_test(test_texts_keep_within_their_columns),
		cmocka_unit_test(test_nothing_is_drawn_outside_and_no_colour_without_leave),
		cmocka_unit_test(test_a_face_is_three_columns_on_its_colour),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
