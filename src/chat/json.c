/* json.c - see json.h. */
#include "chat/json.h"

#include <stdio.h>

#include "base/mem.h"
#include "chat/text.h"

#define DEPTH_MAX 8

static const char *const relations[] = {"none", "outgoing", "incoming", "contact", "ended"};

static cJSON *event(const char *name)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "event", name);
	return o;
}

/** What the store and the server give is UTF-8; what an older server let through is made so. */
static void add_text(cJSON *o, const char *name, const char *text)
{
	struct hy_buf clean = {0};
	chat_text_append_valid(&clean, text, strlen(text));
	hy_buf_append(&clean, "", 1);
	cJSON_AddStringToObject(o, name, (const char *)hy_buf_data(&clean));
	hy_buf_fini(&clean);
}

cJSON *chat_json_row(const struct chat_row *row, bool fresh, const char *name, const char *me)
{
	static const char *const states[] = {"sent", "sending", "failed"};
	bool own_news = row->mine && (row->state != CHAT_ROW_SAFE || !fresh);
	cJSON *o = event(own_news ? states[row->state] : "message");
	char id[2 * HONGYAN_MESSAGE_ID_SIZE + 1] = "";
	for (size_t i = 0; i < sizeof row->id; i++)
		snprintf(id + 2 * i, 3, "%02x", row->id[i]);
	cJSON_AddNumberToObject(o, "n", (double)row->n);
	cJSON_AddStringToObject(o, "from", row->mine ? me : name);
	cJSON_AddStringToObject(o, "to", row->mine ? name : me);
	cJSON_AddBoolToObject(o, "mine", row->mine);
	add_text(o, "text", row->text);
	cJSON_AddNumberToObject(o, "time_ms", (double)row->time_ms);
	if (row->state == CHAT_ROW_SAFE)
		cJSON_AddStringToObject(o, "id", id);
	if (row->state == CHAT_ROW_FAILED)
		add_text(o, "why", row->why);
	return o;
}

cJSON *chat_json_person(const struct chat_person *p)
{
	bool asks = p->relation == HONGYAN_RELATION_INCOMING && !p->blocked;
	cJSON *o = event(asks ? "request" : "contact");
	cJSON_AddStringToObject(o, asks ? "from" : "name", p->name);
	cJSON_AddStringToObject(o, "relation", relations[p->relation]);
	add_text(o, "nickname", p->nickname);
	if (asks)
		add_text(o, "greeting", p->greeting);
	else
		add_text(o, "remark", p->remark);
	cJSON_AddBoolToObject(o, "blocked", p->blocked);
	if (p->gone)
		cJSON_AddBoolToObject(o, "gone", true);
	return o;
}

cJSON *chat_json_profile(const struct hongyan_profile *p)
{
	char colour[8];
	cJSON *o = event("found");
	snprintf(colour, sizeof colour, "#%06x", p->avatar_colour & 0xffffff);
	cJSON_AddStringToObject(o, "name", p->name);
	add_text(o, "nickname", p->nickname);
	add_text(o, "signature", p->signature);
	add_text(o, "region", p->region);
	cJSON_AddStringToObject(o, "colour", colour);
	return o;
}

cJSON *chat_json_state(enum hongyan_state state)
{
	static const char *const states[] = {"offline", "connecting", "online"};
	cJSON *o = event("state");
	cJSON_AddStringToObject(o, "state", states[state]);
	return o;
}

cJSON *chat_json_trouble(const char *why)
{
	cJSON *o = event("trouble");
	add_text(o, "why", why);
	return o;
}

cJSON *chat_json_done(enum chat_verb verb, const char *name, int status, const char *why)
{
	cJSON *o = event(status == HONGYAN_OK ? "done" : "error");
	cJSON_AddStringToObject(o, "what", chat_verb_name(verb));
	if (name[0])
		add_text(o, "name", name);
	if (status != HONGYAN_OK) {
		cJSON_AddStringToObject(o, "status", hy_status_name(status));
		add_text(o, "why", why);
	}
	return o;
}

cJSON *chat_json_devices(const struct hongyan_device *devices, size_t count)
{
	cJSON *o = event("devices"), *list = cJSON_AddArrayToObject(o, "devices");
	for (size_t i = 0; i < count; i++) {
		cJSON *d = cJSON_CreateObject();
		cJSON_AddStringToObject(d, "device", devices[i].device);
		add_text(d, "label", devices[i].name ? devices[i].name : "");
		cJSON_AddNumberToObject(d, "seen_ms", (double)devices[i].seen_ms);
		cJSON_AddBoolToObject(d, "this_one", devices[i].this_one);
		cJSON_AddBoolToObject(d, "online", devices[i].online);
		cJSON_AddItemToArray(list, d);
	}
	return o;
}

cJSON *chat_json_error(const char *why)
{
	cJSON *o = event("error");
	add_text(o, "why", why);
	return o;
}

/* ---- orders ------------------------------------------------------------------------------------------------------ */

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
	return text ? text : "";
}

/** cJSON descends as deep as the text says. */
static bool too_deep(const char *line)
{
	int depth = 0;
	for (bool quoted = false; *line; line++) {
		if (quoted && *line == '\\' && line[1])
			line++;
		else if (*line == '"')
			quoted = !quoted;
		else if (!quoted && (*line == '{' || *line == '['))
			depth++;
		else if (!quoted && (*line == '}' || *line == ']'))
			depth--;
		if (depth > DEPTH_MAX)
			return true;
	}
	return false;
}

/** {"accept": "bob"}, or {"add": {"name": "bob", "greeting": "hi"}}. */
static void parse_verb(struct chat_order *o, const cJSON *value)
{
	o->kind = CHAT_JSON_VERB;
	o->name = cJSON_IsString(value) ? value->valuestring : text_of(value, o->verb == CHAT_SEND ? "to" : "name");
	if (cJSON_IsObject(value))
		o->text = text_of(value, o->verb == CHAT_ADD ? "greeting" : "text");
	if (!o->name[0]) {
		o->kind = CHAT_JSON_NONE;
		o->why = o->verb == CHAT_SEND ? "\"send\" wants {\"to\": NAME, \"text\": TEXT}"
					      : "whom? A name is missing";
	} else if (o->verb == CHAT_SEND && !o->text[0]) {
		o->kind = CHAT_JSON_NONE;
		o->why = "\"send\" wants {\"to\": NAME, \"text\": TEXT}";
	}
}

static void parse_other(struct chat_order *o, const cJSON *value)
{
	const char *word = value->string;
	o->fields = value;
	if (strcmp(word, "profile") == 0 && cJSON_IsObject(value)) {
		o->kind = CHAT_JSON_PROFILE;
	} else if (strcmp(word, "settings") == 0 && cJSON_IsObject(value)) {
		o->kind = CHAT_JSON_SETTINGS;
	} else if (strcmp(word, "password") == 0 && cJSON_IsObject(value)) {
		o->kind = CHAT_JSON_PASSWORD;
		o->name = text_of(value, "old");
		o->text = text_of(value, "new");
	} else if (strcmp(word, "devices") == 0) {
		o->kind = CHAT_JSON_DEVICES;
	} else if (strcmp(word, "contacts") == 0) {
		o->kind = CHAT_JSON_CONTACTS;
	} else if (strcmp(word, "signout") == 0 && cJSON_IsString(value)) {
		o->kind = CHAT_JSON_SIGN_OUT;
		o->name = value->valuestring;
	} else if (strcmp(word, "history") == 0 && cJSON_IsObject(value)) {
		const cJSON *limit = cJSON_GetObjectItemCaseSensitive(value, "limit");
		o->kind = CHAT_JSON_HISTORY;
		o->name = text_of(value, "with");
		if (cJSON_IsNumber(limit) && limit->valuedouble >= 1 && limit->valuedouble <= 1e6)
			o->limit = (unsigned)limit->valuedouble;
	} else if (strcmp(word, "quit") == 0) {
		o->kind = CHAT_JSON_QUIT;
	} else {
		o->why = "no such order";
	}
}

void chat_order_parse(const char *line, struct chat_order *ret_order)
{
	struct chat_order *o = ret_order;
	*o = (struct chat_order){
		.name = "", .text = "", .word = "", .why = "one JSON object a line, please", .limit = 50};
	if (too_deep(line))
		return;
	o->object = cJSON_Parse(line);
	const cJSON *value = cJSON_IsObject(o->object) ? o->object->child : NULL;
	if (!value)
		return;
	o->word = value->string;
	if (value->next)
		o->why = "one order a line, please";
	else if (chat_verb_parse(value->string, &o->verb))
		parse_verb(o, value);
	else
		parse_other(o, value);
}

void chat_order_fini(struct chat_order *o)
{
	cJSON_Delete(o->object);
}
