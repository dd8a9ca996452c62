#include "data/spaces.h"

#include "account.pb-c.h"
#include "contact.pb-c.h"
#include "contacts.pb-c.h"
#include "message.pb-c.h"
#include "svrkit/pb.h"
#include "sync.pb-c.h"

/* ---- names --------------------------------------------------------------------------------------------------- */

bool spaces_device_name(enum spaces_device_kind kind, const char *device, struct spaces_device_name *ret_name)
{
	size_t len = strlen(device);

	if (len == 0 || len > SPACES_DEVICE_MAX)
		return false;
	ret_name->bytes[0] = (uint8_t)kind;
	ret_name->bytes[1] = '/';
	memcpy(ret_name->bytes + 2, device, len);
	ret_name->len = 2 + len;
	return true;
}

bool spaces_device_of(enum spaces_device_kind kind, struct hy_bytes name, char *device)
{
	if (name.len < 3 || name.len > 2 + SPACES_DEVICE_MAX || name.data[0] != kind || name.data[1] != '/')
		return false;
	memcpy(device, name.data + 2, name.len - 2);
	device[name.len - 2] = '\0';
	return strlen(device) == name.len - 2;
}

void spaces_peer_name(uint8_t out[SPACES_PEER_NAME_SIZE], uint32_t peer)
{
	out[0] = 'c';
	out[1] = '/';
	hy_put_be32(out + 2, peer);
}

bool spaces_peer_of(struct hy_bytes name, uint32_t *ret_peer)
{
	if (name.len != SPACES_PEER_NAME_SIZE || name.data[0] != 'c' || name.data[1] != '/')
		return false;
	*ret_peer = hy_get_be32(name.data + 2);
	return true;
}

void spaces_sent_name(uint8_t out[SPACES_SENT_NAME_SIZE], uint64_t made_ms, uint32_t peer, enum spaces_role role,
	const uint8_t client_id[SPACES_CLIENT_ID_SIZE])
{
	hy_put_be64(out, made_ms);
	hy_put_be32(out + 8, peer);
	out[12] = (uint8_t)role;
	memcpy(out + 13, client_id, SPACES_CLIENT_ID_SIZE);
}

/* ---- inbox rows ---------------------------------------------------------------------------------------------- */

static const ProtobufCMessageDescriptor *body_descriptor(uint32_t type)
{
	return type == HY__SYNC_TYPE__SYNC_TYPE_TEXT ? &hy__text_message__descriptor : NULL;
}

static bool skip_field(unsigned wire_type, struct hy_bytes *in)
{
	uint64_t number;
	struct hy_bytes bytes;
	size_t fixed = wire_type == 1 ? 8 : 4;

	switch (wire_type) {
	case 0:
		return hy_get_varint(in, &number);
	case 1:
	case 5:
		if (in->len < fixed)
			return false;
		*in = hy_bytes(in->data + fixed, in->len - fixed);
		return true;
	case 2:
		return hy_get_bytes(in, &bytes);
	default:
		return false;
	}
}

bool spaces_inbox_read(struct hy_bytes value, struct spaces_inbox *ret_inbox)
{
	struct spaces_inbox inbox = {.body = hy_bytes("", 0)};
	uint64_t tag, number;

	while (value.len > 0) {
		if (!hy_get_varint(&value, &tag))
			return false;
		switch (tag) {
		case 1 << 3 | 0:
			if (!hy_get_varint(&value, &number))
				return false;
			inbox.type = (uint32_t)number;
			break;
		case 2 << 3 | 2:
			if (!hy_get_bytes(&value, &inbox.body))
				return false;
			break;
		case 3 << 3 | 0:
			if (!hy_get_varint(&value, &number))
				return false;
			inbox.own = number != 0;
			break;
		case 4 << 3 | 0:
			if (!hy_get_varint(&value, &inbox.time_ms))
				return false;
			break;
		default:
			if (tag >> 3 == 0 || !skip_field(tag & 7, &value))
				return false;
		}
	}
	const ProtobufCMessageDescriptor *d = body_descriptor(inbox.type);
	if (inbox.type == 0 || (d && !pb_check(d, inbox.body)))
		return false;
	*ret_inbox = inbox;
	return true;
}

size_t spaces_inbox_write(uint8_t *out, const struct spaces_inbox *inbox)
{
	uint8_t *p = out;

	if (inbox->type != 0) {
		*p++ = 1 << 3 | 0;
		p += hy_put_varint(p, inbox->type);
	}
	if (inbox->body.len > 0) {
		*p++ = 2 << 3 | 2;
		p += hy_put_varint(p, inbox->body.len);
		memcpy(p, inbox->body.data, inbox->body.len);
		p += inbox->body.len;
	}
	if (inbox->own) {
		*p++ = 3 << 3 | 0;
		*p++ = 1;
	}
	if (inbox->time_ms != 0) {
		*p++ = 4 << 3 | 0;
		p += hy_put_varint(p, inbox->time_ms);
	}
	return (size_t)(p - out);
}

/* ---- contact rows, settings -------------------------------------------------------------------------------------- */

/** Takes a tag from the front, and its value: a number, or bytes. Of other wire types just the tag. */
static bool get_field(struct hy_bytes *in, uint64_t *tag, uint64_t *number, struct hy_bytes *bytes)
{
	if (!hy_get_varint(in, tag) || *tag >> 3 == 0)
		return false;
	switch (*tag & 7) {
	case 0:
		return hy_get_varint(in, number);
	case 2:
		return hy_get_bytes(in, bytes);
	default:
		return skip_field(*tag & 7, in);
	}
}

static bool read_half(struct hy_bytes in, struct spaces_half *half)
{
	uint64_t tag, number;
	struct hy_bytes bytes;

	while (in.len > 0) {
		if (!get_field(&in, &tag, &number, &bytes))
			return false;
		if (tag == (1 << 3 | 0))
			half->generation = number;
		else if (tag == (2 << 3 | 0))
			half->wishes = number != 0;
		else if (tag == (3 << 3 | 0))
			half->lapsed = number;
	}
	return true;
}

bool spaces_contact_read(struct hy_bytes value, struct spaces_contact *ret_contact)
{
	struct spaces_contact contact = {.blocked = false};
	uint64_t tag, number;
	struct hy_bytes bytes;

	while (value.len > 0) {
		if (!get_field(&value, &tag, &number, &bytes))
			return false;
		if (tag == (1 << 3 | 2) && !read_half(bytes, &contact.mine))
			return false;
		if (tag == (2 << 3 | 2) && !read_half(bytes, &contact.theirs))
			return false;
		if (tag == (5 << 3 | 0))
			contact.blocked = number != 0;
	}
	*ret_contact = contact;
	return true;
}

uint32_t spaces_relation(const struct spaces_half *mine, const struct spaces_half *theirs)
{
	bool my_live = spaces_half_is_live(mine, theirs), their_live = spaces_half_is_live(theirs, mine);

	if (my_live)
		return their_live ? HY__RELATION__RELATION_CONTACT : HY__RELATION__RELATION_OUTGOING;
	if (their_live)
		return HY__RELATION__RELATION_INCOMING;
	return mine->wishes ? HY__RELATION__RELATION_ENDED : HY__RELATION__RELATION_NONE;
}

bool spaces_settings_read(struct hy_bytes value, uint32_t *ret_may_write, uint32_t *ret_may_ask)
{
	uint64_t tag, number, may_write = 0, may_ask = 0;
	struct hy_bytes bytes;

	while (value.len > 0) {
		if (!get_field(&value, &tag, &number, &bytes))
			return false;
		if (tag == (1 << 3 | 0))
			may_write = number;
		else if (tag == (2 << 3 | 0))
			may_ask = number;
	}
	*ret_may_write = (uint32_t)may_write;
	*ret_may_ask = (uint32_t)may_ask;
	return true;
}

/* ---- for people ---------------------------------------------------------------------------------------------- */

static const ProtobufCMessageDescriptor *inbox_inner(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
	return strcmp(field->name, "body") == 0 ? body_descriptor(((const Hy__InboxRow *)m)->type) : NULL;
}

static void print_hex(struct hy_bytes value, struct hy_buf *out)
{
	for (size_t i = 0; i < value.len; i++)
		hy_buf_printf(out, "%02x", value.data[i]);
}

/** `hide` (may be NULL) takes out of the message what nobody shall see. */
static void print_row(const ProtobufCMessageDescriptor *d, pb_inner_fn *inner, void (*hide)(ProtobufCMessage *m),
	struct hy_bytes value, struct hy_buf *out)
{
	struct hy_arena arena;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	ProtobufCMessage *m = pb_unpack(d, value, &arena);
	if (m) {
		if (hide)
			hide(m);
		pb_to_json(m, inner, &arena, out);
	} else {
		hy_buf_printf(out, "(%zu bytes that are no %s)", value.len, d->short_name);
	}
	hy_arena_fini(&arena);
}

static void print_account(struct hy_bytes name, struct hy_bytes value, struct hy_buf *out)
{
	const ProtobufCMessageDescriptor *d = &hy__device_row__descriptor;
	if (hy_bytes_equal(name, hy_bytes_str(SPACES_OWNER)))
		d = &hy__profile_row__descriptor;
	else if (hy_bytes_equal(name, hy_bytes_str(SPACES_SETTINGS)))
		d = &hy__settings_row__descriptor;
	print_row(d, NULL, NULL, value, out);
}

static void print_inbox(struct hy_bytes name, struct hy_bytes value, struct hy_buf *out)
{
	print_row(&hy__inbox_row__descriptor, inbox_inner, NULL, value, out);
}

static const char *sent_role(uint8_t role)
{
	switch (role) {
	case SPACES_INCOMING:
		return "from";
	case SPACES_OWN:
		return "to";
	case SPACES_CONTACT_CHANGE:
		return "contact";
	default:
		return "account";
	}
}

static void print_sent(struct hy_bytes name, struct hy_bytes value, struct hy_buf *out)
{
	if (name.len == SPACES_SENT_NAME_SIZE)
		hy_buf_printf(out, "made at %llu ms, %s %u, ", (unsigned long long)hy_get_be64(name.data),
			sent_role(name.data[12]), hy_get_be32(name.data + 8));
	hy_buf_printf(out, "content ");
	print_hex(value, out);
}

static void hide_ticket(ProtobufCMessage *m)
{
	((Hy__TicketRow *)m)->ticket_hash = (ProtobufCBinaryData){0, NULL};
}

static void print_credential(struct hy_bytes name, struct hy_bytes value, struct hy_buf *out)
{
	hy_buf_printf(out, "(hidden)");
	if (hy_bytes_equal(name, hy_bytes_str(SPACES_OWNER)) || hy_bytes_equal(name, hy_bytes_str(SPACES_GONE)))
		return;
	hy_buf_printf(out, " ");
	print_row(&hy__ticket_row__descriptor, NULL, hide_ticket, value, out);
}

static void print_position(struct hy_bytes name, struct hy_bytes value, struct hy_buf *out)
{
	print_row(&hy__position_row__descriptor, NULL, NULL, value, out);
}

static void print_name(struct hy_bytes name, struct hy_bytes value, struct hy_buf *out)
{
	bool invitation = hy_bytes_equal(name, hy_bytes_str(SPACES_INVITATION));
	print_row(invitation ? &hy__invitation_row__descriptor : &hy__name_row__descriptor, NULL, NULL, value, out);
}

static void print_contact(struct hy_bytes name, struct hy_bytes value, struct hy_buf *out)
{
	print_row(&hy__contact_row__descriptor, NULL, NULL, value, out);
}

static void print_intent(struct hy_bytes name, struct hy_bytes value, struct hy_buf *out)
{
	print_row(&hy__intent_row__descriptor, NULL, NULL, value, out);
}

const struct kt_space spaces_table[] = {
	{SPACES_ACCOUNT, KT_MAP, "account", print_account},
	{SPACES_INBOX, KT_LOG, "inbox", print_inbox},
	{SPACES_SENT, KT_WINDOW, "sent", print_sent},
	{SPACES_CREDENTIAL, KT_MAP, "credential", print_credential, .unfollowed = true},
	{SPACES_POSITION, KT_MAP, "position", print_position, .unfollowed = true},
	{SPACES_NAME, KT_MAP, "name", print_name, .unfollowed = true},
	{SPACES_CONTACT, KT_MAP, "contact", print_contact},
	{SPACES_INTENT, KT_MAP, "intent", print_intent, .unfollowed = true},
	{0},
};
