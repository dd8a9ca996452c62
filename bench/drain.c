/*
 * drain.c - `script/bench drain [--inboxes N] [--loops N]`
 *
 * Inboxes of 50 messages, filled by a contact while their owners are offline, are read back by sync: from memory, then
 * from RocksDB after a restart with a cold cache. CPU of the whole server per message.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"
#include "send.pb-c.h"
#include "sync.pb-c.h"

#define PER_INBOX 50
#define TEXT 200
#define CMD_SEND 121
#define CMD_SYNC 111
#define WINDOW 16
#define READERS 16

static struct {
	struct load_person *people;
	unsigned count, next;
	uint64_t sent, answered, received;
	struct load_histogram latency;
	char text[TEXT + 1];
} run;

/* ---- filling ----------------------------------------------------------------------------------------------------- */

static void send_next(struct load_link *l)
{
	if (run.sent >= (uint64_t)run.count * PER_INBOX)
		return;
	Hy__SendTextRequest request = HY__SEND_TEXT_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	uint64_t id[2] = {load_random(), load_random()};
	head.client_id = (ProtobufCBinaryData){sizeof id, (uint8_t *)id};
	head.made_ms = load_wall_ms();
	request.head = &head;
	request.to = run.people[run.sent++ % run.count].uin;
	request.text = run.text;
	load_send(l, CMD_SEND, &request.base);
}

static void on_sent(struct load_link *l, const struct mars_frame *f)
{
	if (f->cmd != CMD_SEND)
		return;
	Hy__SendTextResponse *r = hy__send_text_response__unpack(NULL, f->body.len, f->body.data);
	if (!r || r->head->code != 0)
		errx(1, "a send was refused: %s", r ? r->head->message : "malformed");
	hy__send_text_response__free_unpacked(r, NULL);
	run.answered++;
	send_next(l);
}

static void fill(struct load *load)
{
	struct load_contact *contacts = calloc(run.count, sizeof *contacts);
	struct load_person person;
	load_register_many(load, "reader", run.people, run.count);
	load_register_many(load, "writer", &person, 1);
	for (unsigned i = 0; i < run.count; i++)
		contacts[i] = (struct load_contact){&person, &run.people[i]};
	load_make_contacts(load, contacts, run.count);
	free(contacts);
	struct load_link *writer = load_link_enter(load, &person);
	writer->on_frame = on_sent;
	for (unsigned i = 0; i < WINDOW * 16; i++)
		send_next(writer);
	while (run.answered < (uint64_t)run.count * PER_INBOX)
		load_turn(load, 1000);
	load_link_close(writer);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct reader {
	uint64_t asked_us;
	unsigned person;
	bool busy;
};

static void ask_next(struct load_link *l)
{
	struct reader *reader = l->user;
	reader->busy = run.next < run.count;
	if (!reader->busy)
		return;
	struct load_person *p = &run.people[run.next++];
	Hy__SyncRequest request = HY__SYNC_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	head.ticket = (ProtobufCBinaryData){sizeof p->ticket, p->ticket};
	request.head = &head;
	reader->asked_us = l->load->now_us;
	load_send(l, CMD_SYNC, &request.base);
}

static void on_synced(struct load_link *l, const struct mars_frame *f)
{
	struct reader *reader = l->user;
	Hy__SyncResponse *r = hy__sync_response__unpack(NULL, f->body.len, f->body.data);
	if (!r || r->head->code != 0)
		errx(1, "a sync failed: %s", r ? r->head->message : "malformed");
	for (size_t i = 0; i < r->n_entries; i++)
		run.received += r->entries[i]->kind == HY__SYNC_KIND__SYNC_KIND_MESSAGE;
	hy__sync_response__free_unpacked(r, NULL);
	load_histogram_add(&run.latency, l->load->now_us - reader->asked_us);
	ask_next(l);
}

/** CPU microseconds of the server per message read. */
static double drain(struct load *load, const struct load_server *server)
{
	static struct reader readers[READERS];
	struct load_link *links[READERS];
	run.next = 0;
	run.received = 0;
	run.latency = (struct load_histogram){0};
	for (unsigned i = 0; i < READERS; i++) {
		links[i] = load_link_open(load);
		links[i]->on_frame = on_synced;
		links[i]->user = &readers[i];
	}
	struct load_cpu before = load_server_cpu(server);
	load->now_us = load_now_us();
	for (unsigned i = 0; i < READERS; i++)
		ask_next(links[i]);
	for (bool busy = true; busy;) {
		load_turn(load, 1000);
		busy = false;
		for (unsigned i = 0; i < READERS; i++)
			busy |= readers[i].busy;
	}
	struct load_cpu after = load_server_cpu(server);
	for (unsigned i = 0; i < READERS; i++)
		load_link_close(links[i]);
	if (run.received != (uint64_t)run.count * PER_INBOX)
		errx(1, "%llu of %llu messages came", (unsigned long long)run.received,
			(unsigned long long)run.count * PER_INBOX);
	return (after.all_us - before.all_us) / (double)run.received;
}

static void drop_page_cache(void)
{
	FILE *f = fopen("/proc/sys/vm/drop_caches", "w");
	if (!f || fputs("1\n", f) < 0)
		warnx("cannot drop the page cache: the cold figure is of a warm one");
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	const char *loops = "1";
	run.count = 4000;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--inboxes") == 0)
			run.count = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--loops") == 0)
			loops = argv[i + 1];
	}
	const char *big[] = {"--loops", loops, "--memory", "2G", "--log", "2G", NULL};
	const char *small[] = {"--loops", loops, "--memory", "64M", "--log", "8M", NULL};
	struct load_server server;
	struct load load;
	run.people = calloc(run.count, sizeof *run.people);
	memset(run.text, 'x', TEXT);
	load_server_start(&server, big);
	load_init(&load, server.port);
	fill(&load);
	double warm = drain(&load, &server);
	uint64_t warm_p50 = load_histogram_quantile(&run.latency, 0.5),
		 warm_p99 = load_histogram_quantile(&run.latency, 0.99);
	load_server_stop(&server);
	/* Once up with a small log, so that all is moved; then down, and up with nothing in memory. */
	load_server_start_again(&server, small);
	for (int i = 0;
		i < 300 && load_server_stat(&server, "kt_persisted_pos") < load_server_stat(&server, "kt_durable_pos");
		i++)
		load_turn(&load, 200);
	load_server_stop(&server);
	drop_page_cache();
	load_server_start_again(&server, small);
	load.port = server.port;
	double cold = drain(&load, &server);
	load_server_stop(&server);
	load_server_remove(&server);
	struct load_yardstick y = load_yardstick(READERS, 1, TEXT, 2);
	printf("{\"name\": \"drain\", \"loops\": %s, \"messages\": %llu, \"cpu_us_per_op\": %.2f, "
	       "\"cold_cpu_us_per_op\": %.2f, "
	       "\"p50_us\": %llu, \"p99_us\": %llu, \"cold_p50_us\": %llu, \"cold_p99_us\": %llu, "
	       "\"yardstick_cpu_us_per_op\": %.2f, "
	       "\"ratio\": %.2f}\n",
		loops, (unsigned long long)run.received, warm, cold, (unsigned long long)warm_p50,
		(unsigned long long)warm_p99, (unsigned long long)load_histogram_quantile(&run.latency, 0.5),
		(unsigned long long)load_histogram_quantile(&run.latency, 0.99), y.cpu_us_per_op,
		y.cpu_us_per_op / warm);
	return 0;
}
