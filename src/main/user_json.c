/* user_json.c - see user_json.h. */
#include "main/user_json.h"

#include <stdbool.h>
#include <stdio.h>

#define EXACT (1ull << 53)

static void put_text(const char *name, const char *s)
{
	printf("\"%s\":\"", name);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void put_number(const char *name, uint64_t n)
{
	const char *mark = n < EXACT ? "" : "\"";
	printf("\"%s\":%s%llu%s", name, mark, (unsigned long long)n, mark);
}

static void put_bool(const char *name, bool b)
{
	printf("\"%s\":%s", name, b ? "true" : "false");
}

static void put_user(const Hy__AdminUser *u)
{
	const struct {
		const char *name;
		uint64_t n;
	} numbers[] = {{"uin", u->uin}, {"createdMs", u->created_ms}, {"seenMs", u->seen_ms}, {"devices", u->devices},
		{"messages", u->messages}, {"messageBytes", u->message_bytes}, {"contacts", u->contacts}};
	printf("{");
	put_text("name", u->name);
	printf(",");
	put_text("nickname", u->nickname);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		printf(",");
		put_number(numbers[i].name, numbers[i].n);
	}
	printf(",");
	put_bool("disabled", u->disabled);
	printf(",");
	put_bool("online", u->online);
	printf(",");
	put_bool("deleting", u->deleting);
	printf("}");
}

static void put_device(const Hy__AdminDevice *d)
{
	printf("{");
	put_text("device", d->device);
	printf(",");
	put_text("name", d->name);
	printf(",");
	put_number("signedInMs", d->signed_in_ms);
	printf(",");
	put_number("seenMs", d->seen_ms);
	printf(",");
	put_bool("online", d->online);
	printf("}");
}

void user_json_line(const Hy__AdminUser *user)
{
	put_user(user);
	printf("\n");
}

void user_json_whole(const Hy__AdminShowUserResponse *response)
{
	printf("{\"user\":");
	put_user(response->user);
	printf(",\"devices\":[");
	for (size_t i = 0; i < response->n_devices; i++) {
		printf("%s", i > 0 ? "," : "");
		put_device(response->devices[i]);
	}
	printf("]}\n");
}
