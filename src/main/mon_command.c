/* mon_command.c - `hongyan mon`: what a server counts, live or as it left it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/config.h"
#include "base/mem.h"
#include "env/real/real.h"
#include "main/commands.h"
#include "main/mon_screen.h"

struct settings {
	const char *data;
	uint64_t interval_ms;
	bool once, json, help;
};

#define AT(member) offsetof(struct settings, member)

static const struct hy_config_item items[] = {
	{NULL, "data", HY_CONFIG_STRING, AT(data), "./data", "the server's data folder"},
	{NULL, "once", HY_CONFIG_BOOL, AT(once), "false", "print names and values, a line each, and end"},
	{NULL, "json", HY_CONFIG_BOOL, AT(json), "false", "print an object, each on a line of its own"},
	{NULL, "interval", HY_CONFIG_DURATION, AT(interval_ms), "1s", "between two looks", 100, 86400000},
	{NULL, "help", HY_CONFIG_BOOL, AT(help), "false", "print this"},
	{0},
};

static void print_help(void)
{
	struct hy_buf out = {0};
	hy_config_help(items, &out);
	printf("usage: hongyan mon [options] [NAME ...]\n\n"
	       "Shows what a server counts: rates of counters, gauges, and each method's calls, errors and times. Of a "
	       "server\n"
	       "that has ended, or was killed, the last values. NAME: only what begins so.\n\n%.*s",
		(int)hy_buf_len(&out), (const char *)hy_buf_data(&out));
	hy_buf_fini(&out);
}

static void write_out(struct hy_buf *out)
{
	printf("%.*s", (int)hy_buf_len(out), (const char *)hy_buf_data(out));
	fflush(stdout);
	hy_buf_fini(out);
}

static int fail(char *why)
{
	fprintf(stderr, "hongyan mon: %s\n", why);
	hy_free(why);
	return 1;
}

/** Of a server that is gone a script learns on stderr. */
static int list_once(struct env *env, const struct settings *s, const struct mon_filter *filter)
{
	struct mon_view v;
	struct hy_buf out = {0}, state = {0};
	char *why;
	if (mon_view_load(&v, env, s->data, &why) != HY_OK)
		return fail(why);
	bool any = true;
	if (s->json)
		mon_json(&v, filter, &out);
	else
		any = mon_list(&v, filter, &out);
	if (!v.alive) {
		mon_say_state(&v, env_wall_ms(env), &state);
		fprintf(stderr, "hongyan mon: %.*s\n", (int)hy_buf_len(&state), (const char *)hy_buf_data(&state));
	}
	write_out(&out);
	hy_buf_fini(&state);
	mon_view_fini(&v);
	if (!any)
		fprintf(stderr, "hongyan mon: nothing is called so; without a name all is shown\n");
	return any ? 0 : 1;
}

/* ---- live -------------------------------------------------------------------------------------------------------- */

/** In place: from the upper left corner, each line's rest and what is below wiped. */
static void paint(struct hy_buf *text)
{
	struct hy_buf out = {0};
	const uint8_t *at = hy_buf_data(text), *end = at + hy_buf_len(text);
	hy_buf_printf(&out, "\033[H");
	while (at < end) {
		const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
		hy_buf_append(&out, at, (size_t)(line_end - at));
		hy_buf_printf(&out, "\033[K\n");
		at = line_end + 1;
	}
	hy_buf_printf(&out, "\033[J");
	write_out(&out);
	hy_buf_fini(text);
}

static void show(struct env *env, const struct settings *s, const struct mon_filter *filter, const struct mon_view *v,
	const struct mon_view *before, uint64_t us)
{
	struct hy_buf out = {0};
	struct winsize size = {.ws_row = 0};
	bool terminal = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1;
	if (s->json) {
		mon_json(v, filter, &out);
		write_out(&out);
		return;
	}
	mon_screen(v, before, us, filter, terminal ? size.ws_row - 1u : UINT16_MAX, terminal ? size.ws_col : 132,
		env_wall_ms(env), &out);
	if (terminal)
		paint(&out);
	else
		write_out(&out);
}

static int follow(struct env *env, const struct settings *s, const struct mon_filter *filter)
{
	struct mon_view before = {0};
	uint64_t before_us = 0;
	if (!s->json && isatty(STDOUT_FILENO))
		printf("\033[2J");
	for (;;) {
		struct mon_view v;
		char *why;
		uint64_t now_us = env_mono_us(env);
		if (mon_view_load(&v, env, s->data, &why) != HY_OK) {
			mon_view_fini(&before);
			return fail(why);
		}
		show(env, s, filter, &v, before.memory ? &before : NULL, now_us - before_us);
		mon_view_fini(&before);
		before = v;
		before_us = now_us;
		env_sleep_us(env, s->interval_ms * 1000);
	}
}

int command_mon(int argc, char **argv)
{
	struct settings s;
	struct env *env = env_real_create();
	struct hy_config *config = hy_config_create(items, &s);
	char *why = NULL;
	int next, exit_status = 0;
	env_real_end_by_signals();
	if (hy_config_read_options(config, argc - 1, argv + 1, &next, &why) != HY_OK) {
		exit_status = fail(why) + 1;
	} else if (s.help) {
		print_help();
	} else {
		struct mon_filter filter = {argv + 1 + next, argc - 1 - next};
		exit_status = s.once ? list_once(env, &s, &filter) : follow(env, &s, &filter);
	}
	hy_config_destroy(config);
	env_real_destroy(env);
	return exit_status;
}
