#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chat/text.h"

static void test_columns_are_those_of_a_terminal(void **state)
{
	static const struct {
		const char *text;
		int columns;
	} cases[] = {{"", 0}, {"goose", 5}, {"鸿雁", 4}, {"a鸿b", 4}, {"🦢", 2}, {"e\xcc\x81", 1}, {"\xff\xfe", 2},
		{"a\tb", 3}, {"\x1b[31m", 5}};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++)
		assert_int_equal(chat_text_columns(cases[i].text, strlen(cases[i].text)), cases[i].columns);
}

static void test_lines_break_where_people_break_them(void **state)
{
	static const struct {
		const char *text;
		int columns;
		const char *lines; /* with | between */
	} cases[] = {
		{"", 10, ""},
		{"one two three", 20, "one two three"},
		{"one two three", 7, "one two|three"},
		{"one two three", 8, "one two|three"},
		{"one two three", 6, "one|two|three"},
		{"incomprehensible", 6, "incomp|rehens|ible"},
		{"a\nb", 10, "a|b"},
		{"a\n\nb", 10, "a||b"},
		{"今天天气很好", 6, "今天天|气很好"},
		{"今天天气很好", 7, "今天天|气很好"},
		{"今天天气，好", 8, "今天天|气，好"},
		{"see 今天天气", 8, "see 今天|天气"},
		{"well-known", 6, "well-|known"},
		{"🦢🦢🦢", 4, "🦢🦢|🦢"},
		{"鸿", 1, "鸿"},
		{"ab ", 2, "ab"},
		{"ab  cd", 3, "ab |cd"},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct hy_buf lines = {0};
		size_t len = strlen(cases[i].text), at = 0, next;
		do {
			size_t n = chat_text_wrap(cases[i].text + at, len - at, cases[i].columns, &next);
			assert_true(len == 0 || next > 0);
			hy_buf_printf(&lines, "%s%.*s", at ? "|" : "", (int)n, cases[i].text + at);
			at += next;
		} while (at < len);
		hy_buf_append(&lines, "", 1);
		assert_string_equal(hy_buf_data(&lines), cases[i].lines);
		hy_buf_fini(&lines);
	}
}

static void test_wrapping_any_bytes_ends_and_keeps_within_its_columns(void **state)
{
	uint32_t seed = 7;
	for (int round = 0; round < 3000; round++) {
		char text[40];
		static const char *const parts[] = {
			"a", " ", "\n", "鸿", "🦢", "\xff", "-", "，", "\xcc\x81", "\xe2\x80\x8d"};
		size_t len = 0, at = 0, next;
		while (len < 34) {
			seed = seed * 1664525 + 1013904223;
			const char *part = parts[seed >> 20 & 7 ? seed >> 24 & 7 : 8 + (seed >> 27 & 1)];
			memcpy(text + len, part, strlen(part));
			len += strlen(part);
		}
		int columns = 2 + round % 9;
		while (at < len) {
			size_t n = chat_text_wrap(text + at, len - at, columns, &next);
			size_t shown = n;
			while (shown > 0 && text[at + shown - 1] == ' ') /* spaces at an end need no room */
				shown--;
			int used = chat_text_columns(text + at, shown);
			int one;
			size_t first = chat_text_cluster(text + at, len - at, &one);
			assert_true(used <= columns || n <= first);
			assert_true(next >= n && next > 0);
			at += next;
		}
	}
}

static void test_what_would_move_the_cursor_is_made_visible(void **state)
{
	struct hy_buf out = {0};
	const char *text = "a\x1b[2J\x07\nb\xe2\x80\xae\xff";
	chat_text_append_visible(&out, text, strlen(text));
	hy_buf_append(&out, "", 1);
	assert_string_equal(hy_buf_data(&out), "a\xef\xbf\xbd[2J\xef\xbf\xbd b\xef\xbf\xbd\xef\xbf\xbd");
	hy_buf_fini(&out);
}

static void test_a_cut_leaves_whole_characters(void **state)
{
	int used;
	assert_int_equal(chat_text_fit("鸿雁", 6, 3, &used), 3);
	assert_int_equal(used, 2);
	assert_int_equal(chat_text_fit("e\xcc\x81x", 4, 1, &used), 3);
	assert_int_equal(chat_text_cluster_before("ae\xcc\x81", 4), 1);
}

int main(void)
{
	chat_text_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_those_of_a_terminal),
		cmocka_unit_test(test_lines_break_where_people_break_them),
		cmocka_unit_test(test_wrapping_any_bytes_ends_and_keeps_within_its_columns),
		cmocka_unit_test(test_what_would_move_the_cursor_is_made_visible),
		cmocka_unit_test(test_a_cut_leaves_whole_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
