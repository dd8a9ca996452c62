/* serve.c - `hongyan serve`: settings from file and options, then one server until it is told to end. */
#include <stdio.h>
#include <sys/socket.h>

#include "base/config.h"
#include "base/mem.h"
#include "env/real/real.h"
#include "limit.pb-c.h"
#include "main/commands.h"
#include "main/demo.h"
#include "main/demo_content.h"
#include "main/server.h"
#include "main/web.h"
#include "main/why.h"

#define CONFIG_FILE_MAX (64u << 10)
#define FILES_NEEDED 1024 /* below this a server is of no use: a link is a file */

struct settings {
	const char *registration;
	const char *data, *listen, *metrics, *config, *log_level, *trusted_proxies, *origins;
	uint64_t loops, memory, log_limit, segment, disk_reserve, retain_days, inbox_days, window_days;
	uint64_t inbox_rows, inbox_bytes, password_memory, password_passes;
	uint64_t anonymous_links, anonymous_per_address, anonymous_buffers, anonymous_output;
	uint64_t open_per_address, open_loopback, links_per_device, user_requests, link_requests, requests, drain;
	struct hy_rate rates[LIMIT_ACTIONS];
	bool strangers_may_write;
	bool allow_plain, check, repair, demo, help;
};

#define AT(member) offsetof(struct settings, member)

static const struct hy_config_item items[] = {
	{NULL, "config", HY_CONFIG_STRING, AT(config), "", "an INI file with the settings below"},
	{NULL, "help", HY_CONFIG_BOOL, AT(help), "false", "print this"},
	{NULL, "check", HY_CONFIG_BOOL, AT(check), "false",
		"check settings, folder and port, then end without serving"},
	{NULL, "repair", HY_CONFIG_BOOL, AT(repair), "false",
		"go on past damage in the commit log; what stood after it is lost, and clients sync anew"},
	{NULL, "demo", HY_CONFIG_BOOL, AT(demo), "false",
		"for trying out, on this machine alone: makes a few users with contacts and conversations in a folder "
		"that has no users, and says how to sign in as them"},
	{"server.data", "data", HY_CONFIG_STRING, AT(data), "./data", "folder of all that is stored; made if missing"},
	{"server.listen", "listen", HY_CONFIG_STRING, AT(listen), "127.0.0.1:7600",
		"where clients connect, by Mars frames and HTTP alike; up to four, separated by commas"},
	{"server.metrics", "metrics", HY_CONFIG_STRING, AT(metrics), "",
		"where /metrics is shown to Prometheus: an address of this machine, or off; else 127.0.0.1:7601 if it "
		"is free"},
	{"server.allow-plain", "allow-plain", HY_CONFIG_BOOL, AT(allow_plain), "false",
		"let people on other machines sign in without encryption (a proxy in front adds it, or the network is "
		"yours)"},
	{"server.trusted-proxies", "trusted-proxies", HY_CONFIG_STRING, AT(trusted_proxies), "",
		"addresses of proxies, without ports, separated by commas: who comes from there by HTTP has, for "
		"limits, the last address in X-Forwarded-For that is no such proxy's"},
	{"server.origins", "origins", HY_CONFIG_STRING, AT(origins), "",
		"whose pages may connect besides those from the host that they ask: origins as browsers write them "
		"(https://chat.example.org), separated by commas; programs may always, and from this machine itself no "
		"plain http page under a name of the public DNS unless it stands here"},
	{"server.loops", "loops", HY_CONFIG_UNSIGNED, AT(loops), "0",
		"event loops, a thread each; 0: one per processor", 0, SVR_LOOPS_MAX},
	{"server.drain", "drain", HY_CONFIG_DURATION, AT(drain), "5s",
		"how long requests in work may take when the server ends", 0, 600000},
	{"server.log-level", "log-level", HY_CONFIG_STRING, AT(log_level), "info", "debug, info, warn or error"},
	{"kt.memory", "memory", HY_CONFIG_BYTES, AT(memory), "256M", "memory for rows; what is colder lies in RocksDB",
		1 << 20},
	{"kt.log", "log", HY_CONFIG_BYTES, AT(log_limit), "128M", "limit of the commit log that is not yet moved",
		8 << 20},
	{"kt.segment", "segment", HY_CONFIG_BYTES, AT(segment), "16M", "size of a commit log file", 1 << 20, 1 << 30},
	{"kt.disk-reserve", "disk-reserve", HY_CONFIG_BYTES, AT(disk_reserve), "256M",
		"messages are refused when less disk than this is free"},
	{"kt.window-days", "window-days", HY_CONFIG_UNSIGNED, AT(window_days), "8",
		"how long repeats of a send are recognised", 7, 365},
	{"messages.retain-days", "retain-days", HY_CONFIG_UNSIGNED, AT(retain_days), "30",
		"days that messages stay though all devices have them; 0: not at all", 0, 3650},
	{"messages.inbox-days", "inbox-days", HY_CONFIG_UNSIGNED, AT(inbox_days), "180",
		"older messages go when one device at least has them; while there are older ones that none has, no "
		"more are taken",
		1, 3650},
	{"messages.inbox-rows", "inbox-rows", HY_CONFIG_UNSIGNED, AT(inbox_rows), "20000",
		"messages that one inbox holds", 16},
	{"messages.inbox-bytes", "inbox-bytes", HY_CONFIG_BYTES, AT(inbox_bytes), "16M", "bytes that one inbox holds",
		64 << 10},
	{"contacts.strangers-may-write", "strangers-may-write", HY_CONFIG_BOOL, AT(strangers_may_write), "false",
		"default of the setting who may write: anyone instead of contacts"},
	{"accounts.registration", "registration", HY_CONFIG_STRING, AT(registration), "open",
		"who may have an account: open (anybody), invitation, or off (whom the operator gives one)"},
	{"passwords.memory", "password-memory", HY_CONFIG_BYTES, AT(password_memory), "19M",
		"that Argon2id takes for one password", 8 << 10, 1 << 30},
	{"passwords.passes", "password-passes", HY_CONFIG_UNSIGNED, AT(password_passes), "2", "that Argon2id makes", 1,
		16},
	{"limits.strangers", "strangers", HY_CONFIG_UNSIGNED, AT(anonymous_links), "4096",
		"connections that have not signed in, for each loop; at the limit the oldest goes", 16},
	{"limits.strangers-per-address", "strangers-per-address", HY_CONFIG_UNSIGNED, AT(anonymous_per_address), "256",
		"the same for one address; connections from this machine are not counted", 1},
	{"limits.strangers-buffers", "strangers-buffers", HY_CONFIG_BYTES, AT(anonymous_buffers), "64M",
		"what connections that have not signed in make the server buffer, for each loop; above it the oldest "
		"goes",
		1 << 20},
	{"limits.strangers-output", "strangers-output", HY_CONFIG_BYTES, AT(anonymous_output), "16K",
		"answers that such a connection may leave unread before its next request waits", 1 << 10, 4 << 20},
	{"limits.passwords-per-address", "passwords-per-address", HY_CONFIG_UNSIGNED, AT(open_per_address), "8",
		"registrations and sign-ins in work for one address, for each loop; more are refused", 1},
	{"limits.passwords-of-this-machine", "passwords-of-this-machine", HY_CONFIG_UNSIGNED, AT(open_loopback), "32",
		"the same for this machine, that is for all who come by a proxy on it that is not trusted", 1},
	{"limits.links-per-device", "links-per-device", HY_CONFIG_UNSIGNED, AT(links_per_device), "16",
		"long links of one device at once; at the limit the oldest goes", 1},
	{"limits.user-requests", "user-requests", HY_CONFIG_UNSIGNED, AT(user_requests), "256",
		"requests in work for one user; more are refused", 1},
	{"limits.link-requests", "link-requests", HY_CONFIG_UNSIGNED, AT(link_requests), "64",
		"requests in work for one link", 1, 4096},
	{"limits.requests", "requests", HY_CONFIG_UNSIGNED, AT(requests), "8192",
		"requests in work for each loop; more are refused", 16},
#define X(action, preset, name, of) \
	{"rates." name, "limit-" name, HY_CONFIG_RATE, AT(rates[HY__LIMIT_ACTION__LIMIT_##action]), preset, of},
	LIMIT_MAP(X)
#undef X
		{0},
};

static const char about_rates[] =
	"A RATE is how often something may be done: 50/s:500 is 50 a second, and 500 at once after a pause; 1/10s is\n"
	"one every ten seconds; off is no limit. Who does more is told when to come back. Limits by address are not\n"
	"for connections from this machine: a proxy's users would all be one; see --trusted-proxies. Devices that\n"
	"hold a ticket of an account sign in to it whatever others try.\n";

static void print_help(void)
{
	struct hy_buf out = {0};
	hy_config_help(items, &out);
	printf("usage: hongyan serve [options]\n\nRuns a server: every module in one process.\n\n%.*s\n%s",
		(int)hy_buf_len(&out), (const char *)hy_buf_data(&out), about_rates);
	hy_buf_fini(&out);
}

static int fail(char *why)
{
	fprintf(stderr, "hongyan serve: %s\n", why ? why : "failed");
	hy_free(why);
	return 1;
}

/** Splits "a,b,c" into addresses. */
static bool parse_listen(const char *text, struct server_config *config, char **ret_why)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		char one[128];
		if (config->listen_count == ACCESS_LISTENERS_MAX || len >= sizeof one) {
			*ret_why = why_printf("--listen: at most %d addresses", ACCESS_LISTENERS_MAX);
			return false;
		}
		memcpy(one, text, len);
		one[len] = '\0';
		if (env_addr_parse(one, &config->listen[config->listen_count++]) < 0) {
			*ret_why = why_printf(
				"--listen: '%s' is no address; write 127.0.0.1:7600, [::1]:7600 or *:7600", one);
			return false;
		}
		text += len + (text[len] == ',');
	}
	return true;
}

/** "127.0.0.1,2001:db8::7" */
static bool parse_proxies(const char *text, struct access_config *config, char **ret_why)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		if (config->proxy_count == ACCESS_PROXIES_MAX) {
			*ret_why = why_printf("--trusted-proxies: at most %d addresses", ACCESS_PROXIES_MAX);
			return false;
		}
		if (!access_address_parse(hy_bytes(text, len), &config->proxies[config->proxy_count++])) {
			*ret_why = why_printf("--trusted-proxies: '%.*s' is no address; write 127.0.0.1 or 2001:db8::7",
				(int)len, text);
			return false;
		}
		text += len + (text[len] == ',');
	}
	return true;
}

/** "https://chat.example.org,http://192.0.2.7:8080" */
static bool parse_origins(const char *text, struct access_config *config, char **ret_why)
{
	config->origins = text;
	while (*text) {
		size_t len = strcspn(text, ",");
		if (!access_origin_good(hy_bytes(text, len))) {
			*ret_why = why_printf(
				"--origins: '%.*s' is no origin; write https://chat.example.org, with nothing behind "
				"the host but a port",
				(int)len, text);
			return false;
		}
		text += len + (text[len] == ',');
	}
	return true;
}

#define METRICS_DEFAULT "127.0.0.1:7601"

/** Figures are the operator's alone (W5). */
static bool parse_metrics(const struct settings *s, struct server_config *config, char **ret_why)
{
	const char *text = s->metrics[0] ? s->metrics : METRICS_DEFAULT;
	if (strcmp(text, "off") == 0)
		return true;
	config->metrics_optional = !s->metrics[0];
	if (env_addr_parse(text, &config->metrics) < 0) {
		*ret_why = why_printf(
			"--metrics: '%s' is no address; write 127.0.0.1:7601, unix:/run/metrics.sock or off", text);
		return false;
	}
	if (config->metrics.family == AF_UNIX || env_addr_is_loopback(&config->metrics) || s->allow_plain)
		return true;
	*ret_why = why_printf("--metrics: %s can be reached from other machines, without encryption or password; "
			      "write 127.0.0.1:7601, or add --allow-plain",
		text);
	return false;
}

static bool parse_log_level(struct env *env, const char *text, char **ret_why)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	for (unsigned i = 0; i < HY_COUNT_OF(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			env_log_set_level(env, (enum env_log_level)i);
			return true;
		}
	}
	*ret_why = why_printf("--log-level: '%s'; write debug, info, warn or error", text);
	return false;
}

static bool parse_registration(const char *text, enum auth_registration *ret_registration, char **ret_why)
{
	static const char *const names[] = {[AUTH_REGISTRATION_OPEN] = "open",
		[AUTH_REGISTRATION_INVITATION] = "invitation",
		[AUTH_REGISTRATION_OFF] = "off"};
	for (unsigned i = 0; i < HY_COUNT_OF(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret_registration = (enum auth_registration)i;
			return true;
		}
	}
	*ret_why = why_printf("--registration: '%s'; write open, invitation or off", text);
	return false;
}

static struct server_config to_server_config(const struct settings *s)
{
	struct server_config config = server_config_default();
	config.data_dir = s->data;
	config.loops = (unsigned)s->loops;
	config.memory_bytes = s->memory;
	config.log_bytes = s->log_limit;
	config.segment_bytes = s->segment;
	config.disk_reserve_bytes = s->disk_reserve;
	config.window_days = s->window_days;
	config.retain_days = s->retain_days;
	config.inbox_days = s->inbox_days;
	config.inbox_rows = s->inbox_rows;
	config.inbox_bytes = s->inbox_bytes;
	config.password_memory = s->password_memory;
	config.password_passes = s->password_passes;
	config.repair = s->repair;
	config.strangers_may_write = s->strangers_may_write;
	memcpy(config.limits.rates, s->rates, sizeof s->rates);
	config.access.allow_plain = s->allow_plain;
	config.access.files = web_files;
	config.access.file_count = web_file_count;
	config.access.limits.anonymous_max = (unsigned)s->anonymous_links;
	config.access.limits.anonymous_per_address_max = (unsigned)s->anonymous_per_address;
	config.access.limits.anonymous_buffers_max = (size_t)s->anonymous_buffers;
	config.access.limits.anonymous_output_pause_bytes = (uint32_t)s->anonymous_output;
	config.access.limits.open_per_address_max = (unsigned)s->open_per_address;
	config.access.limits.open_loopback_max = (unsigned)s->open_loopback;
	config.access.limits.links_per_device = (unsigned)s->links_per_device;
	config.access.limits.user_requests_max = (unsigned)s->user_requests;
	config.access.limits.link_requests_max = (unsigned)s->link_requests;
	config.access.limits.requests_max = (unsigned)s->requests;
	return config;
}

/** Options, then the file that they name, then options once more: they have the last word. */
static int read_settings(
	struct env *env, struct hy_config *config, struct settings *s, int argc, char **argv, char **ret_why)
{
	int next;
	int status = hy_config_read_options(config, argc - 1, argv + 1, &next, ret_why);
	if (status != HY_OK)
		return status;
	if (next != argc - 1) {
		*ret_why = why_printf("'%s' is not expected here; see --help", argv[1 + next]);
		return HY_INVALID_ARGUMENT;
	}
	if (!s->config[0])
		return HY_OK;
	char *text;
	size_t len;
	int rc = env_file_read_all(env, s->config, CONFIG_FILE_MAX, &text, &len);
	if (rc < 0) {
		*ret_why = why_printf("cannot read %s: %s", s->config, strerror(-rc));
		return HY_NOT_FOUND;
	}
	status = hy_config_read_file_text(config, s->config, text, len, ret_why);
	hy_free(text);
	return status;
}

/** By what others than this machine reach the server, as text; NULL: they do not. */
static const char *reached_by(const struct server_config *config, char *text, size_t size)
{
	for (unsigned i = 0; i < config->listen_count; i++)
		if (!env_addr_is_loopback(&config->listen[i]))
			return env_addr_text(&config->listen[i], text, size);
	return config->access.proxy_count > 0 ? "a proxy (--trusted-proxies)" : NULL;
}

/** Users whose password everybody knows are this machine's alone. */
static bool check_demo(struct env *env, const struct settings *s, const struct server_config *config, char **ret_why)
{
	char text[128];
	const char *reached = reached_by(config, text, sizeof text);
	if (reached && s->demo)
		*ret_why = why_printf("--demo: its users have a password that everybody knows, and other machines "
				      "reach %s; listen on 127.0.0.1:7600 alone, or leave --demo out",
			reached);
	else if (reached && demo_in_folder(env, s->data))
		*ret_why = why_printf("%s holds demo users, whose password everybody knows, and other machines reach "
				      "%s; take another folder (--data), or listen on 127.0.0.1:7600 alone",
			s->data, reached);
	else if (s->demo && config->registration != AUTH_REGISTRATION_OPEN)
		*ret_why = why_printf("--demo: its users register as anybody does; leave --registration out");
	return !*ret_why;
}

/** Also when they cannot be made the server goes on: what is in the folder is served. */
static void make_demo(struct env *env, struct server *server, const struct settings *s)
{
	char *why = NULL;
	fflush(stdout); /* it takes a moment */
	int status = demo_make(env, server_svr(server), s->data, &why);
	if (status != HY_OK) {
		printf("--demo: %s%s\n", status == HY_FAILED_PRECONDITION ? "" : "not all is made: ", why);
		hy_free(why);
		return;
	}
	server_show_demo(server);
	printf("for trying out, sign in as");
	for (unsigned i = 0; i < DEMO_USERS; i++)
		printf("%s %s", i == 0 ? "" : i + 1 < DEMO_USERS ? "," : " or", demo_users[i].name);
	printf("; the password of each is " DEMO_PASSWORD "\n");
}

/** What the operator sees: where to go, and what would surprise him. */
static void announce(struct env *env, struct server *server, const struct server_config *config, uint64_t started_us,
	const struct settings *s)
{
	char text[128];
	for (unsigned i = 0; i < config->listen_count; i++) {
		const struct env_addr *a = server_address(server, i);
		printf("Hongyan is ready at http://%s\n", env_addr_text(a, text, sizeof text));
		if (!env_addr_is_loopback(a) && !config->access.allow_plain)
			printf("  (sign-in from other machines is refused there: connections are not encrypted; see "
			       "--allow-plain)\n");
	}
	if (s->demo)
		make_demo(env, server, s);
	else if (config->registration == AUTH_REGISTRATION_OPEN && !reached_by(config, text, sizeof text) &&
		 demo_nobody_there(env, server_svr(server)))
		printf("nobody has an account yet: register, or end this and start it with --demo to look around\n");
	if (server_metrics_address(server))
		printf("figures for Prometheus at http://%s/metrics\n",
			env_addr_text(server_metrics_address(server), text, sizeof text));
	printf("data in %s; up after %llu ms; end it with Ctrl-C\n", config->data_dir,
		(unsigned long long)((env_mono_us(env) - started_us) / 1000));
	fflush(stdout);
}

static int serve(struct env *env, const struct settings *s)
{
	struct server_config config = to_server_config(s);
	struct server *server;
	char *why = NULL;
	uint64_t started_us = env_mono_us(env), files = env_raise_file_limit(env);
	if (!parse_listen(s->listen, &config, &why) || !parse_proxies(s->trusted_proxies, &config.access, &why) ||
		!parse_origins(s->origins, &config.access, &why) || !parse_metrics(s, &config, &why) ||
		!parse_log_level(env, s->log_level, &why) ||
		!parse_registration(s->registration, &config.registration, &why) || !check_demo(env, s, &config, &why))
		return fail(why);
	if (files < FILES_NEEDED)
		return fail(why_printf(
			"only %llu files may be open, and every connection is one: raise the limit (ulimit -n, or "
			"LimitNOFILE= of the service)",
			(unsigned long long)files));
	if (server_start(env, &config, &server, &why) != HY_OK)
		return fail(why);
	if (s->check) {
		printf("settings, folder and ports are fine\n");
	} else {
		announce(env, server, &config, started_us, s);
		env_wait_terminate(env);
		env_log(env, ENV_LOG_INFO, "main", 0, "ending: answering what is in work");
	}
	server_stop(server, s->drain * 1000);
	return 0;
}

int command_serve(int argc, char **argv)
{
	struct settings s = {0};
	struct env *env = env_real_create();
	struct hy_config *config = hy_config_create(items, &s);
	char *why = NULL;
	env_no_core_dumps(env);
	int status = read_settings(env, config, &s, argc, argv, &why), exit_status = 0;
	if (status != HY_OK)
		exit_status = fail(why) + 1;
	else if (s.help)
		print_help();
	else
		exit_status = serve(env, &s);
	hy_config_destroy(config);
	env_real_destroy(env);
	return exit_status;
}
