/*
 * The book of contacts, profiles and settings: what was changed, what was seen of it, who may write to whom.
 *
 *	- All that a user changes are registers that he alone writes, from several devices: whether he wishes a peer,
 *	  blocks him, calls him something; his nickname; his settings. A change answered with 0 took effect between
 *asking and answer; one that was refused after a single try never does; all others may, at any time from asking on. So
 *of each register it is known which values it may have had in a stretch of time: one that was asked for before its end,
 *	  unless a later one, asked for after that one was answered, or in order behind it (over one link; of one client
 *	  library), was itself answered before its beginning.
 *	- A refusal is right only if it could be: what it rests on may have been so in that time. A peer's wish is
 *looked at in a copy, which may be as old as the last moment at which all had settled. The same of what is answered
 *with 0.
 *	- A text is let in only if the recipient's row may have said so between its sending and its answer, and refused
 *only if it may not have. One that was refused after a single try is in nobody's inbox. After several tries it may be:
 *	  an earlier one may have been let in, late, after a later one was refused.
 *	- When all has settled: a user's devices have the same lists; both sides agree about each pair; wish, block,
 *remark, nickname and settings are what they were changed to last; who is a contact, or asks, or is asked, shows the
 *nickname that its owner has. Nobody is woken for what happens to somebody whom he blocks: that may take until his next
 *heartbeat.
 *	- Then letters from everybody to everybody are let in exactly as the recipient's list and settings say.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

static const char *const kind_names[CHANGE_KINDS] = {
	"request", "accept", "decline", "delete", "restore", "block", "unblock", "remark", "profile", "settings"};
static const char *const relation_names[] = {"none", "outgoing", "incoming", "contact", "ended"};

/* ---- registers ------------------------------------------------------------------------------------------- */

/** False: this change is not about this register. */
static bool sets(const struct change *c, unsigned number, enum contact_register r, unsigned user, unsigned peer,
	unsigned *ret_value)
{
	bool of_peer = r == REGISTER_WISH || r == REGISTER_BLOCKED || r == REGISTER_REMARK;
	if (c->user != user || (of_peer && c->peer != peer))
		return false;
	switch (c->kind) {
	case CHANGE_REQUEST:
		*ret_value = r == REGISTER_WISH ? 1 : number + 1;
		return r == REGISTER_WISH || (r == REGISTER_REMARK && c->remarked);
	case CHANGE_ACCEPT:
	case CHANGE_RESTORE:
	case CHANGE_DECLINE:
	case CHANGE_DELETE:
		*ret_value = c->kind == CHANGE_ACCEPT || c->kind == CHANGE_RESTORE;
		return r == REGISTER_WISH;
	case CHANGE_BLOCK:
	case CHANGE_UNBLOCK:
		*ret_value = c->kind == CHANGE_BLOCK;
		return r == REGISTER_BLOCKED;
	case CHANGE_REMARK:
		*ret_value = number + 1;
		return r == REGISTER_REMARK;
	case CHANGE_PROFILE:
		*ret_value = number + 1;
		return r == REGISTER_NICKNAME;
	default:
		*ret_value = r == REGISTER_MAY_WRITE ? c->may_write : c->may_ask;
		return r == REGISTER_MAY_WRITE || r == REGISTER_MAY_ASK;
	}
}

struct place {
	enum contact_register r;
	unsigned user, peer;
};

/** `by` was carried out after `c`, whenever both were asked for. */
static bool is_behind(const struct change *by, const struct change *c)
{
	return c->state == CHANGE_DONE && c->lane != 0 && by->lane == c->lane && by > c;
}

/**
 * What was made at `done_us` at the latest, by `made` (NULL: before everything), was certainly replaced before
 * `since_us`.
 */
static bool replaced(
	const struct world *w, struct place at, const struct change *made, uint64_t done_us, uint64_t since_us)
{
	unsigned value;
	for (unsigned i = 0; done_us != UINT64_MAX && i < w->change_count; i++) {
		const struct change *c = &w->changes[i];
		if (c->state == CHANGE_DONE && c->asked_us >= w->settled_us &&
			(c->asked_us > done_us || (made && is_behind(c, made))) && c->done_us < since_us &&
			sets(c, i, at.r, at.user, at.peer, &value))
			return true;
	}
	return false;
}

/** Whether the register may have had this value at some time of this stretch; `but`: whatever this change did. */
static bool possible(const struct world *w, struct place at, unsigned value, uint64_t since_us, uint64_t until_us,
	const struct change *but)
{
	unsigned set;
	if (w->settled[at.r][at.user][at.peer] == value && !replaced(w, at, NULL, w->settled_us, since_us))
		return true;
	for (unsigned i = 0; i < w->change_count; i++) {
		const struct change *c = &w->changes[i];
		if (c == but || c->state == CHANGE_REFUSED || c->asked_us > until_us || c->asked_us < w->settled_us)
			continue;
		if (sets(c, i, at.r, at.user, at.peer, &set) && set == value &&
			!replaced(w, at, c, c->done_us, since_us))
			return true;
	}
	return false;
}

/** Now, for certain or not. */
static bool is_possible(const struct world *w, enum contact_register r, unsigned user, unsigned peer, unsigned value)
{
	uint64_t now = sim_now_us(w->sim);
	return possible(w, (struct place){r, user, peer}, value, now, now, NULL);
}

/* ---- changes --------------------------------------------------------------------------------------------- */

static enum change_kind draw_change(struct world *w)
{
	static const enum change_kind often[] = {CHANGE_REQUEST, CHANGE_REQUEST, CHANGE_REQUEST, CHANGE_REQUEST,
		CHANGE_ACCEPT, CHANGE_ACCEPT, CHANGE_ACCEPT, CHANGE_ACCEPT, CHANGE_DECLINE, CHANGE_DECLINE,
		CHANGE_DELETE, CHANGE_DELETE, CHANGE_DELETE, CHANGE_RESTORE, CHANGE_RESTORE, CHANGE_BLOCK,
		CHANGE_UNBLOCK, CHANGE_UNBLOCK, CHANGE_REMARK, CHANGE_PROFILE, CHANGE_PROFILE, CHANGE_SETTINGS};
	return often[world_range(w, 0, HY_COUNT_OF(often) - 1)];
}

unsigned contact_book_new(struct device *d, const uint8_t client_id[HONGYAN_CLIENT_ID_SIZE], uint64_t made_ms)
{
	struct world *w = d->world;
	unsigned peer = (unsigned)world_range(w, 0, w->user_count - 1);
	enum change_kind kind = draw_change(w);
	if (w->change_count == CHANGES_MAX || (w->phase == PHASE_FAULTS && w->change_count >= w->changes_wanted) ||
		peer == d->user || !w->users[peer].uin)
		return CHANGES_MAX;
	struct change *c = &w->changes[w->change_count];
	*c = (struct change){.kind = kind,
		.device = d->index,
		.user = d->user,
		.peer = peer,
		.made_ms = made_ms,
		.asked_us = sim_now_us(w->sim),
		.done_us = UINT64_MAX,
		.link = d->link};
	c->remarked = kind == CHANGE_REQUEST && world_chance(w, 300);
	if (kind == CHANGE_SETTINGS) {
		c->may_write = (unsigned)world_range(w, HONGYAN_WHO_DEFAULT, HONGYAN_WHO_NOBODY);
		c->may_ask = world_chance(w, 200) ? HONGYAN_WHO_NOBODY : HONGYAN_WHO_ANYONE;
	}
	memcpy(c->client_id, client_id, sizeof c->client_id);
	world_say(w, "%s asks for change %u: %s, about %s", d->name, w->change_count, kind_names[kind],
		w->users[peer].name);
	return w->change_count++;
}

void contact_book_text(const struct world *w, unsigned number, char buffer[CONTACT_TEXT_MAX])
{
	snprintf(buffer, CONTACT_TEXT_MAX, "%c%u", w->changes[number].kind == CHANGE_PROFILE ? 'n' : 'r', number);
}

/* ---- what may be answered -------------------------------------------------------------------------------- */

/** Of the user, or the peer, of a change: between its asking and now. */
static bool mine(const struct world *w, const struct change *c, enum contact_register r, unsigned value)
{
	return possible(w, (struct place){r, c->user, c->peer}, value, c->asked_us, sim_now_us(w->sim), c);
}

static bool theirs(const struct world *w, const struct change *c, enum contact_register r, unsigned value)
{
	return possible(w, (struct place){r, c->peer, c->user}, value, c->asked_us, sim_now_us(w->sim), NULL);
}

/** What the user's row says of the peer's wish. */
static bool copied_wish(const struct world *w, unsigned user, unsigned peer, bool wishes)
{
	struct place at = {REGISTER_WISH, peer, user};
	return possible(w, at, wishes, w->settled_us, sim_now_us(w->sim), NULL);
}

static bool has_ended_it(const struct world *w, const struct change *c)
{
	struct place at = {REGISTER_WISH, c->user, c->peer};
	return possible(w, at, 0, w->settled_us, sim_now_us(w->sim), c);
}

static bool takes_requests(const struct world *w, const struct change *c)
{
	return theirs(w, c, REGISTER_MAY_ASK, HONGYAN_WHO_DEFAULT) ||
	       theirs(w, c, REGISTER_MAY_ASK, HONGYAN_WHO_ANYONE);
}

static bool may_be_done(const struct world *w, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_REQUEST:
		return takes_requests(w, c) || copied_wish(w, c->user, c->peer, true);
	case CHANGE_ACCEPT:
	case CHANGE_DECLINE:
	case CHANGE_RESTORE:
		return copied_wish(w, c->user, c->peer, true);
	case CHANGE_DELETE:
		return mine(w, c, REGISTER_WISH, 1);
	default:
		return true;
	}
}

/** The user has certainly made a row of the peer before, and it is there: one that a block alone has made goes with it.
 */
static bool has_row(const struct world *w, const struct change *c)
{
	bool blocked = !mine(w, c, REGISTER_BLOCKED, 0);
	for (unsigned i = 0; i < w->change_count; i++) {
		const struct change *before = &w->changes[i];
		bool makes = before->kind == CHANGE_REQUEST || (before->kind == CHANGE_BLOCK && blocked);
		if (makes && before->state == CHANGE_DONE && before->user == c->user && before->peer == c->peer &&
			before->done_us < c->asked_us)
			return true;
	}
	return false;
}

static bool may_be_refused(const struct world *w, const struct change *c, int status)
{
	if (status == HY_OUT_OF_RANGE) /* a clock that jumped makes it too old or too new */
		return w->drawn.clock_jump != 0;
	if (status == HY_NOT_FOUND)
		return (c->kind == CHANGE_UNBLOCK || c->kind == CHANGE_REMARK) && !has_row(w, c);
	if (status == HY_PERMISSION_DENIED)
		return c->kind == CHANGE_REQUEST && theirs(w, c, REGISTER_MAY_ASK, HONGYAN_WHO_NOBODY);
	if (status != HY_FAILED_PRECONDITION)
		return false;
	switch (c->kind) {
	case CHANGE_RESTORE:
		return copied_wish(w, c->user, c->peer, false);
	case CHANGE_ACCEPT:
		return copied_wish(w, c->user, c->peer, false) || has_ended_it(w, c);
	case CHANGE_DECLINE:
		return copied_wish(w, c->user, c->peer, false) || has_ended_it(w, c) || mine(w, c, REGISTER_WISH, 1);
	case CHANGE_DELETE:
		return mine(w, c, REGISTER_WISH, 0);
	default:
		return false;
	}
}

static bool says_nothing(const struct world *w, const struct change *c, int status)
{
	bool out = w->devices[c->device].leaving || !w->devices[c->device].ticket_len;
	return status == HY_DEADLINE_EXCEEDED || status == HY_UNAVAILABLE || status == HY_CANCELLED ||
	       status == HY_RESOURCE_EXHAUSTED || (status == HY_UNAUTHENTICATED && out);
}

/** Over another link a try of what was done meanwhile may have come first, when it could not be done yet. */
static bool came_first(const struct world *w, const struct change *c, int status, uint64_t tried_us)
{
	return tried_us <= c->done_us && may_be_refused(w, c, status);
}

void contact_book_answer(struct world *w, unsigned number, int status, const char *why, uint64_t tried_us, bool once)
{
	struct change *c = &w->changes[number];
	world_say(w, "change %u is answered: %s", number, hy_status_name(status));
	if (c->state == CHANGE_DONE) {
		if (status != HY_OK && !says_nothing(w, c, status) && !may_be_refused(w, c, HY_OUT_OF_RANGE) &&
			!came_first(w, c, status, tried_us))
			world_fail(w, "change %u was done, and a repeat is refused: %s (%s)", number,
				hy_status_name(status), why);
		return;
	}
	if (status == HY_OK) {
		if (!may_be_done(w, c))
			world_fail(w, "change %u (%s by %s about %s) was done, and cannot have been", number,
				kind_names[c->kind], w->users[c->user].name, w->users[c->peer].name);
		c->state = CHANGE_DONE;
		c->done_us = sim_now_us(w->sim);
		w->changed++;
		return;
	}
	if (says_nothing(w, c, status)) {
		c->state = CHANGE_UNKNOWN;
		w->changes_unknown++;
		return;
	}
	if (!may_be_refused(w, c, status))
		world_fail(w, "change %u (%s by %s about %s) was refused without reason: %s (%s)", number,
			kind_names[c->kind], w->users[c->user].name, w->users[c->peer].name, hy_status_name(status),
			why);
	c->state = once ? CHANGE_REFUSED : CHANGE_UNKNOWN;
	w->changes_refused++;
}

void contact_book_forgotten(struct device *d)
{
	for (unsigned i = 0; i < d->world->change_count; i++) {
		struct change *c = &d->world->changes[i];
		if (c->device == d->index && c->state == CHANGE_PENDING)
			c->state = CHANGE_UNKNOWN;
	}
}

/* ---- texts ----------------------------------------------------------------------------------------------- */

static bool is_of_circle(const struct world *w, const struct text *t)
{
	return world_has(w, KIND_contacts) && w->devices[t->from].user != t->to_user;
}

struct letter {
	const struct world *w;
	unsigned from, to;
	uint64_t asked_us;
};

/** Of the recipient, about the sender. */
static bool says(const struct letter *l, enum contact_register r, unsigned value)
{
	return possible(l->w, (struct place){r, l->to, l->from}, value, l->asked_us, sim_now_us(l->w->sim), NULL);
}

static bool may_be_open(const struct letter *l)
{
	return says(l, REGISTER_MAY_WRITE, HONGYAN_WHO_ANYONE) ||
	       (l->w->config.strangers_may_write && says(l, REGISTER_MAY_WRITE, HONGYAN_WHO_DEFAULT));
}

static bool may_be_for_contacts(const struct letter *l)
{
	return says(l, REGISTER_MAY_WRITE, HONGYAN_WHO_CONTACTS) ||
	       (!l->w->config.strangers_may_write && says(l, REGISTER_MAY_WRITE, HONGYAN_WHO_DEFAULT));
}

bool contact_book_may_be_let_in(const struct world *w, const struct text *t)
{
	struct letter l = {w, w->devices[t->from].user, t->to_user, t->asked_us};
	if (!is_of_circle(w, t))
		return true;
	bool contacts = says(&l, REGISTER_WISH, 1) && copied_wish(w, l.to, l.from, true);
	return says(&l, REGISTER_BLOCKED, 0) && (may_be_open(&l) || (may_be_for_contacts(&l) && contacts));
}

bool contact_book_may_be_refused(const struct world *w, const struct text *t)
{
	struct letter l = {w, w->devices[t->from].user, t->to_user, t->asked_us};
	if (!is_of_circle(w, t))
		return false;
	bool strangers = says(&l, REGISTER_WISH, 0) || copied_wish(w, l.to, l.from, false);
	return says(&l, REGISTER_BLOCKED, 1) || says(&l, REGISTER_MAY_WRITE, HONGYAN_WHO_NOBODY) ||
	       (may_be_for_contacts(&l) && strangers);
}

bool contact_book_is_blocked(const struct world *w, unsigned text)
{
	const struct text *t = &w->texts[text];
	struct letter l = {w, w->devices[t->from].user, t->to_user, t->asked_us};
	return is_of_circle(w, t) && !says(&l, REGISTER_BLOCKED, 0);
}

/* ---- what devices are told ------------------------------------------------------------------------------- */

/** "", or a letter and the number of a change of that kind; else false. */
static bool read_number(const struct world *w, const char *text, char letter, unsigned *ret_number)
{
	char again[CONTACT_TEXT_MAX];
	*ret_number = 0;
	if (!text[0])
		return true;
	unsigned long number = strtoul(text + 1, NULL, 10);
	if (text[0] != letter || number >= w->change_count)
		return false;
	contact_book_text(w, (unsigned)number, again);
	*ret_number = (unsigned)number + 1;
	return strcmp(text, again) == 0;
}

static bool read_nickname(const struct world *w, unsigned user, const char *nickname, unsigned *ret_number)
{
	if (strcmp(nickname, w->users[user].name) == 0)
		nickname = "";
	return read_number(w, nickname, 'n', ret_number) && (!*ret_number || w->changes[*ret_number - 1].user == user);
}

bool contact_book_row(struct device *d, uint64_t version, uint32_t uin, const char *name, const char *nickname,
	const char *remark, unsigned relation, bool blocked, struct book_people *people)
{
	struct world *w = d->world;
	unsigned peer = 0;
	while (peer < w->user_count && w->users[peer].uin != uin)
		peer++;
	struct contact_seen seen = {true, (enum hongyan_relation)relation, blocked, 0, 0, version};
	bool good = peer < w->user_count && peer != d->user && people->count < USERS_MAX &&
		    relation <= HONGYAN_RELATION_ENDED && strcmp(name, w->users[peer].name) == 0 &&
		    read_number(w, remark, 'r', &seen.remark) && read_nickname(w, peer, nickname, &seen.nickname) &&
		    (!seen.remark || w->changes[seen.remark - 1].user == d->user);
	if (!good) {
		world_fail(w, "%s got a contact that is nobody, or not like this: UIN %u, %s, %s, %s, relation %u",
			d->name, uin, name, nickname, remark, relation);
		return false;
	}
	people->contacts[people->count].peer = peer;
	people->contacts[people->count++].seen = seen;
	return true;
}

void contact_book_row_gone(struct device *d, uint64_t version, uint32_t uin, struct book_people *people)
{
	unsigned peer = 0;
	while (peer < d->world->user_count && d->world->users[peer].uin != uin)
		peer++;
	if (peer == d->world->user_count)
		world_fail(d->world, "%s does not see UIN %u any more, who is nobody", d->name, uin);
	else if (contact_book_row(d, version, uin, d->world->users[peer].name, d->world->users[peer].name, "",
			 HONGYAN_RELATION_NONE, false, people))
		people->contacts[people->count - 1].seen.there = false;
}

void contact_book_profile(struct device *d, const char *nickname, struct book_people *people)
{
	people->has_profile = true;
	if (!read_nickname(d->world, d->user, nickname, &people->nickname))
		world_fail(d->world, "%s got a nickname that was never chosen: %s", d->name, nickname);
}

void contact_book_store(struct device *d, const struct book_people *people)
{
	struct world *w = d->world;
	if (people->reset_contacts)
		memset(d->contacts, 0, sizeof d->contacts);
	if (people->reset_account)
		d->nickname = d->may_write = d->may_ask = 0;
	if (people->has_profile)
		d->nickname = people->nickname;
	if (people->has_settings) {
		d->may_write = people->may_write;
		d->may_ask = people->may_ask;
	}
	for (size_t i = 0; i < people->count; i++) {
		unsigned peer = people->contacts[i].peer;
		const struct contact_seen *seen = &people->contacts[i].seen;
		if (seen->version >= d->contacts[peer].version)
			d->contacts[peer] = *seen;
		world_say(w, "%s sees %s: %s%s, remark %u, nickname %u", d->name, w->users[peer].name,
			relation_names[seen->relation], seen->blocked ? ", blocked" : "", seen->remark, seen->nickname);
	}
}

/* ---- when all has settled -------------------------------------------------------------------------------- */

static const struct device *first_device(const struct world *w, unsigned user)
{
	unsigned i = 0;
	while (w->devices[i].user != user)
		i++;
	return &w->devices[i];
}

static bool same_list(const struct device *a, const struct device *b)
{
	bool same = a->nickname == b->nickname && a->may_write == b->may_write && a->may_ask == b->may_ask;
	for (unsigned p = 0; p < a->world->user_count; p++) {
		const struct contact_seen *x = &a->contacts[p], *y = &b->contacts[p];
		if (a->world->prompt && (x->blocked || y->blocked))
			continue;
		same &= x->relation == y->relation && x->blocked == y->blocked && x->remark == y->remark &&
			x->nickname == y->nickname && x->there == y->there && (!x->there || x->version == y->version);
	}
	return same;
}

static bool is_wished(const struct contact_seen *c)
{
	return c->relation == HONGYAN_RELATION_OUTGOING || c->relation == HONGYAN_RELATION_CONTACT ||
	       c->relation == HONGYAN_RELATION_ENDED;
}

static bool agree(const struct contact_seen *a, const struct contact_seen *b)
{
	switch (a->relation) {
	case HONGYAN_RELATION_CONTACT:
		return b->relation == HONGYAN_RELATION_CONTACT;
	case HONGYAN_RELATION_OUTGOING:
		return b->relation == HONGYAN_RELATION_INCOMING || (b->relation == HONGYAN_RELATION_NONE && b->blocked);
	case HONGYAN_RELATION_INCOMING:
		return b->relation == HONGYAN_RELATION_OUTGOING;
	case HONGYAN_RELATION_ENDED:
		return b->relation == HONGYAN_RELATION_NONE;
	default:
		return b->relation == HONGYAN_RELATION_NONE || b->relation == HONGYAN_RELATION_ENDED ||
		       (b->relation == HONGYAN_RELATION_OUTGOING && a->blocked);
	}
}

static bool shows_nickname(const struct contact_seen *c)
{
	return c->relation == HONGYAN_RELATION_OUTGOING || c->relation == HONGYAN_RELATION_INCOMING ||
	       c->relation == HONGYAN_RELATION_CONTACT;
}

/** What is wrong in what `user` sees of `peer`; NULL: nothing. */
static const char *wrong_with_peer(const struct world *w, unsigned user, unsigned peer)
{
	const struct contact_seen *c = &first_device(w, user)->contacts[peer];
	const struct contact_seen *other = &first_device(w, peer)->contacts[user];
	if (w->prompt && (c->blocked || other->blocked))
		return NULL;
	if (!agree(c, other))
		return "they do not agree";
	if (!is_possible(w, REGISTER_WISH, user, peer, is_wished(c)))
		return "it is not what was wished last";
	if (!is_possible(w, REGISTER_BLOCKED, user, peer, c->blocked))
		return "a block is not what it was last";
	if (!is_possible(w, REGISTER_REMARK, user, peer, c->remark))
		return "the remark is not the last one";
	if (shows_nickname(c) && c->nickname != first_device(w, peer)->nickname)
		return "the nickname is not the peer's own";
	return NULL;
}

static const char *wrong_with_own(const struct world *w, const struct device *d)
{
	if (!is_possible(w, REGISTER_NICKNAME, d->user, 0, d->nickname))
		return "the nickname is not the last one";
	if (!is_possible(w, REGISTER_MAY_WRITE, d->user, 0, d->may_write) ||
		!is_possible(w, REGISTER_MAY_ASK, d->user, 0, d->may_ask))
		return "the settings are not the last ones";
	return same_list(d, first_device(w, d->user)) ? NULL : "it has another list than another device";
}

bool contact_book_settled(const struct world *w, char *ret_what, size_t size)
{
	for (unsigned i = 0; i < w->change_count; i++)
		if (w->changes[i].state == CHANGE_PENDING) {
			snprintf(ret_what, size, "change %u by %s has no answer", i,
				w->devices[w->changes[i].device].name);
			return false;
		}
	for (unsigned i = 0; i < w->device_count; i++) {
		const char *wrong = w->devices[i].synced_us < w->restarted_us ? "it has not synced"
									      : wrong_with_own(w, &w->devices[i]);
		if (wrong) {
			snprintf(ret_what, size, "%s: %s", w->devices[i].name, wrong);
			return false;
		}
	}
	for (unsigned u = 0; u < w->user_count; u++)
		for (unsigned p = 0; p < w->user_count; p++) {
			const char *wrong = p == u ? NULL : wrong_with_peer(w, u, p);
			if (wrong) {
				const struct contact_seen *a = &first_device(w, u)->contacts[p];
				const struct contact_seen *b = &first_device(w, p)->contacts[u];
				snprintf(ret_what, size, "%s sees %s as %s, who sees him as %s: %s", w->users[u].name,
					w->users[p].name, relation_names[a->relation], relation_names[b->relation],
					wrong);
				return false;
			}
		}
	return true;
}

static bool lets_in(const struct world *w, unsigned to, unsigned from)
{
	const struct device *d = first_device(w, to);
	bool is_contact = d->contacts[from].relation == HONGYAN_RELATION_CONTACT;
	unsigned who = d->may_write;
	if (d->contacts[from].blocked)
		return false;
	if (who == HONGYAN_WHO_DEFAULT)
		who = w->config.strangers_may_write ? HONGYAN_WHO_ANYONE : HONGYAN_WHO_CONTACTS;
	return who == HONGYAN_WHO_ANYONE || (who == HONGYAN_WHO_CONTACTS && is_contact);
}

void contact_book_begin_anew(struct world *w)
{
	for (unsigned u = 0; u < w->user_count; u++) {
		const struct device *d = first_device(w, u);
		for (unsigned p = 0; p < w->user_count; p++) {
			w->settled[REGISTER_WISH][u][p] = is_wished(&d->contacts[p]);
			w->settled[REGISTER_BLOCKED][u][p] = d->contacts[p].blocked;
			w->settled[REGISTER_REMARK][u][p] = d->contacts[p].remark;
			w->settled[REGISTER_NICKNAME][u][p] = d->nickname;
			w->settled[REGISTER_MAY_WRITE][u][p] = d->may_write;
			w->settled[REGISTER_MAY_ASK][u][p] = d->may_ask;
			w->may_write[p][u] = p == u || lets_in(w, u, p);
		}
	}
	w->settled_us = sim_now_us(w->sim);
}
