/*
 * driver.c - the C library, driven by lines: see README.md for the protocol. Stands on hongyan.h alone.
 *
 *	driver SERVER FOLDER DEVICE
 *
 * All runs on one thread: poll() waits for lines and for the library.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kept.h"

#define LINE_MAX_BYTES (256u << 10)
#define REQUEST_TIMEOUT_MS 1500
#define BACKOFF_MAX_MS 500
#define HEARTBEAT_S 2

struct driver {
	struct hongyan *client;
	struct kept kept;
	bool over;
	bool first; /* the first sync is under way: its texts are history */
	size_t len;
	char line[LINE_MAX_BYTES];
};

/* ---- lines out --------------------------------------------------------------------------------------------------- */

static void say(cJSON *line)
{
	char *text = cJSON_PrintUnformatted(line);
	puts(text);
	fflush(stdout);
	cJSON_free(text);
	cJSON_Delete(line);
}

static cJSON *event(const char *name)
{
	cJSON *line = cJSON_CreateObject();
	cJSON_AddStringToObject(line, "event", name);
	return line;
}

static const char *status_name(int status)
{
	static const char *const names[] = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED",
		"NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
		"ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
	return status >= 0 && status <= HONGYAN_UNAUTHENTICATED ? names[status] : "UNKNOWN";
}

/** `result` is given away. */
static void answer(double number, int status, const char *why, cJSON *result)
{
	cJSON *line = cJSON_CreateObject();
	cJSON_AddNumberToObject(line, "n", number);
	if (status == HONGYAN_OK) {
		cJSON_AddItemToObject(line, "ok", result ? result : cJSON_CreateObject());
	} else {
		cJSON_Delete(result);
		cJSON_AddStringToObject(line, "error", status_name(status));
		cJSON_AddStringToObject(line, "why", why ? why : "");
	}
	say(line);
}

/* What a request was for travels through the library as its argument: the number of the line. There is one driver. */
static struct driver driver;

static void *as_arg(double number)
{
	return (void *)(uintptr_t)number;
}

static double as_number(void *arg)
{
	return (double)(uintptr_t)arg;
}

static void on_done(void *arg, int status, const char *why)
{
	answer(as_number(arg), status, why, NULL);
}

/* ---- what the library tells -------------------------------------------------------------------------------------- */

static const char *state_name(enum hongyan_state state)
{
	return state == HONGYAN_ONLINE ? "online" : state == HONGYAN_CONNECTING ? "connecting" : "signed-out";
}

static void on_state(void *arg, enum hongyan_state state)
{
	(void)arg;
	cJSON *line = event("state");
	cJSON_AddStringToObject(line, "state", state_name(state));
	say(line);
}

static void on_new(void *arg, const struct hongyan_change *c)
{
	struct driver *d = arg;
	cJSON *line = NULL;
	if (c->kind == HONGYAN_CHANGE_CONTACT) {
		line = event("request");
		cJSON_AddNumberToObject(line, "from", c->contact.profile.uin);
		cJSON_AddStringToObject(line, "greeting", c->contact.greeting);
	} else if (!d->first && c->text.from != kept_uin(&d->kept)) {
		line = event("message");
		cJSON_AddNumberToObject(line, "from", c->text.from);
		cJSON_AddStringToObject(line, "text", c->text.text);
	}
	if (line)
		say(line);
}

static enum hongyan_stored on_sync(void *arg, const struct hongyan_sync *sync)
{
	struct driver *d = arg;
	kept_take(&d->kept, sync, on_new, d);
	d->first = d->first && sync->more;
	return kept_save(&d->kept) ? HONGYAN_STORED : HONGYAN_NOT_STORED;
}

static void on_sent(void *arg, uint32_t to, const uint8_t *client_id, int status, const char *why, const uint8_t *id)
{
	struct driver *d = arg;
	(void)id;
	cJSON *row = kept_row(&d->kept, client_id);
	if (!row)
		return;
	cJSON *line = event(status == HONGYAN_OK ? "sent" : "refused");
	cJSON_AddNumberToObject(line, "to", to);
	cJSON_AddItemToObject(line, "text", cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(row, "text"), true));
	if (status == HONGYAN_OK) {
		cJSON_Delete(cJSON_DetachItemViaPointer(kept_part(&d->kept, "outbox"), row));
	} else {
		cJSON_AddStringToObject(line, "code", status_name(status));
		cJSON_AddStringToObject(row, "code", status_name(status));
		cJSON_AddStringToObject(row, "why", why);
	}
	kept_save(&d->kept);
	say(line);
}

static void on_signed_out(void *arg, const char *why)
{
	struct driver *d = arg;
	kept_forget_ticket(&d->kept);
	kept_save(&d->kept);
	cJSON *line = event("signed-out");
	cJSON_AddStringToObject(line, "why", why);
	say(line);
}

static void on_signed_in(void *arg, int status, const char *why, uint32_t uin, const void *ticket, size_t len)
{
	if (status == HONGYAN_OK) {
		kept_sign_in(&driver.kept, uin, ticket, len);
		kept_save(&driver.kept);
	}
	answer(as_number(arg), status, why, NULL);
}

static void on_signed_out_by_will(void *arg, int status, const char *why)
{
	kept_wipe(&driver.kept);
	kept_save(&driver.kept);
	answer(as_number(arg), status, why, NULL);
}

static void on_found(void *arg, int status, const char *why, const struct hongyan_profile *profile)
{
	cJSON *result = NULL;
	if (profile) {
		result = cJSON_CreateObject();
		cJSON_AddNumberToObject(result, "uin", profile->uin);
		cJSON_AddStringToObject(result, "name", profile->name);
		cJSON_AddStringToObject(result, "nickname", profile->nickname);
	}
	answer(as_number(arg), status, why, result);
}

static void on_devices(void *arg, int status, const char *why, const struct hongyan_device *devices, size_t count)
{
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; i < count; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "device", devices[i].device);
		cJSON_AddStringToObject(o, "name", devices[i].name);
		cJSON_AddBoolToObject(o, "thisOne", devices[i].this_one);
		cJSON_AddBoolToObject(o, "online", devices[i].online);
		cJSON_AddItemToArray(list, o);
	}
	answer(as_number(arg), status, why, list);
}

/* ---- what a line asks for ---------------------------------------------------------------------------------------- */

static const char *word(const cJSON *line, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, name));
	return text ? text : "";
}

static double number(const cJSON *line, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(line, name);
	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static int hand_over(struct driver *d, const cJSON *row)
{
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	hex_to(word(row, "clientId"), client_id, sizeof client_id);
	return hongyan_send_text(
		d->client, (uint32_t)number(row, "to"), word(row, "text"), client_id, (uint64_t)number(row, "madeMs"));
}

static void do_open(struct driver *d, const cJSON *line)
{
	uint8_t ticket[HONGYAN_TICKET_MAX], snapshot[4096];
	uint32_t uin = kept_uin(&d->kept);
	cJSON *result = cJSON_CreateObject();
	cJSON_AddBoolToObject(result, "signedIn", uin != 0);
	if (uin != 0) {
		size_t len = kept_bytes(&d->kept, "ticket", ticket, sizeof ticket);
		size_t snapshot_len = kept_bytes(&d->kept, "snapshot", snapshot, sizeof snapshot);
		d->first = snapshot_len == 0;
		hongyan_resume(d->client, uin, ticket, len, snapshot, snapshot_len);
		for (cJSON *row = kept_part(&d->kept, "outbox")->child; row; row = row->next)
			if (!*word(row, "code"))
				hand_over(d, row);
	}
	answer(number(line, "n"), HONGYAN_OK, NULL, result);
}

static void do_register(struct driver *d, const cJSON *line)
{
	d->first = true;
	hongyan_register(
		d->client, word(line, "name"), word(line, "password"), NULL, on_signed_in, as_arg(number(line, "n")));
}

static void do_sign_in(struct driver *d, const cJSON *line)
{
	d->first = kept_bytes(&d->kept, "snapshot", (uint8_t[1]){0}, 1) == 0;
	hongyan_sign_in(d->client, word(line, "name"), word(line, "password"), on_signed_in, as_arg(number(line, "n")));
}

static void do_sign_out(struct driver *d, const cJSON *line)
{
	hongyan_sign_out(d->client, on_signed_out_by_will, as_arg(number(line, "n")));
}

static void do_lookup(struct driver *d, const cJSON *line)
{
	hongyan_lookup(d->client, word(line, "name"), on_found, as_arg(number(line, "n")));
}

static void do_contact(struct driver *d, const cJSON *line)
{
	static const char *const names[] = {"accept", "decline", "delete", "restore", "block", "unblock"};
	const char *what = word(line, "what");
	uint32_t uin = (uint32_t)number(line, "uin");
	void *arg = as_arg(number(line, "n"));
	if (strcmp(what, "request") == 0)
		hongyan_request_contact(d->client, uin, word(line, "greeting"), word(line, "remark"), on_done, arg);
	if (strcmp(what, "remark") == 0)
		hongyan_set_remark(d->client, uin, word(line, "remark"), on_done, arg);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(what, names[i]) == 0)
			hongyan_change_contact(d->client, uin, (enum hongyan_contact_change)i, on_done, arg);
}

static void do_profile(struct driver *d, const cJSON *line)
{
	struct hongyan_profile profile = {.nickname = word(line, "nickname"),
		.signature = word(line, "signature"),
		.region = word(line, "region")};
	hongyan_update_profile(d->client, &profile, on_done, as_arg(number(line, "n")));
}

static enum hongyan_who who(const char *text)
{
	static const char *const words[] = {"default", "contacts", "anyone", "nobody"};
	for (int i = 0; i < 4; i++)
		if (strcmp(text, words[i]) == 0)
			return (enum hongyan_who)i;
	return HONGYAN_WHO_DEFAULT;
}

static void do_settings(struct driver *d, const cJSON *line)
{
	struct hongyan_settings settings = {who(word(line, "mayWrite")), who(word(line, "mayAsk"))};
	hongyan_update_settings(d->client, &settings, on_done, as_arg(number(line, "n")));
}

static void do_password(struct driver *d, const cJSON *line)
{
	hongyan_change_password(d->client, word(line, "old"), word(line, "new"), on_done, as_arg(number(line, "n")));
}

static void do_devices(struct driver *d, const cJSON *line)
{
	hongyan_list_devices(d->client, on_devices, as_arg(number(line, "n")));
}

static void do_sign_out_device(struct driver *d, const cJSON *line)
{
	const char *device = word(line, "device");
	hongyan_sign_out_device(d->client, *device ? device : NULL, on_done, as_arg(number(line, "n")));
}

/** Stands in the outbox, and in the file, before it is answered. */
static void do_send(struct driver *d, const cJSON *line)
{
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	uint64_t made_ms;
	char id[2 * sizeof client_id + 1];
	hongyan_new_client_id(d->client, client_id, &made_ms);
	if (*word(line, "id"))
		hex_to(word(line, "id"), client_id, sizeof client_id);
	if (number(line, "madeMs") > 0)
		made_ms = (uint64_t)number(line, "madeMs");
	hex_of(client_id, sizeof client_id, id);
	cJSON *row = cJSON_CreateObject();
	cJSON_AddNumberToObject(row, "to", number(line, "to"));
	cJSON_AddStringToObject(row, "text", word(line, "text"));
	cJSON_AddStringToObject(row, "clientId", id);
	cJSON_AddNumberToObject(row, "madeMs", (double)made_ms);
	int status = hand_over(d, row);
	if (status == HONGYAN_OK) {
		cJSON_AddItemToArray(kept_part(&d->kept, "outbox"), row);
		kept_save(&d->kept);
	} else {
		cJSON_Delete(row);
	}
	answer(number(line, "n"), status, hongyan_status_text(status), NULL);
}

static void do_dump(struct driver *d, const cJSON *line)
{
	static const char *const parts[] = {"contacts", "texts", "outbox"};
	cJSON *result = cJSON_CreateObject(),
	      *me = cJSON_Duplicate(cJSON_GetObjectItem(kept_part(&d->kept, "me"), "profile"), true);
	cJSON_AddNumberToObject(result, "uin", kept_uin(&d->kept));
	cJSON_AddStringToObject(result, "state", state_name(hongyan_state(d->client)));
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		cJSON_AddItemToObject(result, parts[i], cJSON_Duplicate(kept_part(&d->kept, parts[i]), true));
	if (!me)
		me = cJSON_CreateObject();
	cJSON_AddItemToObject(
		me, "settings", cJSON_Duplicate(cJSON_GetObjectItem(kept_part(&d->kept, "me"), "settings"), true));
	cJSON_AddItemToObject(result, "me", me);
	answer(number(line, "n"), HONGYAN_OK, NULL, result);
}

static void do_end(struct driver *d, const cJSON *line)
{
	answer(number(line, "n"), HONGYAN_OK, NULL, NULL);
	d->over = true;
}

static void work_on(struct driver *d, const char *text)
{
	static const struct {
		const char *name;
		void (*fn)(struct driver *d, const cJSON *line);
	} what[] = {{"open", do_open}, {"register", do_register}, {"signIn", do_sign_in}, {"signOut", do_sign_out},
		{"lookup", do_lookup}, {"contact", do_contact}, {"profile", do_profile}, {"settings", do_settings},
		{"password", do_password}, {"devices", do_devices}, {"signOutDevice", do_sign_out_device},
		{"send", do_send}, {"dump", do_dump}, {"end", do_end}};
	cJSON *line = cJSON_Parse(text);
	bool known = false;
	for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
		if (strcmp(word(line, "do"), what[i].name) == 0) {
			known = true;
			what[i].fn(d, line);
		}
	}
	if (!known)
		answer(number(line, "n"), HONGYAN_UNIMPLEMENTED, text, NULL);
	cJSON_Delete(line);
}

/** False: there will be no more. */
static bool read_lines(struct driver *d)
{
	ssize_t n = read(STDIN_FILENO, d->line + d->len, sizeof d->line - 1 - d->len);
	if (n <= 0)
		return false;
	d->len += (size_t)n;
	d->line[d->len] = 0;
	for (char *end; (end = strchr(d->line, '\n'));) {
		*end++ = 0;
		work_on(d, d->line);
		d->len -= (size_t)(end - d->line);
		memmove(d->line, end, d->len + 1);
	}
	return !d->over;
}

int main(int argc, char **argv)
{
	static char file[1000];
	if (argc != 4)
		return fprintf(stderr, "usage: driver SERVER FOLDER DEVICE\n"), 2;
	struct driver *d = &driver;
	snprintf(file, sizeof file, "%s/kept.json", argv[2]);
	kept_open(&d->kept, file);
	struct hongyan_config config = {.server = argv[1],
		.device = argv[3],
		.device_name = argv[3],
		.arg = d,
		.heartbeat_s = HEARTBEAT_S,
		.request_timeout_ms = REQUEST_TIMEOUT_MS,
		.backoff_max_ms = BACKOFF_MAX_MS,
		.events = {on_state, on_sync, on_sent, NULL, on_signed_out, NULL, NULL}};
	if (hongyan_create(&config, &d->client) != HONGYAN_OK)
		return fprintf(stderr, "'%s' is no server\n", argv[1]), 2;
	struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {hongyan_fd(d->client), POLLIN, 0}};
	bool going = true;
	while (going && poll(fds, 2, -1) >= 0) {
		if (fds[0].revents)
			going = read_lines(d);
		hongyan_turn(d->client, 0);
	}
	hongyan_destroy(d->client);
	kept_close(&d->kept);
	return 0;
}
