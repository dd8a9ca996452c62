/* key.c - see key.h. */
#include "chat/key.h"

#include <stdlib.h>

#include "chat/text.h"

#define ESC 0x1b
#define PASTE_BEGIN "\033[200~"
#define PASTE_END "\033[201~"
#define PASTE_MAX (1u << 20) /* a paste whose end never comes ends here */

void chat_keys_fini(struct chat_keys *k)
{
	hy_buf_fini(&k->in);
}

void chat_keys_feed(struct chat_keys *k, const void *bytes, size_t len)
{
	hy_buf_consume(&k->in, k->used);
	k->used = 0;
	hy_buf_append(&k->in, bytes, len);
}

bool chat_keys_pending(const struct chat_keys *k)
{
	return hy_buf_len(&k->in) > k->used;
}

static enum chat_key_kind kind_of_letter(char final)
{
	switch (final) {
	case 'A':
		return CHAT_KEY_UP;
	case 'B':
		return CHAT_KEY_DOWN;
	case 'C':
		return CHAT_KEY_RIGHT;
	case 'D':
		return CHAT_KEY_LEFT;
	case 'H':
		return CHAT_KEY_HOME;
	case 'F':
		return CHAT_KEY_END;
	case 'I':
		return CHAT_KEY_FOCUS;
	case 'O':
		return CHAT_KEY_NO_FOCUS;
	case 'Z':
		return CHAT_KEY_SHIFT_TAB;
	}
	return CHAT_KEY_NONE;
}

static enum chat_key_kind kind_of_number(unsigned long number)
{
	switch (number) {
	case 1:
	case 7:
		return CHAT_KEY_HOME;
	case 4:
	case 8:
		return CHAT_KEY_END;
	case 3:
		return CHAT_KEY_DELETE;
	case 5:
		return CHAT_KEY_PAGE_UP;
	case 6:
		return CHAT_KEY_PAGE_DOWN;
	}
	return CHAT_KEY_NONE;
}

static const char *find(const char *p, size_t len, const char *what)
{
	return memmem(p, len, what, strlen(what));
}

static size_t read_paste(const char *p, size_t len, struct chat_key *key)
{
	size_t head = strlen(PASTE_BEGIN);
	const char *end = find(p + head, len - head, PASTE_END);
	if (!end && len < PASTE_MAX)
		return 0;
	key->kind = CHAT_KEY_PASTE;
	key->text = p + head;
	key->len = end ? (size_t)(end - p) - head : len - head;
	return end ? (size_t)(end - p) + strlen(PASTE_END) : len;
}

/** ESC [ parameters final. 0: not whole yet. */
static size_t read_csi(const char *p, size_t len, struct chat_key *key)
{
	if (len >= strlen(PASTE_BEGIN) && memcmp(p, PASTE_BEGIN, strlen(PASTE_BEGIN)) == 0)
		return read_paste(p, len, key);
	size_t at = 2;
	while (at < len && p[at] >= 0x20 && p[at] < 0x40)
		at++;
	if (at == len)
		return 0;
	char numbers[16] = "";
	memcpy(numbers, p + 2, HY_MIN(at - 2, sizeof numbers - 1));
	const char *second = strchr(numbers, ';');
	unsigned long modifiers = second ? strtoul(second + 1, NULL, 10) : 1;
	key->kind = p[at] == '~' ? kind_of_number(strtoul(numbers, NULL, 10)) : kind_of_letter(p[at]);
	key->modified = modifiers >= 3;
	return at + 1;
}

static size_t read_escape(const char *p, size_t len, bool waited, struct chat_key *key)
{
	if (len == 1) {
		key->kind = CHAT_KEY_ESCAPE;
		return waited ? 1 : 0;
	}
	if (p[1] == '[' || p[1] == 'O') {
		if (p[1] == 'O' && len > 2) {
			key->kind = kind_of_letter(p[2]);
			return 3;
		}
		size_t n = p[1] == '[' ? read_csi(p, len, key) : 0;
		if (n == 0 && waited && !find(p, len, PASTE_BEGIN)) {
			key->kind = CHAT_KEY_NONE;
			return len;
		}
		return n;
	}
	if (p[1] == ESC) {
		key->kind = CHAT_KEY_ESCAPE;
		return 1;
	}
	key->letter = p[1];
	key->kind = p[1] == '\r' || p[1] == '\n'   ? CHAT_KEY_ALT_ENTER
		    : p[1] == 0x7f || p[1] == '\b' ? CHAT_KEY_ALT_BACKSPACE
		    : (unsigned char)p[1] >= ' '   ? CHAT_KEY_ALT
						   : CHAT_KEY_NONE;
	return 2;
}

static size_t read_control(char c, struct chat_key *key)
{
	key->kind = c == '\r'                ? CHAT_KEY_ENTER
		    : c == '\t'              ? CHAT_KEY_TAB
		    : c == 0x7f || c == '\b' ? CHAT_KEY_BACKSPACE
					     : CHAT_KEY_CTRL;
	key->letter = (char)(c + 0x60);
	return 1;
}

/** All the plain text there is; a character that is cut in two waits for the rest. */
static size_t read_text(const char *p, size_t len, bool waited, struct chat_key *key)
{
	size_t at = 0;
	while (at < len && (unsigned char)p[at] >= 0x20 && p[at] != 0x7f) {
		uint32_t c;
		size_t n = chat_text_next(p + at, len - at, &c);
		bool lead = (unsigned char)p[at] >= 0xc0;
		if (lead && n == 1 && len - at < 4 && !waited)
			break;
		at += n;
	}
	key->kind = CHAT_KEY_TEXT;
	key->text = p;
	key->len = at;
	return at;
}

bool chat_keys_next(struct chat_keys *k, bool waited, struct chat_key *ret_key)
{
	hy_buf_consume(&k->in, k->used);
	k->used = 0;
	const char *p = (const char *)hy_buf_data(&k->in);
	size_t len = hy_buf_len(&k->in);
	*ret_key = (struct chat_key){0};
	if (len == 0)
		return false;
	if (p[0] == ESC)
		k->used = read_escape(p, len, waited, ret_key);
	else if ((unsigned char)p[0] < 0x20 || p[0] == 0x7f)
		k->used = read_control(p[0], ret_key);
	else
		k->used = read_text(p, len, waited, ret_key);
	return k->used > 0;
}
