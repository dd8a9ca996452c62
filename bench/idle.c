/*
 * idle.c - `script/bench idle [--links N] [--loops N]`
 *
 * What it costs that people are there: N users, each with a long link that has signed in and says nothing but
 * heartbeats. Before the links are opened every user has synced once over one link, so that what a user takes (rows,
 * position, RocksDB's cache) is not counted as the link's. The kernel's part of a link (socket, file) is not counted
 * either: the figure is the growth of the server's private memory by the second half of the links, since the first half
 * takes up what the heap has free.
 *
 * Sign-ins: how many links a second connect and identify themselves by ticket, many at once; and by password with the
 * cheapest hash there is, which still stores a ticket durably each time.
 *
 * The yardstick is a server that does nothing but answer frames (one fdatasync a turn).
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "auth.pb-c.h"
#include "load.h"
#include "sync.pb-c.h"

#define CMD_SIGN_IN 102
#define CMD_IDENTIFY 104
#define CMD_SYNC 111
#define AT_ONCE 64       /* links that are identifying themselves */
#define SIGN_IN_LINKS 24 /* a server has 32 password checks of this machine in work */
#define HEARTBEATS 20    /* rounds over all links */

static struct {
	struct load load;
	struct load_server server;
	struct load_person *people;
	struct load_link **links;
	unsigned count, next, done;
	unsigned opening; /* links to be open when this lot is */
} run;

/* ---- the server's memory ----------------------------------------------------------------------------------------- */

/** Bytes that are the server's alone. */
static double private_bytes(void)
{
	char path[64], line[256];
	unsigned long long kib, sum = 0;
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", run.server.pid);
	FILE *f = fopen(path, "r");
	if (!f)
		err(1, "%s", path);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "Private_Dirty: %llu", &kib) == 1 || sscanf(line, "Private_Clean: %llu", &kib) == 1)
			sum += kib;
	fclose(f);
	return (double)sum * 1024;
}

/** Lets what is going on come to an end. */
static void settle(unsigned ms)
{
	for (uint64_t until = load_now_us() + ms * 1000ull; load_now_us() < until;)
		load_turn(&run.load, 20);
}

/* ---- every user syncs once, over one link ------------------------------------------------------------------------ */

static void sync_next(struct load_link *l)
{
	if (run.next == run.count)
		return;
	struct load_person *p = &run.people[run.next++];
	Hy__SyncRequest request = HY__SYNC_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	head.ticket = (ProtobufCBinaryData){sizeof p->ticket, p->ticket};
	request.head = &head;
	load_send(l, CMD_SYNC, &request.base);
}

static void on_synced(struct load_link *l, const struct mars_frame *f)
{
	Hy__SyncResponse *r = hy__sync_response__unpack(NULL, f->body.len, f->body.data);
	if (!r || r->head->code != 0)
		errx(1, "a sync failed: %s", r ? r->head->message : "malformed");
	hy__sync_response__free_unpacked(r, NULL);
	run.done++;
	sync_next(l);
}

static void sync_all(void)
{
	struct load_link *l = load_link_open(&run.load);
	run.next = run.done = 0;
	l->on_frame = on_synced;
	for (unsigned i = 0; i < AT_ONCE / 2; i++)
		sync_next(l);
	while (run.done < run.count)
		load_turn(&run.load, 1000);
	load_link_close(l);
}

/* ---- links that sign in ------------------------------------------------------------------------------------------ */

static void on_identified(struct load_link *l, const struct mars_frame *f);

static void open_next(void)
{
	if (run.next == run.opening)
		return;
	struct load_person *p = &run.people[run.next];
	struct load_link *l = run.links[run.next++] = load_link_open(&run.load);
	Hy__IdentifyRequest request = HY__IDENTIFY_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	head.ticket = (ProtobufCBinaryData){sizeof p->ticket, p->ticket};
	request.head = &head;
	l->on_frame = on_identified;
	load_send(l, CMD_IDENTIFY, &request.base);
}

static void on_identified(struct load_link *l, const struct mars_frame *f)
{
	Hy__IdentifyResponse *r = hy__identify_response__unpack(NULL, f->body.len, f->body.data);
	if (!r || r->head->code != 0)
		errx(1, "a link was not let in: %s", r ? r->head->message : "malformed");
	hy__identify_response__free_unpacked(r, NULL);
	run.done++;
	open_next();
}

/** Until there are so many. Seconds it took. */
static double open_links(unsigned count)
{
	uint64_t began = load_now_us();
	run.opening = count;
	for (unsigned i = 0; i < AT_ONCE; i++)
		open_next();
	while (run.done < count)
		load_turn(&run.load, 1000);
	return (double)(load_now_us() - began) / 1e6;
}

static void on_heartbeat(struct load_link *l, const struct mars_frame *f)
{
	run.done += f->cmd == MARS_CMD_NOOP;
}

static void heartbeats(void)
{
	for (unsigned round = 0; round < HEARTBEATS; round++) {
		run.done = 0;
		for (unsigned i = 0; i < run.count; i++) {
			run.links[i]->on_frame = on_heartbeat;
			load_send_packed(run.links[i], MARS_CMD_NOOP, MARS_SEQ_NOOP, "", 0);
			if (i % AT_ONCE == 0)
				load_turn(&run.load, 0);
		}
		while (run.done < run.count)
			load_turn(&run.load, 1000);
	}
}

/* ---- by password ------------------------------------------------------------------------------------------------- */

static void sign_in_next(struct load_link *l)
{
	if (run.next == run.count)
		return;
	char name[64];
	uint64_t id[2] = {load_random(), load_random()};
	Hy__SignInRequest request = HY__SIGN_IN_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	snprintf(name, sizeof name, "idle-%u", run.next++);
	head.device = (char *)(uintptr_t) "second";
	head.client_id = (ProtobufCBinaryData){sizeof id, (uint8_t *)id};
	head.made_ms = load_wall_ms();
	request.head = &head;
	request.name = name;
	request.password = (char *)(uintptr_t) "a password";
	load_send(l, CMD_SIGN_IN, &request.base);
}

static void on_signed_in(struct load_link *l, const struct mars_frame *f)
{
	Hy__SignInResponse *r = hy__sign_in_response__unpack(NULL, f->body.len, f->body.data);
	if (!r || r->head->code != 0)
		errx(1, "a sign-in was refused: %s", r ? r->head->message : "malformed");
	hy__sign_in_response__free_unpacked(r, NULL);
	run.done++;
	sign_in_next(l);
}

static double sign_in_all(void)
{
	struct load_link *links[SIGN_IN_LINKS];
	uint64_t began = load_now_us();
	run.next = run.done = 0;
	for (unsigned i = 0; i < SIGN_IN_LINKS; i++) {
		links[i] = load_link_open(&run.load);
		links[i]->on_frame = on_signed_in;
		sign_in_next(links[i]);
	}
	while (run.done < run.count)
		load_turn(&run.load, 1000);
	double seconds = (double)(load_now_us() - began) / 1e6;
	for (unsigned i = 0; i < SIGN_IN_LINKS; i++)
		load_link_close(links[i]);
	return seconds;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void raise_file_limit(void)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < run.count + 100)
		errx(1, "%u links need more than the %llu files that a process may open here (ulimit -Hn)", run.count,
			(unsigned long long)files.rlim_cur);
}

int main(int argc, char **argv)
{
	const char *loops = "1";
	run.count = 15000;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--links") == 0)
			run.count = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--loops") == 0)
			loops = argv[i + 1];
	}
	const char *options[] = {"--loops", loops, NULL};
	raise_file_limit();
	run.people = calloc(run.count, sizeof *run.people);
	run.links = calloc(run.count, sizeof(struct load_link *));
	load_server_start(&run.server, options);
	load_init(&run.load, run.server.port);
	load_register_many(&run.load, "idle", run.people, run.count);
	load_server_stop(&run.server);
	load_server_start_again(&run.server, options); /* so that no memory is left over from the registrations */
	run.load.port = run.server.port;
	sync_all();
	run.next = run.done = 0;
	double half = run.count - run.count / 2;
	settle(6000);
	struct load_cpu began = load_server_cpu(&run.server);
	double opening_s = open_links(run.count / 2);
	struct load_cpu opened_half = load_server_cpu(&run.server);
	settle(2000);
	double before = private_bytes();
	struct load_cpu going_on = load_server_cpu(&run.server);
	opening_s += open_links(run.count);
	struct load_cpu opened = load_server_cpu(&run.server);
	settle(2000);
	double bytes = private_bytes() - before, opening_us = opened_half.all_us - began.all_us;
	opening_us += opened.all_us - going_on.all_us;
	struct load_cpu idle = load_server_cpu(&run.server);
	heartbeats();
	struct load_cpu beaten = load_server_cpu(&run.server);
	double passwords_s = sign_in_all();
	struct load_cpu signed_in = load_server_cpu(&run.server);
	load_server_stop(&run.server);
	load_server_remove(&run.server);
	struct load_yardstick y = load_yardstick(AT_ONCE, 1, 20, 2);
	double n = run.count, beat_us = (beaten.loops_us - idle.loops_us) / (n * HEARTBEATS);
	printf("{\"name\": \"idle\", \"loops\": %s, \"links\": %u, \"bytes_per_link\": %.0f, \"ops_per_s\": %.0f, "
	       "\"cpu_us_per_op\": %.2f, \"heartbeat_cpu_us\": %.2f, \"heartbeat_cpu_percent\": %.3f, "
	       "\"password_sign_ins_per_s\": %.0f, \"password_sign_in_loops_us\": %.2f, "
	       "\"yardstick_cpu_us_per_op\": %.2f, \"ratio\": %.2f}\n",
		loops, run.count, bytes / half, n / opening_s, opening_us / n, beat_us, beat_us * n / 270 / 1e4,
		n / passwords_s, (signed_in.loops_us - beaten.loops_us) / n, y.cpu_us_per_op,
		y.cpu_us_per_op / beat_us);
	return 0;
}
