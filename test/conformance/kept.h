/**
 * kept.h - what the C driver keeps of its user, in memory and in a file that is whole at every moment.
 *
 * One JSON object:
 *	uin, ticket, snapshot (both in hex); me {name, nickname, signature, region, settings {mayWrite, mayAsk}}
 *	contacts  {UIN: {uin, name, nickname, relation, remark, greeting, blocked, gone}}
 *	texts     [{id, peer, from, text}], in the order in which they came; one for each ID
 *	outbox    [{to, text, clientId, madeMs, code, why}], in the order in which they were typed; `code`: was refused
 */
#ifndef TEST_CONFORMANCE_KEPT_H
#define TEST_CONFORMANCE_KEPT_H

#include <cjson/cJSON.h>
#include <hongyan.h>

struct kept {
	cJSON *root;
	char *file; /* borrowed */
};

/** Reads the file if it is there. */
void kept_open(struct kept *k, char *file);
/** False: the file is as it was. */
bool kept_save(const struct kept *k);
void kept_close(struct kept *k);
/** As if it had never been. */
void kept_wipe(struct kept *k);

/** 0: nobody is signed in. */
uint32_t kept_uin(const struct kept *k);
/** Another user than before: all else is wiped. */
void kept_sign_in(struct kept *k, uint32_t uin, const void *ticket, size_t ticket_len);
/** The ticket is no longer good. */
void kept_forget_ticket(struct kept *k);
void kept_set_bytes(struct kept *k, const char *name, const void *data, size_t len);
/** How many of `size` bytes there are; 0: none. */
size_t kept_bytes(const struct kept *k, const char *name, uint8_t *ret_data, size_t size);

/** Array or object of the root, made if it is not there. */
cJSON *kept_part(const struct kept *k, const char *name);
/** `told` is called for each text and each request that was not there before. */
void kept_take(struct kept *k, const struct hongyan_sync *sync, void (*told)(void *arg, const struct hongyan_change *c),
	void *arg);
/** The outbox's row of this client ID, or NULL. */
cJSON *kept_row(const struct kept *k, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE]);

void hex_of(const void *data, size_t len, char *ret_text); /* 2 * len + 1 bytes */
size_t hex_to(const char *text, uint8_t *ret_data, size_t size);

#endif
