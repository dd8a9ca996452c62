#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chat/json.h"

static void test_orders_are_read(void **state)
{
	static const struct {
		const char *line;
		enum chat_json_kind kind;
		enum chat_verb verb;
		const char *name, *text;
	} cases[] = {
		{"{\"send\": {\"to\": \"bob\", \"text\": \"你好\"}}", CHAT_JSON_VERB, CHAT_SEND, "bob", "你好"},
		{"{\"accept\": \"bob\"}", CHAT_JSON_VERB, CHAT_ACCEPT, "bob", ""},
		{"{\"accept\": {\"name\": \"bob\"}}", CHAT_JSON_VERB, CHAT_ACCEPT, "bob", ""},
		{"{\"add\": {\"name\": \"bob\", \"greeting\": \"me\"}}", CHAT_JSON_VERB, CHAT_ADD, "bob", "me"},
		{"{\"remark\": {\"name\": \"bob\", \"text\": \"B\"}}", CHAT_JSON_VERB, CHAT_REMARK, "bob", "B"},
		{"{\"password\": {\"old\": \"x\", \"new\": \"y\"}}", CHAT_JSON_PASSWORD, CHAT_FIND, "x", "y"},
		{"{\"profile\": {\"nickname\": \"Ann\"}}", CHAT_JSON_PROFILE, CHAT_FIND, "", ""},
		{"{\"settings\": {}}", CHAT_JSON_SETTINGS, CHAT_FIND, "", ""},
		{"{\"devices\": true}", CHAT_JSON_DEVICES, CHAT_FIND, "", ""},
		{"{\"signout\": \"all\"}", CHAT_JSON_SIGN_OUT, CHAT_FIND, "all", ""},
		{"{\"history\": {\"with\": \"bob\"}}", CHAT_JSON_HISTORY, CHAT_FIND, "bob", ""},
		{"{\"quit\": true}", CHAT_JSON_QUIT, CHAT_FIND, "", ""},
		{"{\"send\": {\"to\": \"bob\"}}", CHAT_JSON_NONE},
		{"{\"send\": 1}", CHAT_JSON_NONE},
		{"{\"accept\": null}", CHAT_JSON_NONE},
		{"{\"dance\": \"bob\"}", CHAT_JSON_NONE},
		{"{\"accept\": \"bob\", \"block\": \"bob\"}", CHAT_JSON_NONE},
		{"{}", CHAT_JSON_NONE},
		{"[]", CHAT_JSON_NONE},
		{"hello", CHAT_JSON_NONE},
		{"", CHAT_JSON_NONE},
		{"{\"accept\": [[[[[[[[[[1]]]]]]]]]]}", CHAT_JSON_NONE},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct chat_order o;
		chat_order_parse(cases[i].line, &o);
		assert_int_equal(o.kind, cases[i].kind);
		assert_non_null(o.why);
		if (o.kind != CHAT_JSON_NONE) {
			assert_string_equal(o.name, cases[i].name);
			assert_string_equal(o.text, cases[i].text);
		}
		if (o.kind == CHAT_JSON_VERB)
			assert_int_equal(o.verb, cases[i].verb);
		chat_order_fini(&o);
	}
}

static void test_rows_are_told_by_their_state(void **state)
{
	static const struct {
		bool mine, fresh;
		enum chat_row_state state;
		const char *event;
	} cases[] = {
		{false, true, CHAT_ROW_SAFE, "message"},
		{true, true, CHAT_ROW_SAFE, "message"}, /* another device wrote it */
		{true, true, CHAT_ROW_WAITING, "sending"},
		{true, false, CHAT_ROW_SAFE, "sent"},
		{true, false, CHAT_ROW_FAILED, "failed"},
	};
	for (size_t i = 0; i < HY_COUNT_OF(cases); i++) {
		struct chat_row row = {.n = 5,
			.mine = cases[i].mine,
			.state = cases[i].state,
			.text = "bad \xff bytes",
			.why = "no",
			.time_ms = 1795354646958};
		cJSON *o = chat_json_row(&row, cases[i].fresh, "bob", "ann");
		assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "event")), cases[i].event);
		assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "from")),
			cases[i].mine ? "ann" : "bob");
		assert_string_equal(
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "text")), "bad \xef\xbf\xbd bytes");
		char *text = cJSON_PrintUnformatted(o);
		assert_non_null(strstr(text, "\"time_ms\":1795354646958"));
		assert_null(strchr(text, '\n'));
		cJSON_free(text);
		cJSON_Delete(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders_are_read),
		cmocka_unit_test(test_rows_are_told_by_their_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
