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
}

void ticket_make(struct env *env, uint32_t uin, uint8_t ret_ticket[TICKET_SIZE])
{
	hy_put_be32(ret_ticket, uin);
	env_random(env, ret_ticket + 4, TICKET_SIZE - 4);
}

void ticket_hash(const struct logic_keys *keys, const uint8_t ticket[TICKET_SIZE], uint8_t ret_hash[TICKET_HASH_SIZE])
{
	crypto_generichash(ret_hash, TICKET_HASH_SIZE, ticket, TICKET_SIZE, keys->ticket, sizeof keys->ticket);
}
