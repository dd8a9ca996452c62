/*
 * tail.c - prints what comes for somebody, one text a line, until its input ends. The client has a thread of its own.
 *
 *	tail SERVER NAME PASSWORD        cc tail.c $(pkg-config --cflags --libs hongyan)
 */
#include <hongyan.h>
#include <stdio.h>

static void on_state(void *arg, enum hongyan_state state)
{
	static const char *const names[] = {"offline", "connecting", "online"};
	(void)arg;
	fprintf(stderr, "%s\n", names[state]);
}

static enum hongyan_stored on_sync(void *arg, const struct hongyan_sync *sync)
{
	(void)arg;
	for (size_t i = 0; i < sync->count; i++)
		if (sync->changes[i].kind == HONGYAN_CHANGE_TEXT)
			printf("%s: %s\n", sync->changes[i].text.from_name, sync->changes[i].text.text);
	return fflush(stdout) == 0 ? HONGYAN_STORED : HONGYAN_NOT_STORED;
}

static void on_signed_in(void *arg, int status, const char *why, uint32_t uin, const void *ticket, size_t len)
{
	(void)arg, (void)uin, (void)ticket, (void)len;
	if (status != HONGYAN_OK)
		fprintf(stderr, "cannot sign in: %s\n", why);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return fprintf(stderr, "usage: tail SERVER NAME PASSWORD\n"), 2;
	struct hongyan_config config = {
		.server = argv[1], .device = "tail", .events = {.on_state = on_state, .on_sync = on_sync}};
	struct hongyan *client;
	if (hongyan_create(&config, &client) != HONGYAN_OK || hongyan_start_thread(client) != HONGYAN_OK)
		return fprintf(stderr, "'%s' is no server\n", argv[1]), 2;
	hongyan_sign_in(client, argv[2], argv[3], on_signed_in, NULL);
	while (getchar() != EOF)
		;
	hongyan_destroy(client);
	return 0;
}
