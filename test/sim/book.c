/*
 * The book: what was promised and what was seen.
 *
 *	- A text answered with 0 comes exactly once, as a user counts, to every device that should have it: the
 *recipient's and the sender's own, those that had signed in before it was first sent. One not answered, or refused, at
 *most once. Content intact.
 *	- A version of an inbox names one text for ever, whoever is told, and a text has one version and one message ID
 *(R2, S3).
 *	- Within an answer versions rise; all are above what was brought, none above what the new snapshot says; no
 *snapshot goes back.
 *	- "Older ones are gone" is said only to who brings no snapshot, an old one, or has an inbox with small bounds
 *(R5).
 *	- Where only contacts may write: contact_book.c.
 *	- Order: of one device's texts to one recipient those answered are in the inbox in the order in which they were
 *sent, when one waited for the other, or when they went out over one link (R7).
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

/* In a snapshot (logic/snapshot.h): versions of account and inbox, readable by whoever has it. */
enum { SNAPSHOT_ACCOUNT = 21, SNAPSHOT_CONTACTS = 29, SNAPSHOT_MESSAGES = 37, SNAPSHOT_LEN = 77 };

void book_text(const struct world *w, unsigned number, char buffer[TEXT_BUFFER])
{
	const struct text *t = &w->texts[number];
	int head = snprintf(buffer, TEXT_BUFFER, "%u from %s:", number, w->devices[t->from].name);
	unsigned len = HY_MAX((unsigned)head, t->len);
	for (unsigned i = (unsigned)head; i < len; i++)
		buffer[i] = (char)('a' + (i * 7 + number) % 26);
	buffer[len] = '\0';
}

unsigned book_draw_recipient(struct world *w)
{
	/* half of all goes to the first two, so that some inboxes are busy */
	uint64_t u = world_chance(w, 500) ? world_range(w, 0, HY_MIN(w->user_count, 2u) - 1)
					  : world_range(w, 0, w->user_count - 1);
	return w->users[u].uin ? (unsigned)u : USERS_MAX;
}

unsigned book_new_text(
	struct device *d, unsigned to_user, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE], uint64_t made_ms)
{
	struct world *w = d->world;
	if (w->text_count == TEXTS_MAX || (w->phase == PHASE_FAULTS && w->text_count >= w->texts_wanted))
		return TEXTS_MAX;
	struct text *t = &w->texts[w->text_count];
	*t = (struct text){.state = TEXT_PENDING,
		.from = d->index,
		.to_user = to_user,
		.made_ms = made_ms,
		.asked_us = sim_now_us(w->sim),
		.link = d->link};
	memcpy(t->client_id, client_id, sizeof t->client_id);
	uint64_t usual = world_chance(w, 100) ? 3000 : 200;
	t->len = (unsigned)(w->long_texts ? world_range(w, TEXT_LEN_MAX / 2, TEXT_LEN_MAX) : world_range(w, 0, usual));
	world_say(w, "%s sends text %u to %s", d->name, w->text_count, w->users[to_user].name);
	return w->text_count++;
}

unsigned book_find_text(const struct device *d, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE])
{
	const struct world *w = d->world;
	for (unsigned i = 0; i < w->text_count; i++)
		if (w->texts[i].from == d->index &&
			memcmp(w->texts[i].client_id, client_id, HONGYAN_CLIENT_ID_SIZE) == 0)
			return i;
	return TEXTS_MAX;
}

static void same_message_id(struct world *w, unsigned number, const uint8_t *id)
{
	struct text *t = &w->texts[number];
	if (!t->has_message_id) {
		t->has_message_id = true;
		memcpy(t->message_id, id, sizeof t->message_id);
	} else if (memcmp(t->message_id, id, sizeof t->message_id) != 0) {
		world_fail(w, "text %u has two message IDs", number);
	}
}

bool book_tried_once(const struct device *d, uint64_t asked_us, unsigned link)
{
	return d->online && d->link == link && sim_now_us(d->world->sim) - asked_us < d->request_timeout_ms * 1000;
}

static bool is_in_an_inbox(const struct world *w, unsigned number)
{
	bool is = false;
	for (unsigned u = 0; u < w->user_count; u++)
		is |= w->users[u].version_of[number] != 0;
	return is;
}

/** By the recipient's row. */
static void not_let_in(struct world *w, unsigned number)
{
	struct text *t = &w->texts[number];
	const struct device *d = &w->devices[t->from];
	t->once = !t->tried_again && (d->kind == DEVICE_RAW || book_tried_once(d, t->asked_us, t->link));
	if (t->state == TEXT_ANSWERED)
		world_fail(w, "text %u was answered, and its repeat was not let in", number);
	else if (!contact_book_may_be_refused(w, t) || (t->late && w->may_write[d->user][t->to_user]))
		world_fail(w, "text %u was not let in, without reason", number);
	else if (t->once && is_in_an_inbox(w, number))
		world_fail(w, "text %u was not let in, and is in an inbox", number);
}

void book_answer(struct world *w, unsigned number, int status, const uint8_t *message_id, const char *why)
{
	struct text *t = &w->texts[number];
	world_say(w, "text %u is answered: %s", number, hy_status_name(status));
	if (status == HY_OK) {
		if (!message_id)
			world_fail(w, "text %u was answered without a message ID", number);
		else
			same_message_id(w, number, message_id);
		if (!contact_book_may_be_let_in(w, t) ||
			(t->late && !w->may_write[w->devices[t->from].user][t->to_user]))
			world_fail(w, "text %u was let in, without permission", number);
		w->answered += t->state == TEXT_PENDING;
		t->state = TEXT_ANSWERED;
		return;
	}
	/* a clock that jumped makes a text too old or too new; but for permission nothing else is a reason here */
	if (status == HY_PERMISSION_DENIED)
		not_let_in(w, number);
	else if (status != HY_OUT_OF_RANGE || w->drawn.clock_jump == 0)
		world_fail(w, "text %u was refused without reason: %s (%s)", number, hy_status_name(status),
			why ? why : "");
	if (t->state == TEXT_PENDING) {
		t->state = TEXT_REFUSED;
		w->refused++;
	}
}

void book_signed_in(struct device *d, uint32_t uin, const void *ticket, size_t len)
{
	struct world *w = d->world;
	struct user *u = &w->users[d->user];
	if (len == 0 || len > sizeof d->ticket) {
		world_fail(w, "%s was given a ticket of %zu bytes", d->name, len);
		return;
	}
	if (uin == 0 || (u->uin && u->uin != uin))
		world_fail(w, "%s has two UINs: %u and %u", u->name, u->uin, uin);
	u->uin = uin;
	memcpy(d->ticket, ticket, len);
	d->ticket_len = len;
	if (u->alone != d->index + 1)
		d->first_due = w->text_count;
	u->alone = 0;
	u->changes++;
	for (unsigned n = 0; n < TEXTS_MAX; n++)
		d->may_repeat[n] = d->got[n] != 0;
	memset(d->snapshot_lens, 0, sizeof d->snapshot_lens);
	world_say(w, "%s has signed in as %s, UIN %u", d->name, u->name, uin);
}

void book_leaves(struct device *d)
{
	if (!d->leaving)
		d->changes_before = d->world->users[d->user].changes;
	d->leaving = true;
}

void book_signed_out(struct device *d)
{
	struct world *w = d->world;
	struct user *u = &w->users[d->user];
	if (!d->ticket_len)
		return; /* told twice: by this answer and another request's */
	bool others = u->changes != d->changes_before;
	d->ticket_len = 0;
	d->leaving = false;
	for (unsigned i = 0; i < w->device_count; i++)
		others |= w->devices[i].user == d->user && w->devices[i].ticket_len;
	u->alone = others ? 0 : d->index + 1;
	u->changes++;
	d->away_until = sim_now_us(w->sim) + world_range(w, 0, 30 * SEC);
	world_say(w, "%s has signed out", d->name);
}

/* ---- a sync's answer ------------------------------------------------------------------------------------- */

static uint64_t version_in(const void *snapshot, size_t len, size_t at)
{
	return len == SNAPSHOT_LEN ? hy_get_be64((const uint8_t *)snapshot + at) : 0;
}

/** Which text an entry is; TEXTS_MAX: none that anybody sent. */
static unsigned identify(struct world *w, const struct book_entry *e)
{
	char buffer[TEXT_BUFFER];
	unsigned long number = strtoul(e->text, NULL, 10);
	if (number >= w->text_count)
		return TEXTS_MAX;
	book_text(w, (unsigned)number, buffer);
	const struct text *t = &w->texts[number];
	const struct user *from = &w->users[w->devices[t->from].user], *to = &w->users[t->to_user];
	bool intact = strcmp(buffer, e->text) == 0 && e->from == from->uin && e->to == to->uin &&
		      strcmp(e->from_name, from->name) == 0;
	return intact ? (unsigned)number : TEXTS_MAX;
}

static bool concerns(const struct world *w, const struct text *t, unsigned user)
{
	return t->to_user == user || w->devices[t->from].user == user;
}

static void check_place(struct device *d, unsigned number, const struct book_entry *e)
{
	struct world *w = d->world;
	struct user *u = &w->users[d->user];
	if (e->version == 0 || e->version >= VERSIONS_MAX) {
		world_fail(w, "%s got text %u with version %llu", d->name, number, (unsigned long long)e->version);
		return;
	}
	if (u->version_of[number] && u->version_of[number] != e->version)
		world_fail(w, "text %u is twice in the inbox of %s: versions %llu and %llu", number, u->name,
			(unsigned long long)u->version_of[number], (unsigned long long)e->version);
	if (u->text_at[e->version] && u->text_at[e->version] != number + 1)
		world_fail(w, "version %llu of the inbox of %s was text %u and is now text %u",
			(unsigned long long)e->version, u->name, u->text_at[e->version] - 1u, number);
	u->version_of[number] = e->version;
	u->text_at[e->version] = (uint16_t)(number + 1);
}

static void take_entry(struct device *d, const struct book_sync *sync, const struct book_entry *e)
{
	struct world *w = d->world;
	unsigned number = identify(w, e);
	if (number == TEXTS_MAX) {
		world_fail(w, "%s got a text that nobody sent, or not like this: %.40s", d->name, e->text);
		return;
	}
	if (!concerns(w, &w->texts[number], d->user))
		world_fail(w, "%s got text %u, which is for others", d->name, number);
	if (w->texts[number].once)
		world_fail(w, "%s got text %u, which was not let in", d->name, number);
	same_message_id(w, number, e->id);
	check_place(d, number, e);
	if (d->got[number] && !d->may_repeat[number] && !sync->old && !sync->reset && sync->brought_len)
		world_fail(w, "%s got text %u twice", d->name, number);
	w->received += d->got[number] == 0;
	d->got[number] = e->version;
	d->may_repeat[number] = false;
}

static void check_snapshot(struct device *d, const struct book_sync *sync)
{
	static const size_t at[] = {SNAPSHOT_ACCOUNT, SNAPSHOT_CONTACTS, SNAPSHOT_MESSAGES};
	if (sync->snapshot_len != SNAPSHOT_LEN) {
		world_fail(d->world, "%s was given a snapshot of %zu bytes", d->name, sync->snapshot_len);
		return;
	}
	for (size_t i = 0; i < HY_COUNT_OF(at); i++) {
		uint64_t before = version_in(sync->brought, sync->brought_len, at[i]);
		uint64_t now = version_in(sync->snapshot, sync->snapshot_len, at[i]);
		if (now < before)
			world_fail(d->world, "a snapshot of %s goes back from %llu to %llu", d->name,
				(unsigned long long)before, (unsigned long long)now);
	}
}

static void keep(struct device *d, const struct book_sync *sync)
{
	if (sync->old && version_in(sync->snapshot, sync->snapshot_len, SNAPSHOT_MESSAGES) <
				 version_in(d->snapshots[0], d->snapshot_lens[0], SNAPSHOT_MESSAGES))
		return; /* the answer to an old snapshot, late */
	if (sync->people)
		contact_book_store(d, sync->people);
	memmove(d->snapshots[1], d->snapshots[0], sizeof d->snapshots - sizeof d->snapshots[0]);
	memmove(d->snapshot_lens + 1, d->snapshot_lens, sizeof d->snapshot_lens - sizeof d->snapshot_lens[0]);
	memcpy(d->snapshots[0], sync->snapshot, sync->snapshot_len);
	d->snapshot_lens[0] = sync->snapshot_len;
}

void book_sync(struct device *d, const struct book_sync *sync, const struct book_entry *entries, size_t count)
{
	struct world *w = d->world;
	uint64_t last = version_in(sync->brought, sync->brought_len, SNAPSHOT_MESSAGES);
	check_snapshot(d, sync);
	if (sync->reset && sync->brought_len && !sync->old && !w->bounded)
		world_fail(w, "%s was told that older messages are gone, without reason", d->name);
	d->reset |= sync->reset;
	for (size_t i = 0; i < count && !world_failed(w); i++) {
		if (entries[i].version <= last)
			world_fail(w, "%s got version %llu after %llu", d->name, (unsigned long long)entries[i].version,
				(unsigned long long)last);
		last = entries[i].version;
		take_entry(d, sync, &entries[i]);
	}
	if (world_failed(w))
		return;
	if (last > version_in(sync->snapshot, sync->snapshot_len, SNAPSHOT_MESSAGES))
		world_fail(w, "%s got a version above its new snapshot", d->name);
	if (count)
		world_say(w, "%s got %zu texts, up to version %llu", d->name, count, (unsigned long long)last);
	d->synced_us = sim_now_us(w->sim);
	keep(d, sync);
}

/* ---- at the end ------------------------------------------------------------------------------------------ */

static bool due(const struct world *w, const struct device *d, unsigned number)
{
	const struct text *t = &w->texts[number];
	if (t->state != TEXT_ANSWERED || !d->ticket_len || number < d->first_due || !concerns(w, t, d->user))
		return false;
	/* at a bound own copies may go, and what another device has brought */
	return !w->bounded || (t->to_user == d->user && !d->reset);
}

/** With small bounds: what a device was told is gone must have come to another one. */
static bool somebody_has(const struct world *w, unsigned number)
{
	bool anybody_due = false;
	for (unsigned i = 0; i < w->device_count; i++) {
		const struct device *d = &w->devices[i];
		if (d->user != w->texts[number].to_user || !d->ticket_len)
			continue;
		if (d->got[number])
			return true;
		anybody_due |= number >= d->first_due;
	}
	return !anybody_due;
}

bool book_settled(struct world *w, char *ret_what, size_t size)
{
	for (unsigned i = 0; i < w->device_count; i++)
		if (!w->devices[i].ticket_len) {
			snprintf(ret_what, size, "%s has not signed in", w->devices[i].name);
			return false;
		}
	for (unsigned n = 0; n < w->text_count; n++) {
		if (w->texts[n].state == TEXT_PENDING) {
			snprintf(ret_what, size, "text %u from %s has no answer", n, w->devices[w->texts[n].from].name);
			return false;
		}
		for (unsigned i = 0; i < w->device_count; i++)
			if (due(w, &w->devices[i], n) && !w->devices[i].got[n]) {
				snprintf(ret_what, size, "text %u from %s to %s was answered and has not come to %s", n,
					w->devices[w->texts[n].from].name, w->users[w->texts[n].to_user].name,
					w->devices[i].name);
				return false;
			}
		if (w->texts[n].state == TEXT_ANSWERED && !somebody_has(w, n)) {
			snprintf(ret_what, size, "text %u was answered and is gone before anybody had it", n);
			return false;
		}
	}
	return !world_has(w, KIND_contacts) || contact_book_settled(w, ret_what, size);
}

/** `a` was sent before `b`: must the inbox say so? */
static bool ordered(const struct world *w, const struct text *a, const struct text *b)
{
	if (a->from != b->from || a->to_user != b->to_user || a->state != TEXT_ANSWERED || b->state != TEXT_ANSWERED)
		return false;
	if (w->devices[a->from].kind != DEVICE_RAW)
		return true;
	return a->pipeline && a->pipeline == b->pipeline && !a->tried_again && !b->tried_again;
}

void book_check_order(struct world *w)
{
	for (unsigned a = 0; a < w->text_count; a++)
		for (unsigned b = a + 1; b < w->text_count; b++) {
			if (!ordered(w, &w->texts[a], &w->texts[b]))
				continue;
			const struct user *u = &w->users[w->texts[a].to_user];
			if (u->version_of[a] && u->version_of[b] && u->version_of[a] > u->version_of[b])
				world_fail(w, "text %u was sent before %u and stands behind it in the inbox of %s", a,
					b, u->name);
		}
}
