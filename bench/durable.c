/*
 * durable.c - `script/bench durable [burst|sustained] [--seconds N] [--messages N] [--loops N]`
 *
 * 50 senders on long links, each with 16 messages of 200 bytes in flight to 16 contacts of its own, who are offline.
 * A message is answered when it is durable in two places (four rows). burst: memory and log hold everything; CPU of
 * loops and committer. sustained: 64 MiB of memory; CPU of all threads until everything has been moved to RocksDB.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "load.h"
#include "send.pb-c.h"

#define SENDERS 50
#define WINDOW 16
#define TEXT 200
#define CMD_SEND 121
#define CODE_RESOURCE_EXHAUSTED 8

struct sender;

/** One message at a time; refused for want of room, the same one again when the server said. */
struct slot {
	struct sender *sender;
	uint32_t to;
	uint64_t sent_us, again_us; /* again_us: 0, or when it is due */
	uint64_t made_ms, id[2];
};

struct run {
	uint64_t started, answered, failed, refused, limit, deadline_us;
	struct load_histogram latency;
};

struct sender {
	struct load_link *link;
	struct slot slots[WINDOW];
	struct run *run;
};

static char text[TEXT + 1];

static void send_slot(struct sender *s, unsigned slot)
{
	struct slot *x = &s->slots[slot];
	Hy__SendTextRequest request = HY__SEND_TEXT_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	uint8_t packed[512];
	head.client_id = (ProtobufCBinaryData){sizeof x->id, (uint8_t *)x->id};
	head.made_ms = x->made_ms;
	request.head = &head;
	request.to = x->to;
	request.text = text;
	x->again_us = 0;
	size_t len = hy__send_text_request__pack(&request, packed);
	load_send_packed(s->link, CMD_SEND, slot + 1, packed, len);
}

static void send_new(struct sender *s, unsigned slot)
{
	struct run *run = s->run;
	struct slot *x = &s->slots[slot];
	if (run->started >= run->limit || s->link->load->now_us >= run->deadline_us)
		return;
	run->started++;
	x->sent_us = s->link->load->now_us;
	x->made_ms = load_wall_ms();
	x->id[0] = load_random();
	x->id[1] = load_random();
	send_slot(s, slot);
}

static void send_due(struct load *load, struct sender *senders)
{
	for (unsigned i = 0; i < SENDERS; i++)
		for (unsigned k = 0; k < WINDOW; k++)
			if (senders[i].slots[k].again_us && senders[i].slots[k].again_us <= load->now_us)
				send_slot(&senders[i], k);
}

static void on_answer(struct load_link *l, const struct mars_frame *f)
{
	struct sender *s = l->user;
	unsigned slot = f->seq - 1;
	if (f->cmd != CMD_SEND || slot >= WINDOW)
		return;
	Hy__SendTextResponse *r = hy__send_text_response__unpack(NULL, f->body.len, f->body.data);
	uint32_t code = r && r->head ? r->head->code : 13;
	if (code == CODE_RESOURCE_EXHAUSTED) {
		s->run->refused++;
		s->slots[slot].again_us = l->load->now_us + r->head->retry_after_ms * 1000ull;
	} else if (code != 0) {
		if (s->run->failed++ == 0)
			warnx("a send failed: %s", r ? r->head->message : "malformed");
	} else {
		s->run->answered++;
		load_histogram_add(&s->run->latency, l->load->now_us - s->slots[slot].sent_us);
	}
	if (r)
		hy__send_text_response__free_unpacked(r, NULL);
	if (code != CODE_RESOURCE_EXHAUSTED)
		send_new(s, slot);
}

/** Everybody has an account; senders are contacts of their recipients, and have a link of their own. */
static void enrol(struct load *load, struct sender *senders, struct run *run)
{
	static struct load_person from[SENDERS], to[SENDERS * WINDOW];
	static struct load_contact contacts[SENDERS * WINDOW];
	load_register_many(load, "sender", from, SENDERS);
	load_register_many(load, "recipient", to, SENDERS * WINDOW);
	for (unsigned i = 0; i < SENDERS * WINDOW; i++)
		contacts[i] = (struct load_contact){&from[i / WINDOW], &to[i]};
	load_make_contacts(load, contacts, SENDERS * WINDOW);
	for (unsigned i = 0; i < SENDERS; i++) {
		struct sender *s = &senders[i];
		for (unsigned k = 0; k < WINDOW; k++)
			s->slots[k] = (struct slot){.sender = s, .to = to[i * WINDOW + k].uin};
		s->link = load_link_enter(load, &from[i]);
		s->link->on_frame = on_answer;
		s->link->user = s;
		s->run = run;
	}
}

static void drive(struct load *load, struct sender *senders, struct run *run)
{
	load->now_us = load_now_us();
	for (unsigned i = 0; i < SENDERS; i++)
		for (unsigned k = 0; k < WINDOW; k++)
			send_new(&senders[i], k);
	while (run->answered + run->failed < run->started) {
		load_turn(load, 10);
		send_due(load, senders);
	}
}

/** Until what is durable has been moved to RocksDB and lasts there. */
static void wait_until_moved(const struct load_server *server)
{
	usleep(1100 * 1000); /* the gauges then know of all that was written */
	for (int i = 0; i < 600; i++) {
		if (load_server_stat(server, "kt_moved_pos") >= load_server_stat(server, "kt_durable_pos"))
			return;
		usleep(200 * 1000);
	}
	warnx("not everything was moved after two minutes");
}

int main(int argc, char **argv)
{
	bool sustained = argc > 1 && strcmp(argv[1], "sustained") == 0;
	unsigned seconds = sustained ? 120 : 3600;
	const char *loops = "1";
	struct run run = {.limit = sustained ? UINT64_MAX : 300000};
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--seconds") == 0)
			seconds = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--messages") == 0)
			run.limit = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--loops") == 0)
			loops = argv[i + 1];
	}
	const char *options[] = {"--loops", loops, "--memory", sustained ? "64M" : "2G", "--log",
		sustained ? "128M" : "2G", "--inbox-rows", "10000000", "--inbox-bytes", "8G", NULL};
	static struct sender senders[SENDERS];
	struct load_server server;
	struct load load;
	memset(text, 'x', TEXT);
	load_server_start(&server, options);
	load_init(&load, server.port);
	enrol(&load, senders, &run);

	struct load_cpu before = load_server_cpu(&server);
	uint64_t began = load_now_us();
	run.deadline_us = began + (uint64_t)seconds * 1000000;
	drive(&load, senders, &run);
	double took_s = (double)(load_now_us() - began) / 1e6;
	struct load_cpu sent = load_server_cpu(&server);
	if (sustained)
		wait_until_moved(&server);
	struct load_cpu after = load_server_cpu(&server);
	double n = (double)run.answered, moved_s = (double)(load_now_us() - began) / 1e6;
	uint64_t memory = load_server_stat(&server, "kt_memory_bytes"),
		 batches = load_server_stat(&server, "log_batches");
	load_server_stop(&server);
	load_server_remove(&server);

	struct load_yardstick y = load_yardstick(SENDERS, WINDOW, 4 * TEXT, 3);
	double cpu = sustained ? (after.all_us - before.all_us) / n : (sent.loops_us - before.loops_us) / n;
	printf("{\"name\": \"durable-%s\", \"loops\": %s, \"messages\": %.0f, \"failed\": %llu, \"refused\": %llu, "
	       "\"ops_per_s\": %.0f, "
	       "\"cpu_us_per_op\": %.2f, \"loops_cpu_us_per_op\": %.2f, \"all_cpu_us_per_op\": %.2f, \"p50_us\": %llu, "
	       "\"p99_us\": %llu, "
	       "\"until_moved_s\": %.1f, \"memory_bytes\": %llu, \"batches\": %llu, \"yardstick_cpu_us_per_op\": %.2f, "
	       "\"yardstick_ops_per_s\": %.0f, \"ratio\": %.2f}\n",
		sustained ? "sustained" : "burst", loops, n, (unsigned long long)run.failed,
		(unsigned long long)run.refused, n / took_s, cpu, (sent.loops_us - before.loops_us) / n,
		(after.all_us - before.all_us) / n, (unsigned long long)load_histogram_quantile(&run.latency, 0.5),
		(unsigned long long)load_histogram_quantile(&run.latency, 0.99), sustained ? moved_s : took_s,
		(unsigned long long)memory, (unsigned long long)batches, y.cpu_us_per_op, y.ops_per_s,
		y.cpu_us_per_op / cpu);
	return run.failed != 0;
}
