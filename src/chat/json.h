/**
 * json.h - the lines of `hongyan chat --json`: events as they are written, orders as they are read.
 */
#ifndef CHAT_JSON_H
#define CHAT_JSON_H

#include <cjson/cJSON.h>

#include "chat/session.h"

/** Events; the caller deletes them. `name`: of the other one in the conversation. */
cJSON *chat_json_row(const struct chat_row *row, bool fresh, const char *name, const char *me);
cJSON *chat_json_person(const struct chat_person *p);
cJSON *chat_json_profile(const struct hongyan_profile *p);
cJSON *chat_json_state(enum hongyan_state state);
cJSON *chat_json_trouble(const char *why);
cJSON *chat_json_done(enum chat_verb verb, const char *name, int status, const char *why);
cJSON *chat_json_devices(const struct hongyan_device *devices, size_t count);
/** {"event": "error"}, for what is no order. */
cJSON *chat_json_error(const char *why);

enum chat_json_kind {
	CHAT_JSON_NONE, /* it is no order: why */
	CHAT_JSON_VERB,
	CHAT_JSON_PROFILE, /* the object's fields replace one's own */
	CHAT_JSON_SETTINGS,
	CHAT_JSON_PASSWORD, /* name: the old one, text: the new one */
	CHAT_JSON_DEVICES,
	CHAT_JSON_SIGN_OUT, /* name: the device */
	CHAT_JSON_CONTACTS,
	CHAT_JSON_HISTORY, /* name, limit */
	CHAT_JSON_QUIT,
};

/** One line of input. Texts are borrowed from `object`, which chat_order_fini() deletes; they are never NULL. */
struct chat_order {
	enum chat_json_kind kind;
	enum chat_verb verb;
	const char *name, *text, *why;
	const char *word; /* the order's; "" for none */
	unsigned limit;
	const cJSON *fields; /* PROFILE, SETTINGS */
	cJSON *object;
};
void chat_order_parse(const char *line, struct chat_order *ret_order);
void chat_order_fini(struct chat_order *o);

#endif
