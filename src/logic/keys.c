#include "logic/keys.h"

#include <sodium.h>

void logic_keys_derive(const uint8_t master[LOGIC_KEY_SIZE], struct logic_keys *ret_keys)
{
	static const char context[crypto_kdf_CONTEXTBYTES] = "hongyan ";
	_Static_assert(crypto_kdf_KEYBYTES == LOGIC_KEY_SIZE, "the master key is a key for crypto_kdf");
	struct logic_keys *k = ret_keys;

	crypto_kdf_derive_from_key(k->uin, sizeof k->uin, 1, context, master);
	crypto_kdf_derive_from_key(k->message_id, sizeof k->message_id, 2, context, master);
	crypto_kdf_derive_from_key(k->ticket, sizeof k->ticket, 3, context, master);
	crypto_kdf_derive_from_key(k->snapshot, sizeof k->snapshot, 4, context, master);
	crypto_kdf_derive_from_key(k->content, sizeof k->content, 5, context, master);
	crypto_kdf_derive_from_key(k->making, sizeof k->making, 6, context, master);
}

void ticket_make(const struct logic_keys *keys, uint32_t uin, const char *device, struct hy_bytes client_id,
	uint64_t generation, uint8_t ret_ticket[TICKET_SIZE])
{
	crypto_generichash_state state;
	uint8_t number[8];

	hy_put_be32(ret_ticket, uin);
	crypto_generichash_init(&state, keys->making, sizeof keys->making, TICKET_SIZE - 4);
	crypto_generichash_update(&state, ret_ticket, 4);
	crypto_generichash_update(&state, (const uint8_t *)device, strlen(device) + 1);
	hy_put_be64(number, generation);
	crypto_generichash_update(&state, number, sizeof number);
	crypto_generichash_update(&state, client_id.data, client_id.len);
	crypto_generichash_final(&state, ret_ticket + 4, TICKET_SIZE - 4);
	sodium_memzero(&state, sizeof state);
}

void ticket_hash(const struct logic_keys *keys, const uint8_t ticket[TICKET_SIZE], uint8_t ret_hash[TICKET_HASH_SIZE])
{
	crypto_generichash(ret_hash, TICKET_HASH_SIZE, ticket, TICKET_SIZE, keys->ticket, sizeof keys->ticket);
}
