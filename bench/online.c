/*
 * online.c - `script/bench online [--pairs N] [--window N] [--seconds N] [--rate N] [--loops N]`
 *
 * Pairs of contacts, both on long links. One sends texts of 200 bytes, `window` in flight; the other gets a hint,
 * syncs, and brings the snapshot with its next sync, which lets the server forget. A message is delivered when a sync
 * answer has brought it. --rate: so many messages a second in all, whatever the answers do (open loop).
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"
#include "send.pb-c.h"
#include "sync.pb-c.h"

#define PAIRS_MAX 2000
#define TEXT 200
#define CMD_SEND 121
#define CMD_SYNC 111

struct pair {
	struct load_link *from, *to;
	uint32_t to_uin;
	struct hy_buf snapshot;
	bool syncing, again;
	unsigned in_flight;
};

static struct {
	struct pair pairs[PAIRS_MAX];
	unsigned count, window;
	uint64_t sent, answered, delivered, syncs, failed, measured_from_us, end_us;
	struct load_histogram latency, answer_latency;
	struct load load;
	char text[TEXT + 1];
} run;

static void send_one(struct pair *p)
{
	if (run.load.now_us >= run.end_us)
		return;
	Hy__SendTextRequest request = HY__SEND_TEXT_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	uint64_t id[2] = {load_random(), load_random()};
	snprintf(run.text, sizeof run.text, "%020llu", (unsigned long long)run.load.now_us);
	run.text[20] = ' ';
	head.client_id = (ProtobufCBinaryData){sizeof id, (uint8_t *)id};
	head.made_ms = load_wall_ms();
	request.head = &head;
	request.to = p->to_uin;
	request.text = run.text;
	load_send(p->from, CMD_SEND, &request.base);
	run.sent++;
	p->in_flight++;
}

static void sync_one(struct pair *p)
{
	if (p->syncing) {
		p->again = true;
		return;
	}
	Hy__SyncRequest request = HY__SYNC_REQUEST__INIT;
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	request.head = &head;
	request.snapshot = (ProtobufCBinaryData){hy_buf_len(&p->snapshot), hy_buf_data(&p->snapshot)};
	load_send(p->to, CMD_SYNC, &request.base);
	p->syncing = true;
	run.syncs++;
}

static void on_sender_frame(struct load_link *l, const struct mars_frame *f)
{
	struct pair *p = l->user;
	if (f->cmd != CMD_SEND)
		return; /* a hint at the sender's own copy */
	Hy__SendTextResponse *r = hy__send_text_response__unpack(NULL, f->body.len, f->body.data);
	if (!r || r->head->code != 0)
		run.failed++;
	if (r)
		hy__send_text_response__free_unpacked(r, NULL);
	run.answered++;
	p->in_flight--;
	if (run.window)
		send_one(p);
}

static void on_entries(const Hy__SyncResponse *r)
{
	for (size_t i = 0; i < r->n_entries; i++) {
		if (r->entries[i]->kind != HY__SYNC_KIND__SYNC_KIND_MESSAGE)
			continue;
		Hy__TextMessage *m = hy__text_message__unpack(NULL, r->entries[i]->body.len, r->entries[i]->body.data);
		if (!m)
			errx(1, "a message is malformed");
		run.delivered++;
		load_histogram_add(&run.latency, run.load.now_us - strtoull(m->text, NULL, 10));
		hy__text_message__free_unpacked(m, NULL);
	}
}

static void on_recipient_frame(struct load_link *l, const struct mars_frame *f)
{
	struct pair *p = l->user;
	if (f->cmd == MARS_CMD_PUSH) {
		sync_one(p);
		return;
	}
	if (f->cmd != CMD_SYNC)
		return;
	Hy__SyncResponse *r = hy__sync_response__unpack(NULL, f->body.len, f->body.data);
	if (!r || r->head->code != 0)
		errx(1, "a sync failed: %s", r ? r->head->message : "malformed");
	p->syncing = false;
	on_entries(r);
	hy_buf_clear(&p->snapshot);
	hy_buf_append(&p->snapshot, r->snapshot.data, r->snapshot.len);
	bool again = p->again || r->more;
	p->again = false;
	hy__sync_response__free_unpacked(r, NULL);
	if (again)
		sync_one(p);
}

static struct load_link *enter(const struct load_person *who, struct pair *pair,
	void (*on_frame)(struct load_link *, const struct mars_frame *))
{
	struct load_link *l = load_link_enter(&run.load, who);
	l->on_frame = on_frame;
	l->user = pair;
	return l;
}

/** Everybody has an account and a link; the two of a pair are contacts. */
static void enrol(void)
{
	static struct load_person from[PAIRS_MAX], to[PAIRS_MAX];
	static struct load_contact contacts[PAIRS_MAX];
	load_register_many(&run.load, "from", from, run.count);
	load_register_many(&run.load, "to", to, run.count);
	for (unsigned i = 0; i < run.count; i++)
		contacts[i] = (struct load_contact){&from[i], &to[i]};
	load_make_contacts(&run.load, contacts, run.count);
	for (unsigned i = 0; i < run.count; i++) {
		struct pair *p = &run.pairs[i];
		p->to_uin = to[i].uin;
		p->from = enter(&from[i], p, on_sender_frame);
		p->to = enter(&to[i], p, on_recipient_frame);
		sync_one(p);
	}
}

/** Open loop: what is due by now. */
static void send_due(uint64_t began, unsigned rate)
{
	uint64_t due = (run.load.now_us - began) * rate / 1000000;
	while (run.sent < due && run.load.now_us < run.end_us)
		send_one(&run.pairs[run.sent % run.count]);
}

int main(int argc, char **argv)
{
	unsigned seconds = 10, rate = 0;
	const char *loops = "1";
	run.count = 500;
	run.window = 16;
	for (int i = 1; i + 1 < argc; i += 2) {
		unsigned value = (unsigned)strtoul(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--pairs") == 0)
			run.count = value < PAIRS_MAX ? value : PAIRS_MAX;
		else if (strcmp(argv[i], "--window") == 0)
			run.window = value;
		else if (strcmp(argv[i], "--seconds") == 0)
			seconds = value;
		else if (strcmp(argv[i], "--rate") == 0)
			rate = value;
		else if (strcmp(argv[i], "--loops") == 0)
			loops = argv[i + 1];
	}
	if (rate)
		run.window = 0;
	const char *options[] = {"--loops", loops, "--requests", "40000", "--retain-days", "0", NULL};
	struct load_server server;
	memset(run.text, 'x', TEXT);
	load_server_start(&server, options);
	load_init(&run.load, server.port);
	enrol();
	struct load_cpu before = load_server_cpu(&server);
	uint64_t began = run.load.now_us = load_now_us();
	run.end_us = began + (uint64_t)seconds * 1000000;
	for (unsigned i = 0; i < run.count; i++)
		for (unsigned w = 0; w < run.window; w++)
			send_one(&run.pairs[i]);
	while (load_now_us() < run.end_us) {
		load_turn(&run.load, rate ? 1 : 100);
		if (rate)
			send_due(began, rate);
	}
	uint64_t patience = load_now_us() + 10000000;
	while ((run.delivered < run.sent || run.answered < run.sent) && load_now_us() < patience)
		load_turn(&run.load, 100);
	double took_s = (double)(load_now_us() - began) / 1e6;
	struct load_cpu after = load_server_cpu(&server);
	if (run.delivered != run.sent)
		warnx("%llu sent, %llu delivered", (unsigned long long)run.sent, (unsigned long long)run.delivered);
	load_server_stop(&server);
	load_server_remove(&server);

	struct load_yardstick y =
		load_yardstick(run.count < 500 ? run.count : 500, run.window ? run.window : 1, 4 * TEXT, 3);
	double n = (double)run.delivered, cpu = (after.loops_us - before.loops_us) / n;
	printf("{\"name\": \"online\", \"loops\": %s, \"pairs\": %u, \"window\": %u, \"rate\": %u, \"delivered\": "
	       "%.0f, \"failed\": %llu, "
	       "\"ops_per_s\": %.0f, \"cpu_us_per_op\": %.2f, \"all_cpu_us_per_op\": %.2f, \"p50_us\": %llu, "
	       "\"p99_us\": %llu, "
	       "\"syncs_per_message\": %.2f, \"yardstick_cpu_us_per_op\": %.2f, \"yardstick_ops_per_s\": %.0f, "
	       "\"ratio\": %.2f}\n",
		loops, run.count, run.window, rate, n, (unsigned long long)run.failed, n / took_s, cpu,
		(after.all_us - before.all_us) / n, (unsigned long long)load_histogram_quantile(&run.latency, 0.5),
		(unsigned long long)load_histogram_quantile(&run.latency, 0.99), (double)run.syncs / n, y.cpu_us_per_op,
		y.ops_per_s, y.cpu_us_per_op / cpu);
	return run.delivered != run.sent || run.failed != 0;
}
