/* What people may write in one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/plain_text.h"

static const struct text_case {
	const char *label, *text;
	bool plain, shows;
} cases[] = {
	{"nothing at all", "", true, false},
	{"words", "Ann of the hill", true, true},
	{"Chinese", "鸿雁传书", true, true},
	{"Arabic and Hebrew, without marks", "سلام שלום", true, true},
	{"an escape that clears the screen", "\x1b[2J", false, true},
	{"a line break", "a\nb", false, true},
	{"a tab", "a\tb", false, true},
	{"delete", "a\x7f", false, true},
	{"a control character of the second block",
		"a\xc2\x9b"
		"b",
		false, true},
	{"U+0085, which ends a line", "a\xc2\x85", false, true},
	{"a line separator", "a\u2028b", false, true},
	{"an override of the direction", "\u202emoc.live", false, true},
	{"an isolate", "\u2067x\u2069", false, true},
	{"a direction mark", "x\u200f", false, true},
	{"the Arabic letter mark", "\u061c", false, true},
	{"a space of no width", "an\u200bn", false, true},
	{"a byte order mark", "\ufeffann", false, true},
	{"a soft hyphen", "an\u00adn", false, true},
	{"a joiner of words", "an\u2060n", false, true},
	{"a Hangul filler", "\u3164", false, true},
	{"a half-wide Hangul filler", "\uffa0", false, true},
	{"no character", "\uffff", false, true},
	{"a family: four emoji joined", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", true, true},
	{"a heart in colour, joined to a flame", "\u2764\ufe0f\u200d\U0001f525", true, true},
	{"a thumb of some colour", "\U0001f44d\U0001f3fd", true, true},
	{"a keycap", "1\ufe0f\u20e3", true, true},
	{"the flag of China", "\U0001f1e8\U0001f1f3", true, true},
	{"the flag of Scotland, by tags", "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
		true, true},
	{"tags behind a letter", "a\U000e0061\U000e0062", false, true},
	{"a language tag", "\U000e0001", false, true},
	{"a Chinese character's variant", "\u845b\U000e0100", true, true},
	{"a Persian word with its non-joiner", "می\u200cخواهم", true, true},
	{"a Sinhala word with its joiner", "ශ්\u200dරී", true, true},
	{"a joiner of nothing", "\u200dann", false, true},
	{"two joiners", "a\u200d\u200cb", false, true},
	{"spaces of three kinds", " \u00a0\u3000", true, false},
	{"braille without dots", "\u2800", true, false},
	{"a selector behind a space", " \ufe0f", true, false},
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		if (plain_text(cases[i].text) != cases[i].plain)
			fail_msg("%s: plain is not %d", cases[i].label, cases[i].plain);
		if (cases[i].plain && plain_text_shows(cases[i].text) != cases[i].shows)
			fail_msg("%s: to be seen is not %d", cases[i].label, cases[i].shows);
	}
}

static void test_broken(void **state)
{
	assert_true(plain_text("ann\xf0\x9f"));
	assert_true(plain_text("\x80\n")); /* stays within the string */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"what acts on a screen or cannot be seen is refused, and no emoji", test_cases},
		{"bytes that are no UTF-8 end the look", test_broken},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
