/* user_command.c - `hongyan user`: an operator's view of accounts, and what may be done to them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "admin.rpc.h"
#include "base/config_value.h"
#include "chat/secret_prompt.h"
#include "env/real/real.h"
#include "main/admin_client.h"
#include "main/commands.h"
#include "main/secret_input.h"
#include "main/user_json.h"

#define WHO "hongyan user"
#define PASSWORD_BYTES 160u
#define PAGE 100u
#define SHORT_US (60ull * 1000 * 1000)
#define DELETE_US (610ull * 1000 * 1000) /* longer than the server takes to answer */

static const char usage[] =
	"usage: hongyan user [--data DIR] list [--json]           all accounts\n"
	"       hongyan user [--data DIR] show NAME [--json]      one account and its devices; --uin N in place of "
	"NAME\n"
	"       hongyan user [--data DIR] create NAME             an account, whatever the setting of registration\n"
	"       hongyan user [--data DIR] reset-password NAME     another password; all devices are signed out\n"
	"       hongyan user [--data DIR] disable NAME            nobody signs in; all devices are signed out\n"
	"       hongyan user [--data DIR] enable NAME\n"
	"       hongyan user [--data DIR] delete NAME [--free-name] [--yes]\n"
	"                                                         with all data; contacts see that it is gone;\n"
	"                                                         --uin N in place of NAME, also where a\n"
	"                                                         registration has failed\n"
	"       hongyan user [--data DIR] invite [--uses N] [--valid 7d]\n"
	"                                                         a code to register with (see serve --registration)\n"
	"\n"
	"Asks a running server, by the socket in its data folder (default ./data). Every change leaves a line in the\n"
	"log and in DIR/audit.log.\n"
	"\n"
	"  --password-file FILE   takes the password from a file's first line, - for standard input; else it is asked "
	"for\n"
	"  --free-name            others may have the deleted account's name; else nobody gets it again, until it is\n"
	"                         deleted once more with --free-name\n"
	"  --yes                  does not ask whether the account is really to be deleted\n"
	"  --json                 one JSON object a line\n";

struct order {
	const char *dir, *verb, *name, *password_file;
	char password[PASSWORD_BYTES];
	char wrong[160]; /* what is wrong with the command line */
	uint64_t valid_ms;
	uint32_t uses, uin;
	bool json, free_name, yes;
};

/* ---- what is printed --------------------------------------------------------------------------------------------- */

/** UTC; "-" for never. */
static const char *time_text(uint64_t ms, char text[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	if (ms == 0 || strftime(text, 32, "%Y-%m-%d %H:%M", &tm) == 0)
		snprintf(text, 32, "-");
	return text;
}

/** What users wrote, without what a terminal would obey. */
static void print_text(const char *label, const char *s)
{
	if (!s[0])
		return;
	printf("%-12s", label);
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
		putchar(*p < 0x20 || *p == 0x7f || c1 ? '?' : *p);
		p += c1;
	}
	putchar('\n');
}

static const char *state_of(const Hy__AdminUser *u)
{
	return u->deleting ? "being deleted" : u->disabled ? "disabled" : u->online ? "online" : "";
}

static void print_row(const Hy__AdminUser *u)
{
	char created[32], seen[32];
	printf("%-32s %10u  %-16s  %-16s %7u %8llu %8llu  %s\n", u->name, u->uin, time_text(u->created_ms, created),
		time_text(u->seen_ms, seen), u->devices, (unsigned long long)u->messages,
		(unsigned long long)u->contacts, state_of(u));
}

static int list(struct call *call, struct order *o)
{
	Hy__AdminListUsersRequest request = HY__ADMIN_LIST_USERS_REQUEST__INIT;
	Hy__AdminListUsersResponse response = HY__ADMIN_LIST_USERS_RESPONSE__INIT;
	unsigned long long count = 0;
	uint8_t after[HY_KEY_MAX];

	request.limit = PAGE;
	do {
		hy_arena_reset(call->arena);
		hy__admin_list_users_response__init(&response);
		int status = admin_list_users(call, &request, &response);
		if (status != HY_OK)
			return status;
		if (!o->json && request.after.len == 0)
			printf("%-32s %10s  %-16s  %-16s %7s %8s %8s  %s\n", "name", "UIN", "created (UTC)",
				"last seen", "devices", "messages", "contacts", "state");
		for (size_t i = 0; i < response.n_users; i++)
			if (o->json)
				user_json_line(response.users[i]);
			else
				print_row(response.users[i]);
		count += response.n_users;
		request.after.len = HY_MIN(response.next.len, sizeof after);
		if (request.after.len > 0)
			memcpy(after, response.next.data, request.after.len);
		request.after.data = after;
	} while (response.more);
	if (!o->json)
		printf("%llu account%s\n", count, count == 1 ? "" : "s");
	return HY_OK;
}

static int show(struct call *call, struct order *o)
{
	Hy__AdminShowUserRequest request = HY__ADMIN_SHOW_USER_REQUEST__INIT;
	Hy__AdminShowUserResponse response = HY__ADMIN_SHOW_USER_RESPONSE__INIT;
	char text[32], seen[32];

	if (o->name)
		request.name = (char *)(uintptr_t)o->name;
	request.uin = o->uin;
	int status = admin_show_user(call, &request, &response);
	if (status != HY_OK)
		return status;
	if (o->json) {
		user_json_whole(&response);
		return HY_OK;
	}
	const Hy__AdminUser *u = response.user;
	printf("%-12s%s\n%-12s%u\n", "name", u->name, "UIN", u->uin);
	print_text("nickname", u->nickname);
	printf("%-12s%s\n", "created", time_text(u->created_ms, text));
	printf("%-12s%s\n", "last seen", time_text(u->seen_ms, text));
	printf("%-12s%llu, %llu bytes\n", "messages", (unsigned long long)u->messages,
		(unsigned long long)u->message_bytes);
	printf("%-12s%llu\n", "contacts", (unsigned long long)u->contacts);
	print_text("state", state_of(u));
	printf("\n%-34s %-16s  %-16s  %s\n", "device", "signed in (UTC)", "last seen", "name");
	for (size_t i = 0; i < response.n_devices; i++) {
		const Hy__AdminDevice *d = response.devices[i];
		printf("%-34s %-16s  %-16s  ", d->device, time_text(d->signed_in_ms, text),
			d->online ? "online" : time_text(d->seen_ms, seen));
		print_text("", d->name[0] ? d->name : "-");
	}
	return HY_OK;
}

/* ---- what is done ------------------------------------------------------------------------------------------------ */

static int create(struct call *call, struct order *o)
{
	Hy__AdminCreateUserRequest request = HY__ADMIN_CREATE_USER_REQUEST__INIT;
	Hy__AdminCreateUserResponse response = HY__ADMIN_CREATE_USER_RESPONSE__INIT;

	request.name = (char *)(uintptr_t)o->name;
	request.password = o->password;
	int status = admin_create_user(call, &request, &response);
	if (status == HY_OK)
		printf("%s is user %u\n", o->name, response.uin);
	return status;
}

static int reset_password(struct call *call, struct order *o)
{
	Hy__AdminResetPasswordRequest request = HY__ADMIN_RESET_PASSWORD_REQUEST__INIT;
	Hy__AdminResetPasswordResponse response = HY__ADMIN_RESET_PASSWORD_RESPONSE__INIT;

	request.name = (char *)(uintptr_t)o->name;
	request.password = o->password;
	int status = admin_reset_password(call, &request, &response);
	if (status == HY_OK)
		printf("%s has another password; all devices are signed out\n", o->name);
	return status;
}

static int disable(struct call *call, struct order *o)
{
	Hy__AdminDisableUserRequest request = HY__ADMIN_DISABLE_USER_REQUEST__INIT;
	Hy__AdminDisableUserResponse response = HY__ADMIN_DISABLE_USER_RESPONSE__INIT;

	request.name = (char *)(uintptr_t)o->name;
	request.disabled = strcmp(o->verb, "disable") == 0;
	int status = admin_disable_user(call, &request, &response);
	if (status == HY_OK)
		printf("%s %s\n", o->name,
			request.disabled ? "is disabled; all devices are signed out" : "may sign in again");
	return status;
}

static int delete (struct call *call, struct order *o)
{
	Hy__AdminDeleteUserRequest request = HY__ADMIN_DELETE_USER_REQUEST__INIT;
	Hy__AdminDeleteUserResponse response = HY__ADMIN_DELETE_USER_RESPONSE__INIT;

	if (o->name)
		request.name = (char *)(uintptr_t)o->name;
	request.uin = o->uin;
	request.free_name = o->free_name;
	int status = admin_delete_user(call, &request, &response);
	if (status == HY_OK && response.uin == 0)
		printf("%s was deleted before; others may have the name now\n", response.name);
	else if (status == HY_OK)
		printf("%s (user %u) is deleted, with all data%s\n", response.name, response.uin,
			o->free_name ? "; others may have the name" : "");
	return status;
}

static int invite(struct call *call, struct order *o)
{
	Hy__AdminInviteRequest request = HY__ADMIN_INVITE_REQUEST__INIT;
	Hy__AdminInviteResponse response = HY__ADMIN_INVITE_RESPONSE__INIT;

	request.uses = o->uses;
	request.valid_ms = o->valid_ms;
	int status = admin_invite(call, &request, &response);
	if (status != HY_OK)
		return status;
	printf("%s\n", response.code);
	fflush(stdout);
	char until[32];
	fprintf(stderr, "good for %u account%s, until %s UTC\n", response.uses, response.uses == 1 ? "" : "s",
		time_text(response.expires_ms, until));
	return HY_OK;
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	int (*fn)(struct call *call, struct order *o);
	bool takes_name, takes_password;
	uint64_t limit_us;
} verbs[] = {
	{"list", list, false, false, SHORT_US},
	{"show", show, true, false, SHORT_US},
	{"create", create, true, true, SHORT_US},
	{"reset-password", reset_password, true, true, SHORT_US},
	{"disable", disable, true, false, SHORT_US},
	{"enable", disable, true, false, SHORT_US},
	{"delete", delete, true, false, DELETE_US},
	{"invite", invite, false, false, SHORT_US},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; name && i < HY_COUNT_OF(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static bool parse_number(enum hy_config_type type, const char *text, uint64_t max, uint64_t *ret_v)
{
	const struct hy_config_item item = {.type = type, .preset = "", .min = 1, .max = max};
	struct hy_config_value v;
	if (!hy_config_value_parse(&item, text, &v))
		return false;
	*ret_v = v.number;
	return true;
}

/** Returns false. */
static bool wrong(struct order *o, const char *fmt, ...) HY_PRINTF(2, 3);
static bool wrong(struct order *o, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(o->wrong, sizeof o->wrong, fmt, ap);
	va_end(ap);
	return false;
}

/** An option that has a value. */
static bool take_valued(struct order *o, const char *option, const char *value)
{
	uint64_t number;

	if (!value)
		return wrong(o, "%.40s: there is no such option, or its value is missing", option);
	if (strcmp(option, "--data") == 0)
		o->dir = value;
	else if (strcmp(option, "--password-file") == 0)
		o->password_file = value;
	else if (strcmp(option, "--valid") == 0)
		return parse_number(HY_CONFIG_DURATION, value, 0, &o->valid_ms) ||
		       wrong(o, "--valid: '%.40s' is no time; write 30m, 12h or 7d", value);
	else if (strcmp(option, "--uses") == 0 && parse_number(HY_CONFIG_UNSIGNED, value, 1000, &number))
		o->uses = (uint32_t)number;
	else if (strcmp(option, "--uses") == 0)
		return wrong(o, "--uses: '%.40s' is no number from 1 to 1000", value);
	else if (strcmp(option, "--uin") == 0 && parse_number(HY_CONFIG_UNSIGNED, value, UINT32_MAX, &number))
		o->uin = (uint32_t)number;
	else if (strcmp(option, "--uin") == 0)
		return wrong(o, "--uin: '%.40s' is no user's number; `hongyan user list` shows them", value);
	else
		return wrong(o, "there is no option %.40s", option);
	return true;
}

static bool parse(int argc, char **argv, struct order *o)
{
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		if (strcmp(arg, "--json") == 0)
			o->json = true;
		else if (strcmp(arg, "--free-name") == 0)
			o->free_name = true;
		else if (strcmp(arg, "--yes") == 0)
			o->yes = true;
		else if (arg[0] == '-' && !take_valued(o, arg, argv[i + 1]))
			return false;
		else if (arg[0] == '-')
			i++;
		else if (!o->verb)
			o->verb = arg;
		else if (!o->name)
			o->name = arg;
		else
			return wrong(o, "'%.40s' is one word too many", arg);
	}
	const struct verb *verb = find_verb(o->verb);
	if (!verb)
		return o->verb ? wrong(o, "'%.40s' is nothing that can be done to users", o->verb)
			       : wrong(o, "say what to do");
	bool by_number = o->uin != 0 && (verb->fn == show || verb->fn == delete);
	if (o->uin != 0 && !by_number)
		return wrong(o, "%s takes no --uin", verb->name);
	if (o->name && (by_number || !verb->takes_name))
		return wrong(o, by_number ? "a name or --uin, not both" : "%s takes no name", verb->name);
	return o->name || by_number || !verb->takes_name || wrong(o, "%s whom? The name is missing", verb->name);
}

/** Twice from a person: what is typed unseen may be wrong. */
static bool read_password(struct order *o)
{
	char again[PASSWORD_BYTES], prompt[80];
	struct env *env = env_real_create();
	bool ok;

	env_real_end_by_signals();
	env_no_core_dumps(env);
	if (o->password_file) {
		ok = secret_from_file(env, o->password_file, o->password, sizeof o->password);
		env_real_destroy(env);
		if (!ok)
			fprintf(stderr, WHO ": no password in %s\n", o->password_file);
		return ok;
	}
	env_real_destroy(env);
	snprintf(prompt, sizeof prompt, "password for %.32s (8 to 128 characters): ", o->name);
	ok = chat_secret_prompt(prompt, o->password, sizeof o->password) &&
	     chat_secret_prompt("once more: ", again, sizeof again);
	if (!ok)
		fprintf(stderr, WHO ": no password\n");
	else if (strcmp(o->password, again) != 0)
		fprintf(stderr, WHO ": the two are not the same\n");
	ok = ok && strcmp(o->password, again) == 0;
	explicit_bzero(again, sizeof again);
	return ok;
}

static bool is_sure(const struct order *o)
{
	char line[64] = "", uin[16];
	const char *what = o->name ? o->name : uin;

	snprintf(uin, sizeof uin, "%u", o->uin);
	fprintf(stderr, "This deletes %s%s with all data, for good%s. Type the %s to go on: ", o->name ? "" : "user ",
		what, o->free_name ? "" : "; nobody gets the name again (--free-name lets others have it)",
		o->name ? "name" : "number");
	size_t len = 0;
	for (int c = getchar(); c != EOF && c != '\n' && len + 1 < sizeof line; c = getchar())
		line[len++] = (char)c;
	line[len] = '\0';
	if (strcmp(line, what) == 0)
		return true;
	fprintf(stderr, WHO ": nothing was deleted\n");
	return false;
}

static int go(struct call *call, void *arg)
{
	struct order *o = arg;
	const struct verb *verb = find_verb(o->verb);
	call->deadline_us = svr_now_us(call->loop) + verb->limit_us;
	return verb->fn(call, o);
}

int command_user(int argc, char **argv)
{
	struct order o = {.dir = "./data"};
	bool help = argc > 1 && strcmp(argv[1], "--help") == 0;
	if (help) {
		printf("%s", usage);
		return 0;
	}
	if (!parse(argc, argv, &o)) {
		fprintf(stderr, WHO ": %s (see `hongyan user --help`)\n", o.wrong);
		return 2;
	}
	const struct verb *verb = find_verb(o.verb);
	if (verb->takes_password && !read_password(&o))
		return 1;
	if (verb->fn == delete &&!o.yes && !is_sure(&o))
		return 1;
	int status = admin_client_run(WHO, o.dir, go, &o);
	explicit_bzero(o.password, sizeof o.password);
	return status == HY_OK ? 0 : 1;
}
