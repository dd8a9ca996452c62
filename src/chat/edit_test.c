#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "chat/edit.h"
#include "chat/key.h"
#include "chat/text.h"

/** Keys as letters: what a line becomes, with | for the cursor. */
static void press(struct chat_edit *e, char key)
{
	static const struct {
		char key;
		void (*fn)(struct chat_edit *e);
	} keys[] = {{'<', chat_edit_left}, {'>', chat_edit_right}, {'A', chat_edit_home}, {'E', chat_edit_end},
		{'W', chat_edit_kill_word}, {'U', chat_edit_kill_to_home}, {'K', chat_edit_kill_to_end},
		{'Y', chat_edit_yank}, {'X', chat_edit_backspace}, {'D', chat_edit_delete}, {'{', chat_edit_word_left},
		{'}', chat_edit_word_right}, {'T', chat_edit_swap}, {'O', chat_edit_older}, {'N', chat_edit_newer}};
	for (size_t i = 0; i < HY_COUNT_OF(keys); i++)
		if (keys[i].key == key)
			keys[i].fn(e);
	if (key == '^')
		chat_edit_up(e);
	if (key == 'v')
		chat_edit_down(e);
}

static void test_keys_do_what_a_shell_does(void **state)
{
	static const struct {
		const char *text, *keys, *want;
	} cases[] = {
		{"abc", "<", "ab|c"},
		{"abc", "<<<<", "|abc"},
		{"abc", "A>", "a|bc"},
		{"鸿雁", "<X", "|雁"},
		{"鸿雁", "X", "鸿|"},
		{"one two", "W", "one |"},
		{"one two ", "W", "one |"},
		{"one two", "WAY", "two|one "},
		{"one two", "{", "one |two"},
		{"one two", "{{}", "one| two"},
		{"one two", "{U", "|two"},
		{"one two", "{K", "one |"},
		{"ab\ncd", "A", "ab\n|cd"},
		{"ab\ncd", "^", "ab|\ncd"},
		{"abc\nd", "^", "a|bc\nd"},
		{"ab\ncd", "^vX", "ab\nc|"},
		{"ab\ncd", "^K", "ab|cd"},
		{"ab", "T", "ba|"},
		{"a鸿b", "<T", "ab鸿|"},
		{"e\xcc\x81", "X", "|"},
		{"", "XDWUKYT<>", "|"},
		{"now", "O", "second|"},
		{"now", "OO", "first|"},
		{"now", "OOOO", "first|"},
		{"now", "OON", "second|"},
		{"now", "OONNNN", "now|"},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct chat_edit *e = hy_zalloc(sizeof *e);
		struct hy_buf got = {0};
		chat_edit_remember(e, "first");
		chat_edit_remember(e, "second");
		chat_edit_remember(e, "second");
		chat_edit_insert(e, cases[i].text, strlen(cases[i].text));
		for (const char *key = cases[i].keys; *key; key++)
			press(e, *key);
		hy_buf_printf(&got, "%.*s|%s", (int)e->cursor, e->text, e->text + e->cursor);
		hy_buf_append(&got, "", 1);
		assert_string_equal(hy_buf_data(&got), cases[i].want);
		hy_buf_fini(&got);
		chat_edit_fini(e);
		hy_free(e);
	}
}

static void test_a_paste_is_cleaned_and_bounded(void **state)
{
	struct chat_edit *e = hy_zalloc(sizeof *e);
	assert_true(chat_edit_insert(e, "a\r\nb\rc\x1b", 7));
	assert_string_equal(e->text, "a\nb\nc\xef\xbf\xbd");
	char *much = hy_zalloc(CHAT_EDIT_MAX + 1);
	memset(much, 'x', CHAT_EDIT_MAX);
	assert_false(chat_edit_insert(e, much, CHAT_EDIT_MAX));
	assert_true(chat_edit_insert(e, much, CHAT_EDIT_MAX - e->len));
	assert_int_equal(e->len, CHAT_EDIT_MAX);
	for (unsigned i = 0; i < 2 * CHAT_EDIT_HISTORY_MAX; i++) {
		chat_edit_set(e, i % 2 ? "one" : "two");
		chat_edit_remember(e, e->text);
	}
	assert_int_equal(e->history_count, CHAT_EDIT_HISTORY_MAX);
	hy_free(much);
	chat_edit_fini(e);
	hy_free(e);
}

static void test_bytes_become_keys_however_they_are_cut(void **state)
{
	static const struct {
		const char *bytes;
		enum chat_key_kind kind;
		const char *text;
		bool modified;
	} cases[] = {
		{"a鸿", CHAT_KEY_TEXT, "a鸿"},
		{"\r", CHAT_KEY_ENTER},
		{"\033\r", CHAT_KEY_ALT_ENTER},
		{"\n", CHAT_KEY_CTRL},
		{"\t", CHAT_KEY_TAB},
		{"\033[Z", CHAT_KEY_SHIFT_TAB},
		{"\x7f", CHAT_KEY_BACKSPACE},
		{"\033[A", CHAT_KEY_UP},
		{"\033OA", CHAT_KEY_UP},
		{"\033[1;5D", CHAT_KEY_LEFT, NULL, true},
		{"\033[3~", CHAT_KEY_DELETE},
		{"\033[5~", CHAT_KEY_PAGE_UP},
		{"\033b", CHAT_KEY_ALT},
		{"\033[I", CHAT_KEY_FOCUS},
		{"\033[99;99x", CHAT_KEY_NONE, NULL, true},
		{"\033[200~two\nlines\033[A\033[201~", CHAT_KEY_PASTE, "two\nlines\033[A"},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i].bytes);
		struct chat_keys keys = {0};
		struct chat_key key;
		if (cases[i].kind != CHAT_KEY_TEXT) { /* a text may come in parts */
			for (size_t n = 0; n + 1 < len; n++) {
				chat_keys_feed(&keys, cases[i].bytes + n, 1);
				assert_false(chat_keys_next(&keys, false, &key));
			}
			chat_keys_feed(&keys, cases[i].bytes + len - 1, 1);
		} else {
			chat_keys_feed(&keys, cases[i].bytes, len);
		}
		assert_true(chat_keys_next(&keys, false, &key));
		assert_int_equal(key.kind, cases[i].kind);
		assert_int_equal(key.modified, cases[i].modified);
		if (cases[i].text) {
			assert_int_equal(key.len, strlen(cases[i].text));
			assert_memory_equal(key.text, cases[i].text, key.len);
		}
		assert_false(chat_keys_next(&keys, false, &key));
		chat_keys_fini(&keys);
	}
}

static void test_an_escape_is_a_key_when_nothing_follows(void **state)
{
	struct chat_keys keys = {0};
	struct chat_key key;
	chat_keys_feed(&keys, "\033", 1);
	assert_false(chat_keys_next(&keys, false, &key));
	assert_true(chat_keys_pending(&keys));
	assert_true(chat_keys_next(&keys, true, &key));
	assert_int_equal(key.kind, CHAT_KEY_ESCAPE);
	chat_keys_feed(&keys, "\xe9", 1); /* half a character, and no more */
	assert_false(chat_keys_next(&keys, false, &key));
	assert_true(chat_keys_next(&keys, true, &key));
	chat_keys_fini(&keys);
}

int main(void)
{
	chat_text_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_do_what_a_shell_does),
		cmocka_unit_test(test_a_paste_is_cleaned_and_bounded),
		cmocka_unit_test(test_bytes_become_keys_however_they_are_cut),
		cmocka_unit_test(test_an_escape_is_a_key_when_nothing_follows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
