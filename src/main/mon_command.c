/* mon_command.c - `hongyan mon`: what a server counts, live or as it left it. */
#include <stdio.h>

#include "base/config.h"
#include "base/mem.h"
#include "env/real/real.h"
#include "main/commands.h"
#include "main/mon_live.h"

struct settings {
	struct mon_live live;
	bool once, help;
};

#define AT(member) offsetof(struct settings, member)

static const struct hy_config_item items[] = {
	{NULL, "data", HY_CONFIG_STRING, AT(live.data), "./data", "the server's data folder"},
	{NULL, "once", HY_CONFIG_BOOL, AT(once), "false", "print names and values, a line each, and end"},
	{NULL, "json", HY_CONFIG_BOOL, AT(live.json), "false", "print an object, each on a line of its own"},
	{NULL, "interval", HY_CONFIG_DURATION, AT(live.interval_ms), "1s", "between two looks", 100, 86400000},
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
	       "that has ended, or was killed, the last values. NAME: only what begins so. In a terminal arrows and "
	       "page "
	       "keys\n"
	       "move, q ends it.\n\n%.*s",
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
	if (mon_view_load(&v, env, s->live.data, &why) != HY_OK)
		return fail(why);
	bool any = true;
	if (s->live.json)
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

int command_mon(int argc, char **argv)
{
	struct settings s = {0};
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
		exit_status = s.once ? list_once(env, &s, &filter) : mon_live(env, &s.live, &filter);
	}
	hy_config_destroy(config);
	if (!s.live.reads_keys) /* who reads them is never joined */
		env_real_destroy(env);
	return exit_status;
}
