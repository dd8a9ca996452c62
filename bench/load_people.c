/* load_people.c - who takes part in a load: registers people, makes contacts of them, many at once. */
#include <err.h>
#include <stdio.h>

#include "auth.pb-c.h"
#include "contacts.pb-c.h"
#include "load.h"

#define CMD_REGISTER 101
#define CMD_IDENTIFY 104
#define CMD_REQUEST_CONTACT 131
#define CMD_ACCEPT_CONTACT 132
#define LINKS 24 /* a server has one registration of a link in work, and 32 of this machine */
#define CODE_FAILED_PRECONDITION 9

/** Requests that are made LINKS at a time; the number of a request, and 1, is its frame's seq. */
struct many {
	unsigned count, sent, done;
	void (*send)(struct load_link *l, const struct many *many, unsigned number);
	/** False: the same request once more. */
	bool (*take)(const struct many *many, unsigned number, struct hy_bytes answer);
	const char *prefix;
	struct load_person *people;
	const struct load_contact *contacts;
};

/** A head with a client ID of its own. */
struct head {
	Hy__RequestHead head;
	uint64_t id[2];
};

static Hy__RequestHead *head_init(struct head *h, const struct load_person *who)
{
	hy__request_head__init(&h->head);
	h->id[0] = load_random();
	h->id[1] = load_random();
	h->head.client_id = (ProtobufCBinaryData){sizeof h->id, (uint8_t *)h->id};
	h->head.made_ms = load_wall_ms();
	if (who)
		h->head.ticket = (ProtobufCBinaryData){sizeof who->ticket, (uint8_t *)(uintptr_t)who->ticket};
	return &h->head;
}

static void many_send(struct load_link *l, struct many *many, unsigned number)
{
	l->next_seq = number;
	many->send(l, many, number);
}

static void many_next(struct load_link *l)
{
	struct many *many = l->user;
	if (many->sent < many->count)
		many_send(l, many, many->sent++);
}

static void on_many(struct load_link *l, const struct mars_frame *f)
{
	struct many *many = l->user;
	if (f->seq == 0 || f->seq > many->count)
		return;
	if (!many->take(many, f->seq - 1, f->body)) {
		many_send(l, many, f->seq - 1);
		return;
	}
	many->done++;
	many_next(l);
}

static void do_many(struct load *load, struct many *many)
{
	struct load_link *links[LINKS];
	for (unsigned i = 0; i < LINKS; i++) {
		links[i] = load_link_open(load);
		links[i]->on_frame = on_many;
		links[i]->user = many;
		many_next(links[i]);
	}
	while (many->done < many->count)
		load_turn(load, 1000);
	for (unsigned i = 0; i < LINKS; i++)
		load_link_close(links[i]);
}

/* ---- registering ------------------------------------------------------------------------------------------------- */

static void send_register(struct load_link *l, const struct many *many, unsigned number)
{
	Hy__RegisterRequest request = HY__REGISTER_REQUEST__INIT;
	struct head head;
	char name[64];
	snprintf(name, sizeof name, "%s-%u", many->prefix, number);
	request.head = head_init(&head, NULL);
	request.head->device = (char *)(uintptr_t) "bench";
	request.name = name;
	request.password = (char *)(uintptr_t) "a password";
	load_send(l, CMD_REGISTER, &request.base);
}

static bool take_registered(const struct many *many, unsigned number, struct hy_bytes answer)
{
	struct load_person *person = &many->people[number];
	Hy__RegisterResponse *r = hy__register_response__unpack(NULL, answer.len, answer.data);
	if (!r || r->head->code != 0 || r->ticket.len != sizeof person->ticket)
		errx(1, "registration failed: %s", r ? r->head->message : "malformed");
	person->uin = r->uin;
	memcpy(person->ticket, r->ticket.data, sizeof person->ticket);
	hy__register_response__free_unpacked(r, NULL);
	return true;
}

void load_register_many(struct load *load, const char *prefix, struct load_person *people, unsigned count)
{
	struct many many = {
		.count = count, .send = send_register, .take = take_registered, .prefix = prefix, .people = people};
	do_many(load, &many);
}

/* ---- contacts ---------------------------------------------------------------------------------------------------- */

static void send_request(struct load_link *l, const struct many *many, unsigned number)
{
	const struct load_contact *c = &many->contacts[number];
	Hy__RequestContactRequest request = HY__REQUEST_CONTACT_REQUEST__INIT;
	struct head head;
	request.head = head_init(&head, c->asks);
	request.uin = c->accepts->uin;
	load_send(l, CMD_REQUEST_CONTACT, &request.base);
}

static bool take_requested(const struct many *many, unsigned number, struct hy_bytes answer)
{
	Hy__RequestContactResponse *r = hy__request_contact_response__unpack(NULL, answer.len, answer.data);
	if (!r || r->head->code != 0)
		errx(1, "a contact request failed: %s", r ? r->head->message : "malformed");
	hy__request_contact_response__free_unpacked(r, NULL);
	return true;
}

static void send_accept(struct load_link *l, const struct many *many, unsigned number)
{
	const struct load_contact *c = &many->contacts[number];
	Hy__AcceptContactRequest request = HY__ACCEPT_CONTACT_REQUEST__INIT;
	struct head head;
	request.head = head_init(&head, c->accepts);
	request.uin = c->asks->uin;
	load_send(l, CMD_ACCEPT_CONTACT, &request.base);
}

static bool take_accepted(const struct many *many, unsigned number, struct hy_bytes answer)
{
	Hy__AcceptContactResponse *r = hy__accept_contact_response__unpack(NULL, answer.len, answer.data);
	uint32_t code = r && r->head ? r->head->code : 13;
	/* a request is answered when the asker has it in writing, which can be before the asked one knows of it */
	if (code != 0 && code != CODE_FAILED_PRECONDITION)
		errx(1, "a contact was not accepted: %s", r ? r->head->message : "malformed");
	if (code == 0 && r->relation != HY__RELATION__RELATION_CONTACT)
		errx(1, "an accepted contact is none");
	hy__accept_contact_response__free_unpacked(r, NULL);
	return code == 0;
}

void load_make_contacts(struct load *load, const struct load_contact *contacts, unsigned count)
{
	struct many requests = {.count = count, .send = send_request, .take = take_requested, .contacts = contacts};
	struct many accepts = {.count = count, .send = send_accept, .take = take_accepted, .contacts = contacts};
	do_many(load, &requests);
	do_many(load, &accepts);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

struct load_link *load_link_enter(struct load *load, const struct load_person *who)
{
	struct load_link *l = load_link_open(load);
	Hy__IdentifyRequest request = HY__IDENTIFY_REQUEST__INIT;
	struct head head;
	struct hy_buf out = {0};
	request.head = head_init(&head, who);
	load_ask(l, CMD_IDENTIFY, &request.base, &out);
	Hy__IdentifyResponse *r = hy__identify_response__unpack(NULL, hy_buf_len(&out), hy_buf_data(&out));
	if (!r || r->head->code != 0)
		errx(1, "identify failed: %s", r ? r->head->message : "malformed");
	hy__identify_response__free_unpacked(r, NULL);
	hy_buf_fini(&out);
	return l;
}
