/* kept.c - see kept.h */
#include "kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (16u << 20)

/* ---- bytes as text ----------------------------------------------------------------------------------------------- */

void hex_of(const void *data, size_t len, char *ret_text)
{
	for (size_t i = 0; i < len; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", ((const uint8_t *)data)[i]);
	ret_text[2 * len] = 0;
}

size_t hex_to(const char *text, uint8_t *ret_data, size_t size)
{
	size_t len = 0;
	unsigned byte;
	while (len < size && sscanf(text + 2 * len, "%2x", &byte) == 1)
		ret_data[len++] = (uint8_t)byte;
	return len;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

void kept_open(struct kept *k, char *file)
{
	k->file = file;
	FILE *f = fopen(file, "rb");
	struct stat stat;
	if (f && fstat(fileno(f), &stat) == 0 && stat.st_size < (off_t)FILE_MAX) {
		char *text = cJSON_malloc((size_t)stat.st_size + 1);
		text[fread(text, 1, (size_t)stat.st_size, f)] = 0;
		k->root = cJSON_Parse(text);
		cJSON_free(text);
	}
	if (f)
		fclose(f);
	if (!k->root)
		k->root = cJSON_CreateObject();
}

bool kept_save(const struct kept *k)
{
	char name[1000];
	snprintf(name, sizeof name, "%s.new", k->file);
	char *text = cJSON_PrintUnformatted(k->root);
	FILE *f = fopen(name, "wb");
	bool written = f && fputs(text, f) >= 0;
	cJSON_free(text);
	return f && fclose(f) == 0 && written && rename(name, k->file) == 0;
}

void kept_close(struct kept *k)
{
	cJSON_Delete(k->root);
}

void kept_wipe(struct kept *k)
{
	cJSON_Delete(k->root);
	k->root = cJSON_CreateObject();
}

/* ---- who --------------------------------------------------------------------------------------------------------- */

static void set(cJSON *object, const char *name, cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	cJSON_AddItemToObject(object, name, value);
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
	return text ? text : "";
}

static uint32_t number_of(const cJSON *object, const char *name)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsNumber(number) ? (uint32_t)number->valuedouble : 0;
}

cJSON *kept_part(const struct kept *k, const char *name)
{
	cJSON *part = cJSON_GetObjectItemCaseSensitive(k->root, name);
	bool list = strcmp(name, "texts") == 0 || strcmp(name, "outbox") == 0;
	if (!part)
		cJSON_AddItemToObject(k->root, name, part = list ? cJSON_CreateArray() : cJSON_CreateObject());
	return part;
}

void kept_set_bytes(struct kept *k, const char *name, const void *data, size_t len)
{
	char *text = cJSON_malloc(2 * len + 1);
	hex_of(data, len, text);
	set(k->root, name, cJSON_CreateString(text));
	cJSON_free(text);
}

size_t kept_bytes(const struct kept *k, const char *name, uint8_t *ret_data, size_t size)
{
	return hex_to(text_of(k->root, name), ret_data, size);
}

uint32_t kept_uin(const struct kept *k)
{
	return *text_of(k->root, "ticket") ? number_of(k->root, "uin") : 0;
}

void kept_sign_in(struct kept *k, uint32_t uin, const void *ticket, size_t ticket_len)
{
	if (number_of(k->root, "uin") != uin)
		kept_wipe(k);
	set(k->root, "uin", cJSON_CreateNumber(uin));
	kept_set_bytes(k, "ticket", ticket, ticket_len);
}

void kept_forget_ticket(struct kept *k)
{
	cJSON_DeleteItemFromObjectCaseSensitive(k->root, "ticket");
}

/* ---- what came --------------------------------------------------------------------------------------------------- */

static cJSON *person(const struct hongyan_profile *p)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddNumberToObject(o, "uin", p->uin);
	cJSON_AddStringToObject(o, "name", p->name);
	cJSON_AddStringToObject(o, "nickname", p->nickname);
	cJSON_AddStringToObject(o, "signature", p->signature);
	cJSON_AddStringToObject(o, "region", p->region);
	return o;
}

static cJSON *settings(const struct hongyan_settings *s)
{
	static const char *const words[] = {"default", "contacts", "anyone", "nobody"};
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "mayWrite", words[s->may_write & 3]);
	cJSON_AddStringToObject(o, "mayAsk", words[s->may_ask & 3]);
	return o;
}

/** True: a request that was not there before. */
static bool take_contact(struct kept *k, const struct hongyan_change *change)
{
	static const char *const words[] = {"none", "outgoing", "incoming", "contact", "ended"};
	const struct hongyan_contact *c = &change->contact;
	cJSON *contacts = kept_part(k, "contacts");
	char name[11];
	snprintf(name, sizeof name, "%u", c->profile.uin);
	const char *before = text_of(cJSON_GetObjectItemCaseSensitive(contacts, name), "relation");
	bool asks = c->relation == HONGYAN_RELATION_INCOMING && !c->blocked && strcmp(before, "incoming") != 0;
	if (change->deleted) {
		cJSON_DeleteItemFromObjectCaseSensitive(contacts, name);
		return false;
	}
	cJSON *o = person(&c->profile);
	cJSON_AddStringToObject(o, "relation", c->relation < 5 ? words[c->relation] : "unknown");
	cJSON_AddStringToObject(o, "remark", c->remark);
	cJSON_AddStringToObject(o, "greeting", c->greeting);
	cJSON_AddBoolToObject(o, "blocked", c->blocked);
	cJSON_AddBoolToObject(o, "gone", c->gone);
	set(contacts, name, o);
	return asks;
}

/** True: it was not there before. */
static bool take_text(struct kept *k, const struct hongyan_text *t)
{
	char id[2 * HONGYAN_MESSAGE_ID_SIZE + 1];
	hex_of(t->id, sizeof t->id, id);
	cJSON *texts = kept_part(k, "texts"), *row;
	for (row = texts->child; row; row = row->next)
		if (strcmp(text_of(row, "id"), id) == 0)
			return false;
	row = cJSON_CreateObject();
	cJSON_AddStringToObject(row, "id", id);
	cJSON_AddNumberToObject(row, "peer", t->from == kept_uin(k) ? t->to : t->from);
	cJSON_AddNumberToObject(row, "from", t->from);
	cJSON_AddStringToObject(row, "text", t->text);
	cJSON_AddItemToArray(texts, row);
	return true;
}

void kept_take(struct kept *k, const struct hongyan_sync *sync, void (*told)(void *arg, const struct hongyan_change *c),
	void *arg)
{
	if (sync->reset_contacts)
		cJSON_DeleteItemFromObjectCaseSensitive(k->root, "contacts");
	if (sync->reset_account)
		cJSON_DeleteItemFromObjectCaseSensitive(k->root, "me");
	for (size_t i = 0; i < sync->count; i++) {
		const struct hongyan_change *c = &sync->changes[i];
		cJSON *me = kept_part(k, "me");
		if (c->kind == HONGYAN_CHANGE_PROFILE)
			set(me, "profile", person(&c->profile));
		if (c->kind == HONGYAN_CHANGE_SETTINGS)
			set(me, "settings", settings(&c->settings));
		if (c->kind == HONGYAN_CHANGE_CONTACT && take_contact(k, c))
			told(arg, c);
		if (c->kind == HONGYAN_CHANGE_TEXT && take_text(k, &c->text))
			told(arg, c);
	}
	kept_set_bytes(k, "snapshot", sync->snapshot, sync->snapshot_len);
}

cJSON *kept_row(const struct kept *k, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE])
{
	char id[2 * HONGYAN_CLIENT_ID_SIZE + 1];
	hex_of(client_id, HONGYAN_CLIENT_ID_SIZE, id);
	for (cJSON *row = kept_part(k, "outbox")->child; row; row = row->next)
		if (strcmp(text_of(row, "clientId"), id) == 0)
			return row;
	return NULL;
}
