/* How rows are named, read and shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account.pb-c.h"
#include "contact.pb-c.h"
#include "contacts.pb-c.h"
#include "base/mem.h"
#include "data/spaces.h"
#include "message.pb-c.h"
#include "svrkit/pb.h"
#include "sync.pb-c.h"

/* ---- names ------------------------------------------------------------------------------------------------------- */

static const struct name_case {
	const char *label, *device;
	bool fits;
} name_cases[] = {
	{"an ordinary device has a row", "phone", true},
	{"a device of 32 characters has a row", "abcdefghijklmnopqrstuvwxyz012345", true},
	{"a device of 33 characters has none", "abcdefghijklmnopqrstuvwxyz0123456", false},
	{"no device has no row", "", false},
};

static void test_device_name(void **state)
{
	const struct name_case *c = *state;
	char device[SPACES_DEVICE_MAX + 1];
	struct spaces_device_name name;

	assert_int_equal(spaces_device_name(SPACES_TICKET, c->device, &name), c->fits);
	if (!c->fits)
		return;
	assert_true(spaces_device_of(SPACES_TICKET, spaces_device_bytes(&name), device));
	assert_string_equal(device, c->device);
	assert_false(spaces_device_of(SPACES_DEVICE, spaces_device_bytes(&name), device));
	assert_true(hy_bytes_compare(spaces_device_prefix(SPACES_TICKET), spaces_device_bytes(&name)) < 0);
	/* a range after the prefix ends with the tickets: nothing is called by a later letter */
	assert_true(hy_bytes_compare(hy_bytes_str(SPACES_OWNER), spaces_device_prefix(SPACES_TICKET)) < 0);
}

static void test_sent_name(void **state)
{
	uint8_t id[SPACES_CLIENT_ID_SIZE] = {1, 2, 3}, in[SPACES_SENT_NAME_SIZE], own[SPACES_SENT_NAME_SIZE];

	spaces_sent_name(in, 0x0102030405060708, 42, SPACES_INCOMING, id);
	spaces_sent_name(own, 0x0102030405060708, 42, SPACES_OWN, id);
	assert_int_equal(hy_get_be64(in), 0x0102030405060708);
	assert_int_equal(hy_get_be32(in + 8), 42);
	assert_memory_equal(in + 13, id, sizeof id);
	assert_memory_not_equal(in, own, sizeof in);
}

/* ---- inbox rows -------------------------------------------------------------------------------------------------- */

static void test_inbox(void **state)
{
	Hy__TextMessage text = HY__TEXT_MESSAGE__INIT;
	Hy__InboxRow row = HY__INBOX_ROW__INIT;
	struct hy_buf body = {0}, value = {0};
	struct spaces_inbox inbox;

	text.text = (char *)(uintptr_t) "hello";
	text.from = 42;
	pb_pack(&text.base, &body);
	row.type = HY__SYNC_TYPE__SYNC_TYPE_TEXT;
	row.body = (ProtobufCBinaryData){hy_buf_len(&body), hy_buf_data(&body)};
	row.own = true;
	row.time_ms = 1234567890123;
	pb_pack(&row.base, &value);
	/* what a later version may add */
	hy_buf_append(&value,
		"\x78\x07\x82\x01\x03"
		"abc"
		"\x8d\x01"
		"1234"
		"\x91\x01"
		"12345678",
		24);
	assert_true(spaces_inbox_read(hy_buf_bytes(&value), &inbox));
	assert_int_equal(inbox.type, HY__SYNC_TYPE__SYNC_TYPE_TEXT);
	assert_true(inbox.own);
	assert_int_equal(inbox.time_ms, 1234567890123);
	assert_true(hy_bytes_equal(inbox.body, hy_buf_bytes(&body)));
	/* cut anywhere it is read as damaged, or as the row without its last fields; never beyond its end */
	for (size_t len = 0; len < hy_buf_len(&value); len++) {
		uint8_t *cut = hy_memdup(hy_buf_data(&value), len);
		(void)!spaces_inbox_read(hy_bytes(cut, len), &inbox);
		hy_free(cut);
	}
	hy_buf_fini(&body);
	hy_buf_fini(&value);
}

/** Rows are written without a struct of protobuf's: byte for byte what it would write. */
static void test_inbox_written(void **state)
{
	static const uint8_t body[300] = {1, 2, 3};
	static const struct spaces_inbox rows[] = {
		{.type = 1},
		{.type = UINT32_MAX, .body = {body, sizeof body}, .own = true, .time_ms = UINT64_MAX},
		{.type = 10, .body = {body, 1}, .time_ms = 1234567890123},
		{.type = 200, .body = {body, 200}, .own = true},
	};

	for (size_t i = 0; i < HY_COUNT_OF(rows); i++) {
		Hy__InboxRow row = HY__INBOX_ROW__INIT;
		struct hy_buf wanted = {0};
		uint8_t *written = hy_alloc(rows[i].body.len + SPACES_INBOX_MORE);
		row.type = rows[i].type;
		row.body = (ProtobufCBinaryData){rows[i].body.len, (uint8_t *)(uintptr_t)rows[i].body.data};
		row.own = rows[i].own;
		row.time_ms = rows[i].time_ms;
		pb_pack(&row.base, &wanted);
		size_t len = spaces_inbox_write(written, &rows[i]);
		assert_int_equal(len, hy_buf_len(&wanted));
		assert_memory_equal(written, hy_buf_data(&wanted), len);
		hy_free(written);
		hy_buf_fini(&wanted);
	}
}

static const struct damage_case {
	const char *label, *value;
	bool good;
} damage_cases[] = {
	{"an empty row is damaged", "", false},
	{"a row without a type is damaged",
		"\x12\x01"
		"a",
		false},
	{"a body that is cut is damaged",
		"\x08\x0a\x12\x05"
		"ab",
		false},
	{"a text that is no message is damaged", "\x08\x0a\x12\x02\xff\xff", false},
	{"a group is damaged", "\x08\x63\x0b", false},
	{"a type that nobody knows is handed out as it is", "\x08\x63\x12\x02\xff\xff", true},
};

static void test_damage(void **state)
{
	const struct damage_case *c = *state;
	struct spaces_inbox inbox;

	assert_int_equal(spaces_inbox_read(hy_bytes_str(c->value), &inbox), c->good);
}

/* ---- contact rows, settings -------------------------------------------------------------------------------------- */

static const struct relation_case {
	struct spaces_half mine, theirs; /* generation, lapsed, wishes */
	uint32_t relation;
} relation_cases[] = {
	{{0}, {0}, HY__RELATION__RELATION_NONE},
	{{5, 0, true}, {0}, HY__RELATION__RELATION_OUTGOING},
	{{0}, {5, 0, true}, HY__RELATION__RELATION_INCOMING},
	{{5, 0, true}, {6, 0, true}, HY__RELATION__RELATION_CONTACT},
	{{5, 0, true}, {6, 5, false}, HY__RELATION__RELATION_ENDED},
	{{6, 5, false}, {5, 0, true}, HY__RELATION__RELATION_NONE},
	{{7, 0, true}, {6, 5, false}, HY__RELATION__RELATION_OUTGOING},
	{{6, 5, false}, {7, 0, true}, HY__RELATION__RELATION_INCOMING},
	{{7, 6, false}, {6, 5, false}, HY__RELATION__RELATION_NONE},
};

static void test_relation(void **state)
{
	for (size_t i = 0; i < HY_COUNT_OF(relation_cases); i++) {
		const struct relation_case *c = &relation_cases[i];
		assert_int_equal(spaces_relation(&c->mine, &c->theirs), c->relation);
	}
}

static void test_contact(void **state)
{
	Hy__ContactHalf mine = HY__CONTACT_HALF__INIT, theirs = HY__CONTACT_HALF__INIT;
	Hy__AccountCard card = HY__ACCOUNT_CARD__INIT;
	Hy__ContactRow row = HY__CONTACT_ROW__INIT;
	struct hy_buf value = {0};
	struct spaces_contact contact;

	mine.generation = 1234567890123;
	mine.wishes = true;
	mine.greeting = (char *)(uintptr_t) "hello";
	theirs.generation = 1234567890124;
	theirs.lapsed = 1234567890123;
	card.name = (char *)(uintptr_t) "bob";
	card.version = 7;
	row.mine = &mine;
	row.theirs = &theirs;
	row.card = &card;
	row.remark = (char *)(uintptr_t) "Robert";
	row.blocked = true;
	pb_pack(&row.base, &value);
	hy_buf_append(&value, "\x78\x07\x8d\x01\x31\x32\x33\x34", 8); /* what a later version may add */
	assert_true(spaces_contact_read(hy_buf_bytes(&value), &contact));
	assert_true(contact.mine.generation == 1234567890123 && contact.mine.wishes && contact.mine.lapsed == 0);
	assert_true(contact.theirs.generation == 1234567890124 && !contact.theirs.wishes);
	assert_true(contact.theirs.lapsed == 1234567890123 && contact.blocked);
	for (size_t len = 0; len < hy_buf_len(&value); len++) {
		uint8_t *cut = hy_memdup(hy_buf_data(&value), len);
		(void)!spaces_contact_read(hy_bytes(cut, len), &contact);
		hy_free(cut);
	}
	assert_true(spaces_contact_read(hy_bytes("", 0), &contact));
	assert_true(contact.mine.generation == 0 && contact.theirs.generation == 0 && !contact.blocked);
	assert_false(spaces_contact_read(hy_bytes_str("\xff\xff"), &contact));
	assert_false(spaces_contact_read(hy_bytes_str("\x0a\x02\x08\xff"), &contact));
	hy_buf_fini(&value);
}

static void test_settings(void **state)
{
	uint32_t may_write, may_ask;

	assert_true(spaces_settings_read(hy_bytes_str("\x08\x03\x10\x02\x78\x07"), &may_write, &may_ask));
	assert_true(may_write == 3 && may_ask == 2);
	assert_true(spaces_settings_read(hy_bytes("", 0), &may_write, &may_ask));
	assert_true(may_write == 0 && may_ask == 0);
	assert_false(spaces_settings_read(hy_bytes_str("\x08"), &may_write, &may_ask));
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

static const struct kt_space *space(enum spaces_id id)
{
	for (const struct kt_space *s = spaces_table; s->id; s++)
		if (s->id == id)
			return s;
	fail();
	return NULL;
}

/** What a row is printed as. */
static void print(enum spaces_id id, const char *name, const ProtobufCMessage *m, char *ret_text, size_t size)
{
	struct hy_buf value = {0}, out = {0};

	pb_pack(m, &value);
	space(id)->print(hy_bytes_str(name), hy_buf_bytes(&value), &out);
	assert_true(hy_buf_len(&out) < size);
	memcpy(ret_text, hy_buf_data(&out), hy_buf_len(&out));
	ret_text[hy_buf_len(&out)] = '\0';
	hy_buf_fini(&value);
	hy_buf_fini(&out);
}

static void test_secrets_hidden(void **state)
{
	Hy__CredentialRow credential = HY__CREDENTIAL_ROW__INIT;
	Hy__TicketRow ticket = HY__TICKET_ROW__INIT;
	uint8_t hash[4] = {0xde, 0xad, 0xbe, 0xef};
	char text[256];

	credential.password_hash = (char *)(uintptr_t) "$argon2id$";
	print(SPACES_CREDENTIAL, "p", &credential.base, text, sizeof text);
	assert_string_equal(text, "(hidden)");
	ticket.ticket_hash = (ProtobufCBinaryData){sizeof hash, hash};
	ticket.made_ms = 77;
	print(SPACES_CREDENTIAL, "t/phone", &ticket.base, text, sizeof text);
	assert_null(strstr(text, "3q2+7w"));
	assert_non_null(strstr(text, "77"));
}

static void test_print(void **state)
{
	Hy__ProfileRow profile = HY__PROFILE_ROW__INIT;
	Hy__TextMessage message = HY__TEXT_MESSAGE__INIT;
	Hy__InboxRow row = HY__INBOX_ROW__INIT;
	struct hy_buf body = {0}, out = {0};
	char text[512];

	profile.name = (char *)(uintptr_t) "ann";
	print(SPACES_ACCOUNT, "p", &profile.base, text, sizeof text);
	assert_non_null(strstr(text, "\"ann\""));
	message.text = (char *)(uintptr_t) "hello";
	pb_pack(&message.base, &body);
	row.type = HY__SYNC_TYPE__SYNC_TYPE_TEXT;
	row.body = (ProtobufCBinaryData){hy_buf_len(&body), hy_buf_data(&body)};
	print(SPACES_INBOX, "12345678", &row.base, text, sizeof text);
	assert_non_null(strstr(text, "\"hello\""));
	/* damaged rows are shown as such */
	space(SPACES_ACCOUNT)->print(hy_bytes_str("p"), hy_bytes_str("\xff\xff"), &out);
	assert_true(hy_buf_len(&out) > 0);
	hy_buf_fini(&body);
	hy_buf_fini(&out);
}

int main(void)
{
	struct CMUnitTest tests[8 + HY_COUNT_OF(name_cases) + HY_COUNT_OF(damage_cases)] = {
		{"the name of a duplicate row tells time, party and role", test_sent_name},
		{"an inbox row is read without unpacking it", test_inbox},
		{"an inbox row is written as protobuf would write it", test_inbox_written},
		{"two halves make a relation", test_relation},
		{"of a contact row what decides is read without unpacking it", test_contact},
		{"settings are read without unpacking them", test_settings},
		{"secrets are never printed", test_secrets_hidden},
		{"rows are printed for people", test_print},
	};
	size_t n = 8;

	for (size_t i = 0; i < HY_COUNT_OF(name_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = name_cases[i].label,
			.test_func = test_device_name,
			.initial_state = (void *)(uintptr_t)&name_cases[i]};
	for (size_t i = 0; i < HY_COUNT_OF(damage_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = damage_cases[i].label,
			.test_func = test_damage,
			.initial_state = (void *)(uintptr_t)&damage_cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
