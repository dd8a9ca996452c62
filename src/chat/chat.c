/* chat.c - `hongyan chat`: the account's file is opened, somebody signs in, a face is shown. */
#include "chat/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "chat/faces.h"
#include "chat/options.h"
#include "chat/secret_prompt.h"
#include "chat/text.h"
#include "env/real/real.h"

#define PASSWORD_SIZE 130
#define PATH_SIZE 768

static int fail(const char *what, char *why)
{
	fprintf(stderr, "hongyan chat: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	hy_free(why);
	return 1;
}

/** The first line. False, and it was said: there is none. */
static bool password_from_file(struct env *env, const char *path, char *password)
{
	char *text;
	size_t len;
	int rc = env_file_read_all(env, path, 4096, &text, &len);
	if (rc < 0) {
		fprintf(stderr, "hongyan chat: cannot read a password from %s: %s\n", path, strerror(-rc));
		return false;
	}
	snprintf(password, PASSWORD_SIZE, "%.*s", (int)strcspn(text, "\r\n"), text);
	explicit_bzero(text, len);
	hy_free(text);
	if (!password[0])
		fprintf(stderr, "hongyan chat: the first line of %s is empty: that is no password\n", path);
	return password[0];
}

/** From the terminal without echo; twice for a new account, where nobody sees a slip. False, and it was said. */
static bool password_from_terminal(const struct chat_options *o, char *password)
{
	char prompt[120], again[PASSWORD_SIZE] = "";
	snprintf(prompt, sizeof prompt, "password for %s%s: ", o->name, o->registering ? " (8 to 128 characters)" : "");
	bool ok = chat_secret_prompt(prompt, password, PASSWORD_SIZE);
	if (!ok) {
		fail("no password", NULL);
	} else if (o->registering && isatty(STDIN_FILENO)) {
		ok = chat_secret_prompt("once more: ", again, sizeof again) && strcmp(password, again) == 0;
		if (!ok)
			fail("the two passwords are not the same; no account was made", NULL);
	}
	explicit_bzero(again, sizeof again);
	return ok;
}

static bool read_password(struct env *env, const struct chat_options *o, char *password)
{
	if (o->password_file && strcmp(o->password_file, "-") != 0)
		return password_from_file(env, o->password_file, password);
	return password_from_terminal(o, password);
}

/** The device's name: said, or made once and kept. */
static void find_device(struct env *env, struct chat_store *store, const struct chat_options *o, struct hy_buf *device)
{
	chat_store_get(store, "device", device);
	if (hy_buf_len(device) == 0) {
		if (o->device)
			hy_buf_printf(device, "%s", o->device);
		else
			hy_buf_printf(device, "terminal-%016llx", (unsigned long long)env_rand64(env));
		if (chat_store_put(store, "device", hy_buf_data(device), hy_buf_len(device)) != HY_OK)
			fprintf(stderr, "hongyan chat: %s\n", chat_store_why(store));
	}
	hy_buf_append(device, "", 1);
}

static void tell_of_old_file(struct env *env, const struct chat_options *o)
{
	char path[PATH_SIZE];
	char *text;
	size_t len;
	chat_options_old_path(o, path, sizeof path);
	if (env_file_read_all(env, path, 64 << 10, &text, &len) < 0)
		return;
	fprintf(stderr, "hongyan chat: histories are kept in a new place, and this one begins anew; %s may go\n", path);
	explicit_bzero(text, len);
	hy_free(text);
}

static int show(struct chat_session *s, const struct chat_options *o)
{
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (o->send_to)
		return chat_face_send(s, o->send_to, (const char *)hy_buf_data(&o->text), o->patience_s * 1000000);
	if (o->json)
		return chat_face_json(s, o->follow);
	if (terminal && !o->plain)
		return chat_face_screen(s, !o->quiet);
	return chat_face_plain(s, terminal);
}

static int sign_in_and_show(struct env *env, struct chat_store *store, const struct chat_options *o)
{
	struct chat_session *s;
	struct hy_buf device = {0}, ticket = {0};
	char *why = NULL;
	chat_store_get(store, "ticket", &ticket);
	bool resuming = hy_buf_len(&ticket) > 0 && !o->registering;
	hy_buf_fini_wiped(&ticket);
	char password[PASSWORD_SIZE] = "";
	if (!resuming) {
		if (chat_store_uin(store) == 0)
			tell_of_old_file(env, o);
		if (!read_password(env, o, password))
			return 1;
	}
	find_device(env, store, o, &device);
	struct chat_session_config config = {.env = env,
		.store = store,
		.server = o->server,
		.name = o->name,
		.device = (const char *)hy_buf_data(&device)};
	int status = chat_session_create(&config, &s, &why);
	hy_buf_fini(&device);
	if (status != HY_OK)
		return fail(o->server, why);
	if (resuming)
		chat_session_resume(s);
	else
		chat_session_enter(s, o->registering, password, o->invitation);
	explicit_bzero(password, sizeof password);
	status = show(s, o);
	fflush(stdout);
	/* The actor that reads standard input may wait there for ever, and posts to the session: it stays. */
	chat_session_close_links(s);
	return status;
}

static int run(struct env *env, const struct chat_options *o)
{
	struct chat_store *store;
	char path[PATH_SIZE];
	char *why = NULL;
	int rc = chat_options_path(env, o, path, sizeof path);
	if (rc < 0)
		return fail(path, hy_strdup(strerror(-rc)));
	int status = chat_store_open(path, &store, &why);
	if (status == HY_ABORTED) {
		hy_free(why);
		fprintf(stderr,
			"hongyan chat: %s is at it already, in another terminal; end that, or be another device here: "
			"--device NAME\n",
			o->name);
		return 1;
	}
	if (status != HY_OK)
		return fail(path, why);
	status = sign_in_and_show(env, store, o);
	chat_store_close(store);
	return status;
}

int command_chat(int argc, char **argv)
{
	struct chat_options o;
	char *why = NULL;
	chat_text_init();
	if (!chat_options_parse(argc, argv, &o, &why)) {
		fail(why, NULL);
		hy_free(why);
		chat_options_fini(&o);
		return 2;
	}
	if (o.help) {
		chat_options_help();
		return 0;
	}
	sigset_t signals = chat_secret_signals(), before;
	sigprocmask(SIG_BLOCK, &signals, &before); /* for the env's threads */
	struct env *env = env_real_create();
	sigprocmask(SIG_SETMASK, &before, NULL);
	env_real_end_by_signals();
	env_no_core_dumps(env);
	env_log_set_level(env, ENV_LOG_ERROR);
	int status = run(env, &o);
	chat_options_fini(&o);
	fflush(stdout);
	_exit(status); /* the reader may still wait for the terminal, and nothing else is left to do */
}
