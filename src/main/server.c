/* server.c - see server.h. Parts start in the order of the table below and end in the opposite order. */
#include "main/server.h"

#include <sodium.h>
#include <stdio.h>

#include "base/mem.h"
#include "data/account/account.h"
#include "data/contact/contact.h"
#include "data/message/message.h"
#include "data/spaces.h"
#include "logic/auth/auth.h"
#include "logic/contacts/contacts.h"
#include "logic/deletion/deletion.h"
#include "logic/delivery/delivery.h"
#include "logic/keys.h"
#include "logic/profile/profile.h"
#include "logic/send/send.h"
#include "logic/session/session.h"
#include "logic/sync/sync.h"
#include "main/admin.h"
#include "main/monitor.h"
#include "main/secrets.h"
#include "main/server_page.h"
#include "main/why.h"
#include "svrkit/rpc.h"

struct server {
	struct env *env;
	struct server_config config;
	struct secrets secrets;
	struct svr *svr;
	struct kt *kt;
	struct account *account;
	struct contact *contact;
	struct message *message;
	struct session *session;
	struct delivery *delivery;
	struct sync *sync;
	struct send *send;
	struct contacts *contacts;
	struct deletion *deletion;
	struct profile *profile;
	struct auth *auth;
	struct sweep *sweep;
	struct limit *limit;
	struct audit *audit;
	struct admin *admin;
	struct access *access;
	struct monitor *monitor;
	struct server_page page;
	struct env_addr bound[ACCESS_LISTENERS_MAX], metrics_bound;
	struct logic_keys keys;
	uint64_t grace_us;
	char *why;
};

struct server_config server_config_default(void)
{
	return (struct server_config){.access = {.limits = ACCESS_LIMITS_DEFAULT}, .limits = limit_config_default()};
}

/** Takes the first sentence that says why; later ones are consequences. */
static int fail(struct server *s, int status, char *why)
{
	if (s->why)
		hy_free(why);
	else
		s->why = why;
	return status;
}

/* ---- the parts, in order ----------------------------------------------------------------------------------------- */

static int start_svr(struct server *s)
{
	unsigned loops = s->config.loops ? s->config.loops : HY_MIN(env_cpu_count(s->env), (unsigned)SVR_LOOPS_MAX);
	int status = svr_create(s->env, &(struct svr_config){.loops = loops}, &s->svr);
	return status == HY_OK ? HY_OK
			       : fail(s, status, why_printf("cannot make event loops: %s", hy_status_text(status)));
}

static void stop_svr(struct server *s)
{
	if (s->svr)
		svr_destroy(s->svr);
}

static int start_kt(struct server *s)
{
	struct kt_config config = {.spaces = spaces_table,
		.dir = s->config.data_dir,
		.memory_bytes = s->config.memory_bytes,
		.log_bytes = s->config.log_bytes,
		.segment_bytes = s->config.segment_bytes,
		.disk_reserve_bytes = s->config.disk_reserve_bytes,
		.window_days = s->config.window_days,
		.repair = s->config.repair};
	char *why = NULL;
	int status = kt_open_sdb(s->svr, &config, &s->kt, &why);
	return status == HY_OK ? HY_OK : fail(s, status, why);
}

static void stop_kt(struct server *s)
{
	if (s->kt)
		kt_close(s->kt);
}

static int start_secrets(struct server *s)
{
	char *why = NULL;
	int status = secrets_load(s->env, s->config.data_dir, &s->secrets, &why);
	if (status != HY_OK)
		return fail(s, status, why);
	logic_keys_derive(s->secrets.master, &s->keys);
	return HY_OK;
}

static void stop_secrets(struct server *s)
{
	sodium_memzero(&s->keys, sizeof s->keys);
	secrets_wipe(&s->secrets);
}

static int start_data(struct server *s)
{
	struct message_config messages = {
		.inbox_rows = (uint32_t)s->config.inbox_rows, .inbox_bytes = s->config.inbox_bytes};
	struct contact_config contacts = {.strangers_may_write = s->config.strangers_may_write};
	int status = account_create(s->svr, s->kt, &s->account);
	if (status == HY_OK)
		status = contact_create(s->svr, s->kt, &contacts, &s->contact);
	return status == HY_OK ? message_create(s->svr, s->kt, &messages, &s->message) : status;
}

static void stop_data(struct server *s)
{
	message_destroy(s->message);
	contact_destroy(s->contact);
	account_destroy(s->account);
}

static int start_logic(struct server *s)
{
	struct session_config sessions = {.keys = &s->keys,
		.retain_days = (unsigned)s->config.retain_days,
		.inbox_days = (unsigned)s->config.inbox_days};
	struct sync_config syncs = {.keys = &s->keys, .epoch = kt_epoch(s->kt)};
	struct auth_config auths = {.keys = &s->keys,
		.registration = s->config.registration,
		.hash_threads = s->config.password_threads,
		.hash_passes = (unsigned)s->config.password_passes,
		.hash_bytes = (uint32_t)s->config.password_memory};
	int status = limit_create(s->svr, &s->config.limits, &s->limit);
	if (status == HY_OK)
		status = session_create(s->svr, &sessions, &s->session);
	if (status == HY_OK)
		status = delivery_create(s->svr, &s->delivery);
	if (status == HY_OK)
		status = sync_create(s->svr, &syncs, &s->sync);
	if (status == HY_OK)
		status = send_create(s->svr, &(struct send_config){.keys = &s->keys}, &s->send);
	if (status == HY_OK)
		status = contacts_create(s->svr, &s->contacts);
	if (status == HY_OK)
		status = profile_create(s->svr, &s->profile);
	if (status == HY_OK)
		status = auth_create(s->svr, &auths, &s->auth);
	if (status == HY_OK)
		status = deletion_create(s->svr, &s->deletion);
	if (status == HY_OK)
		status = sweep_create(s->svr, &s->config.sweep, &s->sweep);
	return status;
}

static void stop_logic(struct server *s)
{
	sweep_destroy(s->sweep);
	deletion_destroy(s->deletion);
	auth_destroy(s->auth);
	profile_destroy(s->profile);
	contacts_destroy(s->contacts);
	send_destroy(s->send);
	sync_destroy(s->sync);
	delivery_destroy(s->delivery);
	session_destroy(s->session);
	limit_destroy(s->limit);
}

static int start_admin(struct server *s)
{
	char text[256];
	struct env_addr addr;
	int status = audit_create(s->svr, s->config.data_dir, &s->audit);
	if (status != HY_OK)
		return status;
	s->admin = admin_create(s->svr, s->kt, s->audit);
	if (s->config.admin_path)
		snprintf(text, sizeof text, "unix:%s", s->config.admin_path);
	else
		snprintf(text, sizeof text, "unix:%s/admin.sock", s->config.data_dir);
	if (env_addr_parse(text, &addr) < 0)
		return fail(s, HY_INVALID_ARGUMENT,
			why_printf("the administration socket's path is too long (at most 107 bytes): %s", text + 5));
	status = rpc_listen(s->svr, &addr);
	return status == HY_OK ? HY_OK
			       : fail(s, status,
					 why_printf("cannot make the administration socket %s: %s", text + 5,
						 hy_status_text(status)));
}

static void stop_admin(struct server *s)
{
	admin_destroy(s->admin);
	audit_destroy(s->audit);
}

static int fail_listen(struct server *s, const char *option, const struct env_addr *addr, int rc)
{
	char text[128];
	env_addr_text(addr, text, sizeof text);
	switch (rc) {
	case -EADDRINUSE:
		return fail(s, HY_ALREADY_EXISTS,
			why_printf("%s is taken by another program; end it, or choose another address with %s", text,
				option));
	case -EACCES:
		return fail(s, HY_PERMISSION_DENIED,
			why_printf("this user may not listen on %s; ports below 1024 are the administrator's", text));
	case -EADDRNOTAVAIL:
		return fail(s, HY_INVALID_ARGUMENT, why_printf("%s is no address of this machine", text));
	default:
		return fail(s, HY_UNAVAILABLE, why_printf("cannot listen on %s: %s", text, strerror(-rc)));
	}
}

static int listen_for_metrics(struct server *s)
{
	char text[128];
	const struct env_addr *at = &s->config.metrics;
	int rc = at->family ? access_listen_operator(s->access, at, &s->metrics_bound) : 0;
	if (rc == 0)
		return HY_OK;
	if (!s->config.metrics_optional)
		return fail_listen(s, "--metrics", &s->config.metrics, rc);
	env_log(s->env, ENV_LOG_WARN, "main", 0, "no /metrics: cannot listen on %s: %s (see --metrics)",
		env_addr_text(&s->config.metrics, text, sizeof text), strerror(-rc));
	return HY_OK;
}

static int start_access(struct server *s)
{
	int status = access_create(s->svr, &s->config.access, &s->access);
	for (unsigned i = 0; status == HY_OK && i < s->config.listen_count; i++) {
		int rc = access_listen(s->access, &s->config.listen[i], &s->bound[i]);
		if (rc < 0)
			return fail_listen(s, "--listen", &s->config.listen[i], rc);
	}
	if (status != HY_OK)
		return status;
	s->page.registration = s->config.registration;
	server_page_add(&s->page, s->access);
	return listen_for_metrics(s);
}

static void stop_access(struct server *s)
{
	access_destroy(s->access);
}

static int start_monitor(struct server *s)
{
	struct monitor_config config = {.svr = s->svr,
		.kt = s->kt,
		.access = s->access,
		.dir = s->config.data_dir,
		.disk_reserve_bytes = s->config.disk_reserve_bytes};
	return monitor_create(&config, &s->monitor);
}

static void stop_monitor(struct server *s)
{
	monitor_destroy(s->monitor);
}

/** The loops start when everything that runs on them is there, and end before any of it goes. */
static int start_loops(struct server *s)
{
	int status = svr_start(s->svr);
	return status == HY_OK ? HY_OK
			       : fail(s, status, why_printf("cannot start threads: %s", hy_status_text(status)));
}

static void stop_loops(struct server *s)
{
	svr_stop(s->svr, s->grace_us);
}

static const struct part {
	const char *name;
	int (*start)(struct server *s);
	void (*stop)(struct server *s); /* also after a start that failed half-way */
} parts[] = {
	{"loops", start_svr, stop_svr},
	{"store", start_kt, stop_kt},
	{"secrets", start_secrets, stop_secrets},
	{"data services", start_data, stop_data},
	{"logic services", start_logic, stop_logic},
	{"administration", start_admin, stop_admin},
	{"access", start_access, stop_access},
	{"monitor", start_monitor, stop_monitor},
	{"threads", start_loops, stop_loops},
};

/**
 * Newest first. After a start that failed before the loops ran: they run once, so that they can end while all that uses
 * them is there.
 */
static void stop_parts(struct server *s, unsigned count)
{
	if (count < HY_COUNT_OF(parts) && s->svr && svr_start(s->svr) == HY_OK)
		svr_stop(s->svr, 0);
	while (count > 0)
		parts[--count].stop(s);
}

int server_start(struct env *env, const struct server_config *config, struct server **ret_server, char **ret_why)
{
	struct server *s = hy_zalloc(sizeof *s);
	s->env = env;
	s->config = *config;
	for (unsigned i = 0; i < HY_COUNT_OF(parts); i++) {
		int status = parts[i].start(s);
		if (status == HY_OK)
			continue;
		*ret_why =
			s->why ? s->why : why_printf("cannot start the %s: %s", parts[i].name, hy_status_text(status));
		stop_parts(s, i + 1);
		hy_free(s);
		return status;
	}
	monitor_ready(s->monitor);
	*ret_server = s;
	return HY_OK;
}

const struct env_addr *server_address(const struct server *s, unsigned index)
{
	assert(index < s->config.listen_count);
	return &s->bound[index];
}

const struct env_addr *server_metrics_address(const struct server *s)
{
	return s->metrics_bound.family ? &s->metrics_bound : NULL;
}

struct kt *server_kt(struct server *s)
{
	return s->kt;
}

struct svr *server_svr(struct server *s)
{
	return s->svr;
}

void server_show_demo(struct server *s)
{
	__atomic_store_n(&s->page.demo, true, __ATOMIC_RELAXED);
}

void server_stop(struct server *s, uint64_t grace_us)
{
	s->grace_us = grace_us;
	access_stop(s->access, grace_us);
	stop_parts(s, HY_COUNT_OF(parts));
	hy_free(s->why);
	hy_free(s);
}
