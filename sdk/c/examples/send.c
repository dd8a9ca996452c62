/*
 * send.c - sends one text and ends: 0 when it is safe on the server.
 *
 *	send SERVER NAME RECIPIENT TEXT <password        cc send.c $(pkg-config --cflags --libs hongyan)
 */
#include <hongyan.h>
#include <stdio.h>
#include <string.h>

struct errand {
	struct hongyan *client;
	const char *recipient, *text;
	int exit_status; /* -1: not known yet */
};

static void end(struct errand *e, const char *what, int status, const char *why)
{
	if (status != HONGYAN_OK)
		fprintf(stderr, "%s: %s\n", what, why ? why : hongyan_status_text(status));
	e->exit_status = status != HONGYAN_OK;
}

static void on_sent(void *arg, uint32_t to, const uint8_t *client_id, int status, const char *why, const uint8_t *id)
{
	(void)to, (void)client_id, (void)id;
	end(arg, "not sent", status, why);
}

static void on_found(void *arg, int status, const char *why, const struct hongyan_profile *profile)
{
	struct errand *e = arg;
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	uint64_t made_ms;
	if (status != HONGYAN_OK) {
		end(e, e->recipient, status, why);
		return;
	}
	hongyan_new_client_id(e->client, client_id, &made_ms);
	status = hongyan_send_text(e->client, profile->uin, e->text, client_id, made_ms);
	if (status != HONGYAN_OK)
		end(e, "not sent", status, NULL);
}

static void on_signed_in(void *arg, int status, const char *why, uint32_t uin, const void *ticket, size_t len)
{
	struct errand *e = arg;
	(void)uin, (void)ticket, (void)len;
	if (status == HONGYAN_OK)
		hongyan_lookup(e->client, e->recipient, on_found, e);
	else
		end(e, "cannot sign in", status, why);
}

int main(int argc, char **argv)
{
	char password[200];
	if (argc != 5 || !fgets(password, sizeof password, stdin))
		return fprintf(stderr, "usage: send SERVER NAME RECIPIENT TEXT <password\n"), 2;
	password[strcspn(password, "\r\n")] = '\0';

	struct errand e = {.recipient = argv[3], .text = argv[4], .exit_status = -1};
	struct hongyan_config config = {.server = argv[1], .device = "send", .events = {.on_sent = on_sent}, .arg = &e};
	if (hongyan_create(&config, &e.client) != HONGYAN_OK)
		return fprintf(stderr, "'%s' is no server\n", argv[1]), 2;
	hongyan_sign_in(e.client, argv[2], password, on_signed_in, &e);
	while (e.exit_status < 0)
		hongyan_turn(e.client, -1);
	hongyan_destroy(e.client);
	return e.exit_status;
}
