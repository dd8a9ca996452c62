/* follow.c - the face of `--json`: events out, orders in. See faces.h. */
#include <stdio.h>

#include "base/mem.h"
#include "chat/command.h"
#include "chat/faces.h"
#include "chat/json.h"
#include "chat/words.h"

struct follow {
	struct chat_session *session;
	bool reading, go_on;
	unsigned line; /* of the orders, from 1 */
};

static void put(cJSON *event)
{
	char *text = cJSON_PrintUnformatted(event);
	puts(text);
	fflush(stdout);
	cJSON_free(text);
	cJSON_Delete(event);
}

static void put_row(struct follow *f, const struct chat_row *row, bool fresh)
{
	struct chat_person *p = chat_store_person(chat_session_store(f->session), row->peer);
	put(chat_json_row(row, fresh, p ? p->name : "", chat_session_name(f->session)));
	chat_person_free(p);
}

static void on_row(void *arg, const struct chat_row *row, bool fresh)
{
	put_row(arg, row, fresh);
}

static void put_old_row(void *arg, const struct chat_row *row)
{
	put_row(arg, row, true);
}

static void put_person(void *arg, struct chat_person *p)
{
	if (p->relation != HONGYAN_RELATION_NONE || p->blocked)
		put(chat_json_person(p));
	chat_person_free(p);
}

static void on_person(void *arg, uint32_t uin)
{
	struct follow *f = arg;
	struct chat_store *store = chat_session_store(f->session);
	if (uin == 0 || uin == chat_store_uin(store))
		return;
	struct chat_person *p = chat_store_person(store, uin);
	if (p)
		put(chat_json_person(p));
	chat_person_free(p);
}

static void on_state(void *arg, enum hongyan_state state)
{
	put(chat_json_state(state));
}

static void on_trouble(void *arg, const char *why)
{
	put(chat_json_trouble(why));
}

static void on_done(void *arg, enum chat_verb verb, const char *name, int status, const char *why)
{
	put(chat_json_done(verb, name, status, why));
}

static void on_found(void *arg, const struct hongyan_profile *profile)
{
	put(chat_json_profile(profile));
}

static void on_devices(void *arg, const struct hongyan_device *devices, size_t count)
{
	put(chat_json_devices(devices, count));
}

static void on_ended(void *arg, int status, const char *why)
{
	cJSON *event = chat_json_error(why);
	cJSON_AddStringToObject(event, "status", hy_status_name(status));
	cJSON_AddBoolToObject(event, "ended", true);
	put(event);
	fprintf(stderr, "hongyan chat: %s\n", why);
}

/** An order that is none, or asks for what there is not: which one, and in which line of the input. */
static void put_wrong(const struct follow *f, const char *order, const char *why)
{
	cJSON *event = chat_json_error(why);
	if (order[0])
		cJSON_AddStringToObject(event, "order", order);
	cJSON_AddNumberToObject(event, "line", f->line);
	put(event);
}

static void replace_text(const cJSON *fields, const char *name, const char **text)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(fields, name));
	if (value)
		*text = value;
}

static void update_profile(struct follow *f, const cJSON *fields)
{
	struct chat_person *me = chat_store_me(chat_session_store(f->session));
	struct hongyan_profile profile = chat_person_profile(me);
	const char *colour = "";
	replace_text(fields, "nickname", &profile.nickname);
	replace_text(fields, "signature", &profile.signature);
	replace_text(fields, "region", &profile.region);
	replace_text(fields, "colour", &colour);
	if (colour[0] && !chat_colour_parse(colour, &profile.avatar_colour))
		put_wrong(f, "profile", "a colour is #RRGGBB");
	else
		chat_session_update_profile(f->session, &profile);
	chat_person_free(me);
}

static void update_settings(struct follow *f, const cJSON *fields)
{
	struct hongyan_settings settings;
	const char *may_write = "", *may_ask = "";
	chat_store_settings(chat_session_store(f->session), &settings);
	replace_text(fields, "write", &may_write);
	replace_text(fields, "ask", &may_ask);
	if ((may_write[0] && !chat_who_parse(may_write, &settings.may_write)) ||
		(may_ask[0] && !chat_who_parse(may_ask, &settings.may_ask)))
		put_wrong(f, "settings", "\"write\" and \"ask\" take default, contacts, anyone or nobody");
	else
		chat_session_update_settings(f->session, &settings);
}

static void show_history(struct follow *f, const struct chat_order *o)
{
	struct chat_store *store = chat_session_store(f->session);
	struct chat_person *p = chat_store_person_named(store, o->name);
	if (p)
		chat_store_rows(store, p->uin, o->limit, put_old_row, f);
	else
		put_wrong(f, "history", "there is no history with this name");
	chat_person_free(p);
}

static void obey(struct follow *f, const struct chat_order *o)
{
	switch (o->kind) {
	case CHAT_JSON_NONE:
		put_wrong(f, o->word, o->why);
		break;
	case CHAT_JSON_VERB:
		chat_session_do(f->session, o->verb, o->name, o->text);
		break;
	case CHAT_JSON_PROFILE:
		update_profile(f, o->fields);
		break;
	case CHAT_JSON_SETTINGS:
		update_settings(f, o->fields);
		break;
	case CHAT_JSON_PASSWORD:
		chat_session_change_password(f->session, o->name, o->text);
		break;
	case CHAT_JSON_DEVICES:
		chat_session_list_devices(f->session);
		break;
	case CHAT_JSON_SIGN_OUT:
		chat_session_sign_out(f->session, o->name);
		break;
	case CHAT_JSON_CONTACTS:
		chat_store_people(chat_session_store(f->session), put_person, f);
		break;
	case CHAT_JSON_HISTORY:
		show_history(f, o);
		break;
	case CHAT_JSON_QUIT:
		chat_session_end_when_sent(f->session, 0);
		break;
	}
}

static void on_line(struct env_msg *msg)
{
	struct chat_line *line = hy_container_of(msg, struct chat_line, msg);
	struct follow *f = line->face;
	f->line++;
	if (line->text && line->text[0]) {
		struct chat_order order;
		chat_order_parse(line->text, &order);
		obey(f, &order);
		chat_order_fini(&order);
	} else if (!line->text && !f->go_on) {
		chat_session_end_when_sent(f->session, 0);
	}
	chat_line_free(line);
}

static uint64_t turn(void *arg)
{
	struct follow *f = arg;
	if (!f->reading && chat_session_ready(f->session)) {
		f->reading = true;
		chat_lines_start(f->session, on_line, f);
	}
	return UINT64_MAX;
}

int chat_face_json(struct chat_session *s, bool go_on)
{
	struct follow f = {.session = s, .go_on = go_on};
	chat_session_set_face(s, &(struct chat_face){.arg = &f,
					 .on_row = on_row,
					 .on_person = on_person,
					 .on_state = on_state,
					 .on_trouble = on_trouble,
					 .on_done = on_done,
					 .on_found = on_found,
					 .on_devices = on_devices,
					 .on_ended = on_ended,
					 .turn = turn});
	int status = chat_session_run(s);
	return status == 0 && chat_session_waiting(s) > 0 ? CHAT_EXIT_KEPT : status;
}
