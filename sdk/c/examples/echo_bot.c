/*
 * echo_bot.c - answers each text with the same text, once, whatever is killed meanwhile.
 *
 *	echo_bot SERVER NAME PASSWORD FILE        cc echo_bot.c $(pkg-config --cflags --libs hongyan)
 *
 * A reply's client ID is the ID of the text that it answers, so that a second reply to the same text is the first one
 * again. What came is "stored" once its replies are safe on the server. FILE keeps ticket and snapshot.
 */
#include <hongyan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kept {
	uint32_t uin, ticket_len, snapshot_len;
	char ticket[HONGYAN_TICKET_MAX], snapshot[512];
};

struct bot {
	struct hongyan *client;
	const char *file;
	struct kept kept;
	uint64_t number;  /* of the sync at work */
	unsigned replies; /* not answered for yet */
};

static bool save(const struct bot *bot)
{
	char name[1000];
	snprintf(name, sizeof name, "%s.new", bot->file);
	FILE *f = fopen(name, "wb");
	bool written = f && fwrite(&bot->kept, sizeof bot->kept, 1, f) == 1;
	return f && fclose(f) == 0 && written && rename(name, bot->file) == 0;
}

static enum hongyan_stored on_sync(void *arg, const struct hongyan_sync *sync)
{
	struct bot *bot = arg;
	if (sync->snapshot_len > sizeof bot->kept.snapshot)
		return HONGYAN_NOT_STORED;
	bot->kept.snapshot_len = (uint32_t)sync->snapshot_len;
	memcpy(bot->kept.snapshot, sync->snapshot, sync->snapshot_len);
	bot->number = sync->number;
	for (size_t i = 0; i < sync->count; i++) {
		const struct hongyan_change *c = &sync->changes[i];
		const struct hongyan_text *t = &c->text;
		if (c->kind == HONGYAN_CHANGE_CONTACT && c->contact.relation == HONGYAN_RELATION_INCOMING)
			hongyan_change_contact(bot->client, c->contact.profile.uin, HONGYAN_ACCEPT, NULL, NULL);
		if (c->kind == HONGYAN_CHANGE_TEXT && t->from != bot->kept.uin &&
			hongyan_send_text(bot->client, t->from, t->text, t->id, t->time_ms) == HONGYAN_OK)
			bot->replies++;
	}
	if (bot->replies > 0)
		return HONGYAN_LATER;
	return save(bot) ? HONGYAN_STORED : HONGYAN_NOT_STORED;
}

static void on_sent(void *arg, uint32_t to, const uint8_t *client_id, int status, const char *why, const uint8_t *id)
{
	struct bot *bot = arg;
	(void)client_id, (void)id;
	if (status != HONGYAN_OK)
		fprintf(stderr, "no reply to %u: %s\n", to, why);
	if (--bot->replies == 0)
		hongyan_stored(bot->client, bot->number, save(bot));
}

static void on_signed_in(void *arg, int status, const char *why, uint32_t uin, const void *ticket, size_t len)
{
	struct bot *bot = arg;
	if (status != HONGYAN_OK || len > sizeof bot->kept.ticket) {
		fprintf(stderr, "cannot sign in: %s\n", why ? why : "a strange ticket");
		exit(1);
	}
	bot->kept = (struct kept){.uin = uin, .ticket_len = (uint32_t)len};
	memcpy(bot->kept.ticket, ticket, len);
	save(bot);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return fprintf(stderr, "usage: echo_bot SERVER NAME PASSWORD FILE\n"), 2;
	struct bot bot = {.file = argv[4]};
	struct hongyan_config config = {.server = argv[1], .device = "echo-bot", .arg = &bot};
	config.events = (struct hongyan_events){.on_sync = on_sync, .on_sent = on_sent};
	if (hongyan_create(&config, &bot.client) != HONGYAN_OK)
		return fprintf(stderr, "'%s' is no server\n", argv[1]), 2;
	FILE *f = fopen(bot.file, "rb");
	if (f && fread(&bot.kept, sizeof bot.kept, 1, f) == 1)
		hongyan_resume(bot.client, bot.kept.uin, bot.kept.ticket, bot.kept.ticket_len, bot.kept.snapshot,
			bot.kept.snapshot_len);
	else
		hongyan_sign_in(bot.client, argv[2], argv[3], on_signed_in, &bot);
	if (f)
		fclose(f);
	for (;;)
		hongyan_turn(bot.client, -1);
}
