/* chat_state.c - see chat_state.h. Lines of "word value"; bytes in hexadecimal. */
#include "main/chat_state.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define STATE_MAX 4096

/** Makes each folder of the path that is missing. */
static int make_folders(struct env *env, const char *path)
{
	char part[512];
	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(p - path), path);
		int rc = env_mkdir(env, part);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void read_hex(struct hy_buf *to, const char *hex)
{
	size_t len = strlen(hex), got = 0;
	uint8_t *p = hy_buf_reserve(to, len / 2 + 1);
	if (sodium_hex2bin(p, len / 2 + 1, hex, len, NULL, &got, NULL) == 0)
		hy_buf_commit(to, got);
}

static void read_line(struct chat_state *s, const char *word, const char *value)
{
	if (strcmp(word, "device") == 0)
		snprintf(s->device, sizeof s->device, "%.32s", value);
	else if (strcmp(word, "uin") == 0)
		s->uin = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(word, "ticket") == 0)
		read_hex(&s->ticket, value);
	else if (strcmp(word, "snapshot") == 0)
		read_hex(&s->snapshot, value);
}

int chat_state_load(struct env *env, const char *name, struct chat_state *s)
{
	const char *state_home = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *text, word[16], value[1024];
	size_t len;
	*s = (struct chat_state){0};
	snprintf(s->device, sizeof s->device, "terminal-%016llx", (unsigned long long)env_rand64(env));
	if (state_home && state_home[0])
		snprintf(s->path, sizeof s->path, "%s/hongyan/%s", state_home, name);
	else
		snprintf(s->path, sizeof s->path, "%s/.local/state/hongyan/%s", home ? home : ".", name);
	int rc = make_folders(env, s->path);
	if (rc < 0)
		return rc;
	rc = env_file_read_all(env, s->path, STATE_MAX, &text, &len);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n")))
		if (sscanf(line, "%15s %1023s", word, value) == 2)
			read_line(s, word, value);
	hy_free(text);
	return 0;
}

static void append_hex(struct hy_buf *out, const char *word, const struct hy_buf *bytes)
{
	hy_buf_printf(out, "%s ", word);
	for (size_t i = 0; i < hy_buf_len(bytes); i++)
		hy_buf_printf(out, "%02x", hy_buf_data(bytes)[i]);
	hy_buf_append(out, "\n", 1);
}

int chat_state_save(struct env *env, const struct chat_state *s)
{
	struct hy_buf out = {0};
	hy_buf_printf(&out, "device %s\nuin %u\n", s->device, s->uin);
	append_hex(&out, "ticket", &s->ticket);
	append_hex(&out, "snapshot", &s->snapshot);
	int rc = env_file_write_all(env, s->path, hy_buf_data(&out), hy_buf_len(&out));
	hy_buf_fini(&out);
	return rc;
}

void chat_state_fini(struct chat_state *s)
{
	hy_buf_fini(&s->ticket);
	hy_buf_fini(&s->snapshot);
}
