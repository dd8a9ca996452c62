/* options.c - see options.h. */
#include "chat/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "chat/command.h"

#define TEXT_MAX (64u << 10)

static const char usage[] = "usage: hongyan chat NAME [options]\n"
			    "       hongyan chat NAME [options] --send TO TEXT...\n\n"
			    "Signs in as NAME and chats: in the full screen when it has a terminal, else by\n"
			    "plain lines. The password is asked for once; then this device has a ticket.\n\n"
			    "  --server ADDRESS      127.0.0.1:7600 unless said; chat.example.org,\n"
			    "                        [2001:db8::7]:7600, or some with commas between\n"
			    "  --register            make the account first\n"
			    "  --invitation CODE     with --register, where the server asks for one\n"
			    "  --password-file FILE  read the password there; -: terminal or standard input\n"
			    "  --send TO TEXT...     send one text and end; - is standard input. The next\n"
			    "                        --option ends the text; a -- before it makes all words\n"
			    "                        that follow text\n"
			    "  --patience SECONDS    for --send: how long to wait for the server; else 30\n"
			    "  --json                events and orders as JSON lines, see below\n"
			    "  --follow              with --json: go on after the end of input\n"
			    "  --plain               lines in, lines out, on a terminal too\n"
			    "  --device DEVICE       another device, with a history and a sign-in of its own\n"
			    "  --state FOLDER        keep histories there, not in ~/.local/share/hongyan\n"
			    "                        ($XDG_DATA_HOME/hongyan)\n"
			    "  --notify on|off       bells, notices and the window's title; on unless said\n\n"
			    "Exit status: 0; 1 it failed, stderr says why; 2 wrong usage; 3 a text is not\n"
			    "yet on the server, is kept, and will be sent by the next start. Colours are the\n"
			    "terminal's own; NO_COLOR turns them off.\n\n"
			    "History, ticket and texts not yet sent are in one SQLite file for its owner's\n"
			    "eyes alone, FOLDER/SERVER/NAME.db. One process at a time uses it: a script\n"
			    "beside an open screen is another --device.\n\n"
			    "Plain lines:\n"
			    "  @bob good evening            send to bob; further lines go to bob too\n\n"
			    "Commands, in the full screen and in plain lines:\n";

static const char usage_json[] =
	"\nJSON lines. Orders:\n"
	"  {\"send\": {\"to\": \"bob\", \"text\": \"hi\"}}\n"
	"  {\"add\": {\"name\": \"bob\", \"greeting\": \"It's me\"}}\n"
	"  {\"accept\": \"bob\"}, and so decline, delete, restore, block, unblock, find\n"
	"  {\"remark\": {\"name\": \"bob\", \"text\": \"Bobby\"}}\n"
	"  {\"contacts\": true}, {\"devices\": true}, {\"signout\": \"this\"}, {\"quit\": true}\n"
	"  {\"history\": {\"with\": \"bob\", \"limit\": 50}}\n"
	"  {\"profile\": {\"nickname\": \"Ann\", \"colour\": \"teal\"}}\n"
	"  {\"settings\": {\"write\": \"anyone\", \"ask\": \"nobody\"}}\n"
	"  {\"password\": {\"old\": \"...\", \"new\": \"...\"}}\n"
	"Events: message (from, to, mine, text, time_ms, id, n); sending, sent and failed\n"
	"for own texts; request (from, greeting); contact (name, relation, remark,\n"
	"blocked); found, devices, state; trouble (why: the server does not answer); done\n"
	"and error (what, name, why; of an order that is none: order, line). Each message\n"
	"is told; one that was told just before the program was killed comes again, with\n"
	"the same n.\n\n"
	"A bot that becomes everybody's contact and says what it hears:\n"
	"  mkfifo orders; hongyan chat echo --json <>orders | jq -c --unbuffered '\n"
	"    if .event == \"request\" then {accept: .from}\n"
	"    elif .event == \"message\" and (.mine | not) then {send: {to: .from, text}}\n"
	"    else empty end' >orders\n";

void chat_options_help(void)
{
	struct hy_buf out = {0};
	chat_command_help(&out);
	printf("%s%.*s%s", usage, (int)hy_buf_len(&out), (const char *)hy_buf_data(&out), usage_json);
	hy_buf_fini(&out);
}

static char *explain(const char *fmt, ...) HY_PRINTF(1, 2);
static char *explain(const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return hy_strdup(text);
}

static bool name_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");
	return name[len] == '\0' && len >= 3 && len <= 32;
}

static bool device_valid(const char *device)
{
	size_t len = strspn(device, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	return device[len] == '\0' && len >= 1 && len <= 32;
}

/** The text of --send: words up to the next option, or standard input. Returns how many words it has taken. */
static int read_text(struct chat_options *o, int count, char **words)
{
	char part[4096];
	bool all = count > 0 && strcmp(words[0], "--") == 0;
	int end = all ? count : 0;
	while (end < count && strncmp(words[end], "--", 2) != 0)
		end++;
	words += all;
	count = end - all;
	if (!all && count == 1 && strcmp(words[0], "-") == 0) {
		while (hy_buf_len(&o->text) < TEXT_MAX && fgets(part, sizeof part, stdin))
			hy_buf_append(&o->text, part, strlen(part));
		while (hy_buf_len(&o->text) > 0 && hy_buf_data(&o->text)[hy_buf_len(&o->text) - 1] == '\n')
			o->text.end--;
	} else {
		for (int i = 0; i < count; i++)
			hy_buf_printf(&o->text, "%s%s", i ? " " : "", words[i]);
	}
	hy_buf_append(&o->text, "", 1);
	return end;
}

static bool take_flag(struct chat_options *o, const char *word)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {{"--register", &o->registering}, {"--json", &o->json}, {"--follow", &o->follow},
		{"--plain", &o->plain}, {"--help", &o->help}};
	for (size_t i = 0; i < HY_COUNT_OF(flags); i++) {
		if (strcmp(flags[i].name, word) == 0) {
			*flags[i].flag = true;
			return true;
		}
	}
	return false;
}

/** False: no value of this option's; *ret_why (hy_alloc'd). */
static bool take_patience(struct chat_options *o, const char *value, char **ret_why)
{
	size_t digits = strspn(value, "0123456789");
	o->patience_s = strtoull(value, NULL, 10);
	if (digits > 0 && digits <= 6 && !value[digits])
		return true;
	*ret_why = explain("--patience takes a number of seconds, and '%s' is none", value);
	return false;
}

static bool take_notify(struct chat_options *o, const char *value, char **ret_why)
{
	o->quiet = strcmp(value, "off") == 0;
	if (o->quiet || strcmp(value, "on") == 0)
		return true;
	*ret_why = explain("--notify takes on or off, and not '%s'", value);
	return false;
}

/** False: no option with a value, or with this one: then *ret_why. */
static bool take_value(struct chat_options *o, const char *word, const char *value, char **ret_why)
{
	const struct {
		const char *name;
		const char **value;
	} values[] = {{"--server", &o->server}, {"--password-file", &o->password_file},
		{"--invitation", &o->invitation}, {"--state", &o->state}, {"--device", &o->device}};
	for (size_t i = 0; i < HY_COUNT_OF(values); i++) {
		if (strcmp(values[i].name, word) == 0) {
			*values[i].value = value;
			return true;
		}
	}
	if (strcmp(word, "--patience") == 0)
		return take_patience(o, value, ret_why);
	return strcmp(word, "--notify") == 0 && take_notify(o, value, ret_why);
}

/** `--send TO TEXT...`; returns how many words behind it it has taken, or -1: *ret_why. */
static int take_send(struct chat_options *o, int count, char **words, char **ret_why)
{
	int taken = count > 0 ? 1 + read_text(o, count - 1, words + 1) : 0;
	if (taken < 2) {
		*ret_why = explain("--send wants TO and TEXT; see --help");
		return -1;
	}
	if (hy_buf_len(&o->text) == 1) {
		*ret_why = explain("the text is empty: there is nothing to send");
		return -1;
	}
	o->send_to = words[0];
	return taken;
}

bool chat_options_parse(int argc, char **argv, struct chat_options *ret_options, char **ret_why)
{
	struct chat_options *o = ret_options;
	*o = (struct chat_options){.server = "127.0.0.1:7600", .patience_s = 30};
	for (int i = 1; i < argc; i++) {
		if (take_flag(o, argv[i]))
			continue;
		if (strcmp(argv[i], "--send") == 0 && !o->send_to) {
			int taken = take_send(o, argc - i - 1, argv + i + 1, ret_why);
			if (taken < 0)
				return false;
			i += taken;
		} else if (i + 1 < argc && take_value(o, argv[i], argv[i + 1], ret_why)) {
			i++;
		} else if (*ret_why) {
			return false;
		} else if (argv[i][0] != '-' && !o->name) {
			o->name = argv[i];
		} else {
			*ret_why = explain("'%s' is not expected here; see --help", argv[i]);
			return false;
		}
	}
	if (o->help)
		return true;
	if (!o->name)
		*ret_why = explain("who are you? hongyan chat NAME; see --help");
	else if (!name_valid(o->name))
		*ret_why = explain("a name has 3 to 32 of the characters a-z 0-9 . _ -");
	else if (o->device && !device_valid(o->device))
		*ret_why = explain("a device's name has 1 to 32 of the characters A-Z a-z 0-9 . _ -");
	else
		return true;
	return false;
}

void chat_options_fini(struct chat_options *o)
{
	hy_buf_fini(&o->text);
}

/** Makes each folder of the path that is missing; ends with the one that cannot be made. */
static int make_folders(struct env *env, char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		int rc = env_mkdir(env, path);
		if (rc < 0)
			return rc;
		*p = '/';
	}
	return 0;
}

int chat_options_path(struct env *env, const struct chat_options *o, char *path, size_t size)
{
	const char *data_home = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	struct hy_buf out = {0};
	if (o->state)
		hy_buf_printf(&out, "%s/", o->state);
	else if (data_home && data_home[0])
		hy_buf_printf(&out, "%s/hongyan/", data_home);
	else
		hy_buf_printf(&out, "%s/.local/share/hongyan/", home ? home : ".");
	for (const char *p = o->server; *p; p++)
		hy_buf_append(&out, *p == '/' ? "_" : p, 1);
	hy_buf_printf(&out, "/%s%s%s.db", o->name, o->device ? "@" : "", o->device ? o->device : "");
	hy_buf_append(&out, "", 1);
	bool fits = hy_buf_len(&out) <= size;
	snprintf(path, size, "%s", (const char *)hy_buf_data(&out));
	hy_buf_fini(&out);
	return fits ? make_folders(env, path) : -ENAMETOOLONG;
}

void chat_options_old_path(const struct chat_options *o, char *path, size_t size)
{
	const char *state_home = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (state_home && state_home[0])
		snprintf(path, size, "%s/hongyan/%s", state_home, o->name);
	else
		snprintf(path, size, "%s/.local/state/hongyan/%s", home ? home : ".", o->name);
}
