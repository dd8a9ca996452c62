/*
 * database.c - `script/bench database [--gib N] [--users N] [--memory SIZE]`
 *
 * A database, not a cache: 16 MiB for rows, 1 GiB of rows of 100,000 users who are all offline. Memory and log must
 * stay within their bounds while it is filled; then kill -9 with a full log, start again, and every message is read
 * back by its recipient. Everybody may write to everybody: contacts are no part of it.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"
#include "send.pb-c.h"
#include "sync.pb-c.h"

#define CMD_SEND 121
#define CMD_SYNC 111
#define TEXT 200
#define ROW_BYTES 180u /* of one of a message's four rows, on the average, with its name */
#define SENDERS 16
#define WINDOW 48
#define READ_WINDOW 32

static struct {
	struct load_person *people;
	unsigned users;
	uint64_t messages, sent, answered, retried, next_reader, readers_done, received, wrong;
	uint64_t rss_max_kib, memory_max, log_max;
	char text[TEXT + 1];
} run;

static uint64_t rss_kib(const struct load_server *s)
{
	char path[64], line[128];
	unsigned long long kib = 0;
	snprintf(path, sizeof path, "/proc/%d/status", s->pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %llu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static void look(const struct load_server *s)
{
	uint64_t rss = rss_kib(s), memory = load_server_stat(s, "kt_memory_bytes"),
		 log = load_server_stat(s, "kt_log_bytes");
	run.rss_max_kib = rss > run.rss_max_kib ? rss : run.rss_max_kib;
	run.memory_max = memory > run.memory_max ? memory : run.memory_max;
	run.log_max = log > run.log_max ? log : run.log_max;
}

/* ---- filling: message n goes to user n mod users, and says n ----------------------------------------------------- */

struct slot {
	uint64_t number, made_ms, id[2];
};

static void send_slot(struct load_link *l, unsigned slot)
{
	struct slot *x = &((struct slot *)l->user)[slot];
	Hy__SendTextRequest request = HY__SEND_TEXT_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	uint8_t packed[512];
	snprintf(run.text, sizeof run.text, "%020llu", (unsigned long long)x->number);
	run.text[20] = ' ';
	head.client_id = (ProtobufCBinaryData){sizeof x->id, (uint8_t *)x->id};
	head.made_ms = x->made_ms;
	request.head = &head;
	request.to = run.people[x->number % run.users].uin;
	request.text = run.text;
	load_send_packed(l, CMD_SEND, slot + 1, packed, hy__send_text_request__pack(&request, packed));
}

static void send_new(struct load_link *l, unsigned slot)
{
	struct slot *x = &((struct slot *)l->user)[slot];
	if (run.sent == run.messages)
		return;
	*x = (struct slot){.number = run.sent++, .made_ms = load_wall_ms(), .id = {load_random(), load_random()}};
	send_slot(l, slot);
}

static void on_sent(struct load_link *l, const struct mars_frame *f)
{
	if (f->cmd != CMD_SEND)
		return;
	Hy__SendTextResponse *r = hy__send_text_response__unpack(NULL, f->body.len, f->body.data);
	uint32_t code = r && r->head ? r->head->code : 13;
	if (code != 0 && code != 8)
		errx(1, "a send was refused: %s", r ? r->head->message : "malformed");
	hy__send_text_response__free_unpacked(r, NULL);
	if (code == 8) { /* the disk cannot keep up: the same again */
		run.retried++;
		send_slot(l, f->seq - 1);
		return;
	}
	run.answered++;
	send_new(l, f->seq - 1);
}

static void fill(struct load *load, const struct load_server *server)
{
	static struct slot slots[SENDERS][WINDOW];
	struct load_person writers[SENDERS];
	struct load_link *links[SENDERS];
	load_register_many(load, "writer", writers, SENDERS);
	for (unsigned i = 0; i < SENDERS; i++) {
		links[i] = load_link_enter(load, &writers[i]);
		links[i]->on_frame = on_sent;
		links[i]->user = slots[i];
		for (unsigned k = 0; k < WINDOW; k++)
			send_new(links[i], k);
	}
	uint64_t looked = 0;
	while (run.answered < run.messages) {
		load_turn(load, 1000);
		if (load->now_us - looked > 2000000) {
			looked = load->now_us;
			look(server);
			fprintf(stderr, "\r%llu of %llu messages", (unsigned long long)run.answered,
				(unsigned long long)run.messages);
		}
	}
	fprintf(stderr, "\n");
	look(server);
	for (unsigned i = 0; i < SENDERS; i++)
		load_link_close(links[i]);
}

/* ---- reading back ------------------------------------------------------------------------------------------------ */

struct reading {
	uint64_t user;
	struct hy_buf snapshot;
};

static void read_page(struct load_link *l, unsigned slot)
{
	struct reading *g = &((struct reading *)l->user)[slot];
	struct load_person *p = &run.people[g->user];
	Hy__SyncRequest request = HY__SYNC_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	uint8_t packed[512];
	head.ticket = (ProtobufCBinaryData){sizeof p->ticket, p->ticket};
	request.head = &head;
	request.snapshot = (ProtobufCBinaryData){hy_buf_len(&g->snapshot), hy_buf_data(&g->snapshot)};
	load_send_packed(l, CMD_SYNC, slot + 1, packed, hy__sync_request__pack(&request, packed));
}

static void read_next(struct load_link *l, unsigned slot)
{
	struct reading *g = &((struct reading *)l->user)[slot];
	if (run.next_reader == run.users)
		return;
	g->user = run.next_reader++;
	hy_buf_clear(&g->snapshot);
	read_page(l, slot);
}

static void check(struct reading *g, const Hy__SyncResponse *r)
{
	for (size_t i = 0; i < r->n_entries; i++) {
		if (r->entries[i]->kind != HY__SYNC_KIND__SYNC_KIND_MESSAGE)
			continue;
		Hy__TextMessage *m = hy__text_message__unpack(NULL, r->entries[i]->body.len, r->entries[i]->body.data);
		uint64_t number = m ? strtoull(m->text, NULL, 10) : UINT64_MAX;
		/*
		 * Different writers' messages to one user may pass each other; each must be this user's and come once
		 * in all.
		 */
		run.wrong += number % run.users != g->user || number >= run.messages;
		run.received++;
		hy__text_message__free_unpacked(m, NULL);
	}
}

static void on_page(struct load_link *l, const struct mars_frame *f)
{
	struct reading *g = &((struct reading *)l->user)[f->seq - 1];
	Hy__SyncResponse *r = hy__sync_response__unpack(NULL, f->body.len, f->body.data);
	if (!r || r->head->code != 0)
		errx(1, "a sync failed: %s", r ? r->head->message : "malformed");
	check(g, r);
	hy_buf_clear(&g->snapshot);
	hy_buf_append(&g->snapshot, r->snapshot.data, r->snapshot.len);
	bool more = r->more;
	hy__sync_response__free_unpacked(r, NULL);
	if (more) {
		read_page(l, f->seq - 1);
		return;
	}
	run.readers_done++;
	read_next(l, f->seq - 1);
}

static void read_back(struct load *load)
{
	static struct reading readings[READ_WINDOW];
	struct load_link *l = load_link_open(load);
	l->on_frame = on_page;
	l->user = readings;
	for (unsigned i = 0; i < READ_WINDOW; i++)
		read_next(l, i);
	while (run.readers_done < run.users)
		load_turn(load, 1000);
	load_link_close(l);
}

int main(int argc, char **argv)
{
	double gib = 1;
	const char *memory = "16M";
	run.users = 100000;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--gib") == 0)
			gib = strtod(argv[i + 1], NULL);
		else if (strcmp(argv[i], "--users") == 0)
			run.users = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--memory") == 0)
			memory = argv[i + 1];
	}
	run.messages = (uint64_t)(gib * (double)(1u << 30) / (4 * ROW_BYTES));
	run.people = calloc(run.users, sizeof *run.people);
	memset(run.text, 'x', TEXT);
	const char *options[] = {
		"--memory", memory, "--inbox-rows", "10000000", "--inbox-bytes", "8G", "--strangers-may-write", NULL};
	struct load_server server;
	struct load load;
	load_server_start(&server, options);
	load_init(&load, server.port);
	load_register_many(&load, "user", run.people, run.users);
	uint64_t began = load_now_us();
	fill(&load, &server);
	double fill_s = (double)(load_now_us() - began) / 1e6;
	uint64_t log_bytes = load_server_stat(&server, "kt_log_bytes");

	kill(server.pid, SIGKILL);
	waitpid(server.pid, NULL, 0);
	began = load_now_us();
	load_server_start_again(&server, options);
	double start_s = (double)(load_now_us() - began) / 1e6;
	load.port = server.port;
	began = load_now_us();
	read_back(&load);
	double read_s = (double)(load_now_us() - began) / 1e6;
	look(&server);
	load_server_stop(&server);
	load_server_remove(&server);
	bool fine = run.received == run.messages && run.wrong == 0;
	printf("{\"name\": \"database\", \"messages\": %llu, \"users\": %u, \"ops_per_s\": %.0f, \"retried\": %llu, "
	       "\"log_bytes_at_kill\": %llu, "
	       "\"start_s\": %.2f, \"read\": %llu, \"wrong\": %llu, \"reads_per_s\": %.0f, \"rss_max_bytes\": %llu, "
	       "\"memory_max_bytes\": %llu, "
	       "\"log_max_bytes\": %llu, \"all_there\": %s}\n",
		(unsigned long long)run.messages, run.users, (double)run.messages / fill_s,
		(unsigned long long)run.retried, (unsigned long long)log_bytes, start_s,
		(unsigned long long)run.received, (unsigned long long)run.wrong, (double)run.received / read_s,
		(unsigned long long)run.rss_max_kib * 1024, (unsigned long long)run.memory_max,
		(unsigned long long)run.log_max, fine ? "true" : "false");
	return !fine;
}
