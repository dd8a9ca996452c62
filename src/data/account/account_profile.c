/* What a user tells about itself, and its settings: changed by their owner, each change once (client ID). */
#include <sodium.h>

#include "data/account/account_internal.h"

/**
 * Of an account without a card, as earlier servers made them; it was handed out and must stay. Colours that are far
 * enough from white for a white letter on them: all hues, in three shades.
 */
static uint32_t earlier_colour(uint32_t uin)
{
	uint32_t mixed = (uint32_t)((uin * 0x9e3779b97f4a7c15ull) >> 32);
	uint32_t hue = mixed % 360, top = 150 + mixed / 360 % 3 * 25, low = 50;
	uint32_t between = hue % 60, up = low + (top - low) * between / 60, down = top - (top - low) * between / 60;

	switch (hue / 60) {
	case 0:
		return top << 16 | up << 8 | low;
	case 1:
		return down << 16 | top << 8 | low;
	case 2:
		return low << 16 | top << 8 | up;
	case 3:
		return low << 16 | down << 8 | top;
	case 4:
		return up << 16 | low << 8 | top;
	default:
		return top << 16 | low << 8 | down;
	}
}

/** White letters can be read on each (a contrast of 4.5); the page offers the same ones. */
static const uint32_t first_colours[] = {
	0x0d6b62, 0x2d6a9f, 0x5557a8, 0x86478f, 0xa83a63, 0xb4412f, 0x99580e, 0x6a6a1c, 0x3f7439, 0x56616b};

void account_first_card(Hy__ProfileRow *profile, uint32_t uin, Hy__AccountCard *ret_card)
{
	uint32_t mixed = (uint32_t)((uin * 0x9e3779b97f4a7c15ull) >> 32);

	account_card_of(profile, uin, ret_card);
	ret_card->avatar_colour = first_colours[mixed % HY_COUNT_OF(first_colours)];
	ret_card->name = (char *)(uintptr_t)protobuf_c_empty_string; /* the row has it */
	profile->card = ret_card;
}

void account_card_of(const Hy__ProfileRow *profile, uint32_t uin, Hy__AccountCard *ret_card)
{
	if (profile->card) {
		*ret_card = *profile->card;
	} else {
		hy__account_card__init(ret_card);
		ret_card->nickname = profile->name;
		ret_card->avatar_colour = earlier_colour(uin);
		ret_card->version = profile->created_ms;
	}
	ret_card->name = profile->name;
}

uint64_t account_card_version(const struct call *call, const Hy__AccountCard *earlier)
{
	return HY_MAX(env_wall_ms(svr_env(svr_of_loop(call->loop))), earlier->version + 1);
}

int account_read_profile(struct account *account, struct call *call, const struct hy_key *key,
	Hy__ProfileRow **ret_profile, uint64_t *ret_version)
{
	struct kt_row row;

	int rc = kt_read_row(account->kt, call, key, SPACES_ACCOUNT, hy_bytes_str(SPACES_OWNER), KT_STRONG, &row);
	if (rc != HY_OK)
		return rc;
	*ret_profile = (Hy__ProfileRow *)row_unpack(call, key, &row, &hy__profile_row__descriptor);
	*ret_version = row.version;
	return *ret_profile ? HY_OK : call_fail(call, HY_DATA_LOSS, "the account's profile is damaged");
}

int account_handle_get_card(
	void *self, struct call *call, const Hy__AccountGetCardRequest *request, Hy__AccountGetCardResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_user(request->uin);
	Hy__ProfileRow *profile;
	uint64_t version;
	struct kt_row row;

	int rc = account_read_profile(account, call, &key, &profile, &version);
	if (rc != HY_OK)
		return rc;
	response->card = hy_arena_alloc(call->arena, sizeof *response->card);
	if (!response->card)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	account_card_of(profile, request->uin, response->card);
	response->created_ms = profile->created_ms;
	rc = kt_read_row(account->kt, call, &key, SPACES_CREDENTIAL, hy_bytes_str(SPACES_OWNER), KT_STRONG, &row);
	if (rc != HY_OK)
		return rc == HY_NOT_FOUND ? HY_OK : rc;
	Hy__CredentialRow *credential =
		(Hy__CredentialRow *)row_unpack(call, &key, &row, &hy__credential_row__descriptor);
	response->disabled = credential && credential->disabled_ms != 0;
	return HY_OK;
}

/* ---- changes, each with an ID of the client's ------------------------------------------------------------------ */

enum own_op { OP_SENT, OP_EXPECT, OP_ROW, OP_INTENT, OP_COUNT };

/** One write: the ID, the row, and what is to be told. */
struct own_change {
	struct hy_key key;
	uint8_t sent_name[SPACES_SENT_NAME_SIZE], intent_name[SPACES_PEER_NAME_SIZE];
	uint8_t content[SPACES_HASH_SIZE];
	struct kt_op ops[OP_COUNT];
	size_t count;
};

static int own_begin(struct call *call, uint32_t uin, ProtobufCBinaryData client_id, uint64_t made_ms,
	struct hy_bytes content, struct own_change *c)
{
	if (client_id.len != SPACES_CLIENT_ID_SIZE)
		return call_fail(call, HY_INVALID_ARGUMENT, "a client ID has %u bytes", SPACES_CLIENT_ID_SIZE);
	c->key = hy_key_user(uin);
	spaces_sent_name(c->sent_name, made_ms, 0, SPACES_ACCOUNT_CHANGE, client_id.data);
	crypto_generichash(c->content, sizeof c->content, content.data, content.len, NULL, 0);
	c->ops[OP_SENT] = (struct kt_op){.kind = KT_INSERT,
		.space = SPACES_SENT,
		.name = hy_bytes(c->sent_name, sizeof c->sent_name),
		.value = hy_bytes(c->content, sizeof c->content)};
	c->count = OP_INTENT;
	return HY_OK;
}

/** SUSPENDS. OK and *ret_repeated: it was made before. ABORTED: the profile has changed meanwhile. */
static int own_write(struct account *account, struct call *call, struct own_change *c, uint64_t *ret_version,
	protobuf_c_boolean *ret_repeated)
{
	struct kt_result result;

	int rc = kt_write(account->kt, call, &c->key, c->ops, c->count, &result);
	if (rc == HY_OK)
		*ret_version = result.versions[OP_ROW];
	if (rc == HY_OUT_OF_RANGE && result.failed_op == OP_SENT)
		return call_fail(call, rc, "the change was first sent too long ago, or by a clock that is ahead");
	if (rc != HY_ALREADY_EXISTS || result.failed_op != OP_SENT)
		return rc;
	if (!hy_bytes_equal(result.stored.value, hy_bytes(c->content, sizeof c->content)))
		return call_fail(call, rc, "another change was sent under this client ID");
	*ret_repeated = true;
	return HY_OK;
}

static int pack_profile(struct call *call, Hy__ProfileRow *profile, const Hy__AccountPutProfileRequest *request,
	struct hy_bytes *ret_value)
{
	Hy__AccountCard earlier, card = *request->card;

	account_card_of(profile, request->uin, &earlier);
	card.name = (char *)(uintptr_t) ""; /* stands beside it */
	card.gone = false;
	card.version = account_card_version(call, &earlier);
	profile->card = &card;
	return row_pack(call, &profile->base, ret_value);
}

/** What every change rests on: an account that is there, and stays as it was read. SUSPENDS. */
static int own_expect_profile(
	struct account *account, struct call *call, struct own_change *c, Hy__ProfileRow **ret_profile)
{
	uint64_t version;

	int rc = account_read_profile(account, call, &c->key, ret_profile, &version);
	if (rc != HY_OK)
		return rc;
	if (account_profile_is_gone(*ret_profile))
		return HY_NOT_FOUND;
	c->ops[OP_EXPECT] = (struct kt_op){
		.kind = KT_EXPECT_ROW, .space = SPACES_ACCOUNT, .name = hy_bytes_str(SPACES_OWNER), .version = version};
	return HY_OK;
}

static int put_profile_once(struct account *account, struct call *call, const Hy__AccountPutProfileRequest *request,
	struct own_change *c, Hy__AccountPutProfileResponse *response)
{
	Hy__IntentRow intent = HY__INTENT_ROW__INIT;
	Hy__ProfileRow *profile;

	int rc = own_expect_profile(account, call, c, &profile);
	if (rc != HY_OK)
		return rc;
	c->ops[OP_ROW] = (struct kt_op){.kind = KT_PUT, .space = SPACES_ACCOUNT, .name = hy_bytes_str(SPACES_OWNER)};
	spaces_peer_name(c->intent_name, 0);
	c->ops[OP_INTENT] = (struct kt_op){
		.kind = KT_PUT, .space = SPACES_INTENT, .name = hy_bytes(c->intent_name, sizeof c->intent_name)};
	c->count = OP_COUNT;
	intent.made_ms = env_wall_ms(svr_env(svr_of_loop(call->loop)));
	rc = pack_profile(call, profile, request, &c->ops[OP_ROW].value);
	if (rc == HY_OK)
		rc = row_pack(call, &intent.base, &c->ops[OP_INTENT].value);
	if (rc == HY_OK)
		rc = own_write(account, call, c, &response->version, &response->repeated_change);
	return rc;
}

static int put_settings_once(struct account *account, struct call *call, struct hy_bytes value, struct own_change *c,
	Hy__AccountPutSettingsResponse *response)
{
	Hy__ProfileRow *profile;

	int rc = own_expect_profile(account, call, c, &profile);
	if (rc != HY_OK)
		return rc;
	c->ops[OP_ROW] = (struct kt_op){
		.kind = KT_PUT, .space = SPACES_ACCOUNT, .name = hy_bytes_str(SPACES_SETTINGS), .value = value};
	return own_write(account, call, c, &response->version, &response->repeated_change);
}

static int changed_too_often(struct call *call)
{
	return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 1000, "too many changes of one account at once");
}

int account_handle_put_profile(void *self, struct call *call, const Hy__AccountPutProfileRequest *request,
	Hy__AccountPutProfileResponse *response)
{
	Hy__AccountCard said;
	struct own_change c;
	struct hy_bytes content;

	if (!request->card)
		return call_fail(call, HY_INVALID_ARGUMENT, "a profile is needed");
	said = *request->card;
	said.name = (char *)(uintptr_t) "";
	said.version = 0;
	said.gone = false;
	int rc = row_pack(call, &said.base, &content);
	if (rc == HY_OK)
		rc = own_begin(call, request->uin, request->client_id, request->made_ms, content, &c);
	if (rc != HY_OK)
		return rc;
	rc = HY_ABORTED;
	for (unsigned attempt = 0; attempt < ACCOUNT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = put_profile_once(self, call, request, &c, response);
	return rc == HY_ABORTED ? changed_too_often(call) : rc;
}

int account_handle_put_settings(void *self, struct call *call, const Hy__AccountPutSettingsRequest *request,
	Hy__AccountPutSettingsResponse *response)
{
	Hy__SettingsRow settings = HY__SETTINGS_ROW__INIT;
	struct own_change c;
	struct hy_bytes value;

	settings.may_write = request->may_write;
	settings.may_ask = request->may_ask;
	int rc = row_pack(call, &settings.base, &value);
	if (rc == HY_OK)
		rc = own_begin(call, request->uin, request->client_id, request->made_ms, value, &c);
	if (rc != HY_OK)
		return rc;
	rc = HY_ABORTED;
	for (unsigned attempt = 0; attempt < ACCOUNT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = put_settings_once(self, call, value, &c, response);
	return rc == HY_ABORTED ? changed_too_often(call) : rc;
}
