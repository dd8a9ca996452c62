/* mon_live.c - see mon_live.h. */
#include "main/mon_live.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "chat/key.h"
#include "chat/tty.h"

struct watch {
	struct env *env;
	const struct mon_live *live;
	const struct mon_filter *filter;
	struct chat_tty *tty; /* NULL: no keys */
	struct env_inbox *inbox;
	struct chat_keys keys;
	struct mon_view now, before; /* memory NULL: not yet */
	uint64_t now_us, between_us;
	unsigned top;
	bool terminal, done;
};

/* ---- output ------------------------------------------------------------------------------------------------------ */

static unsigned rows_of(const struct watch *w)
{
	int rows, columns;
	chat_tty_size(&rows, &columns);
	return w->terminal ? (unsigned)HY_MAX(rows - 1, 3) : UINT16_MAX;
}

/** From the upper left corner, each line's rest and what is below wiped. */
static void paint(const struct hy_buf *text, struct hy_buf *out)
{
	const uint8_t *at = hy_buf_data(text), *end = at + hy_buf_len(text);
	hy_buf_printf(out, "\033[H");
	while (at < end) {
		const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
		hy_buf_append(out, at, (size_t)(line_end - at));
		hy_buf_printf(out, "\033[K\r\n");
		at = line_end + 1;
	}
	hy_buf_printf(out, "\033[J");
}

static void show(struct watch *w)
{
	struct hy_buf text = {0}, painted = {0};
	int rows, columns;
	chat_tty_size(&rows, &columns);
	if (w->live->json)
		mon_json(&w->now, w->filter, &text);
	else
		mon_screen(&w->now, w->before.memory ? &w->before : NULL, w->between_us, w->filter, rows_of(w),
			w->terminal ? (unsigned)columns : 132, &w->top, env_wall_ms(w->env), &text);
	if (w->terminal)
		paint(&text, &painted);
	chat_tty_write(w->terminal ? &painted : &text);
	w->done = w->done || ferror(stdout); /* nobody reads it */
	hy_buf_fini(&text);
	hy_buf_fini(&painted);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void move(struct watch *w, int lines)
{
	w->top = lines < 0 ? w->top - HY_MIN(w->top, (unsigned)-lines) : w->top + (unsigned)lines;
}

static void take_key(struct watch *w, const struct chat_key *key)
{
	int page = (int)rows_of(w) - 2;
	switch (key->kind) {
	case CHAT_KEY_UP:
		move(w, -1);
		break;
	case CHAT_KEY_DOWN:
	case CHAT_KEY_ENTER:
		move(w, 1);
		break;
	case CHAT_KEY_PAGE_UP:
		move(w, -page);
		break;
	case CHAT_KEY_PAGE_DOWN:
		move(w, page);
		break;
	case CHAT_KEY_HOME:
		w->top = 0;
		break;
	case CHAT_KEY_END:
		w->top = UINT16_MAX;
		break;
	case CHAT_KEY_TEXT:
		if (key->len == 1 && key->text[0] == ' ')
			move(w, page);
		w->done = w->done || (key->len > 0 && key->text[0] == 'q');
		break;
	case CHAT_KEY_CTRL:
		w->done = w->done || key->letter == 'c' || key->letter == 'd';
		break;
	default:
		break;
	}
}

static void on_tty(struct env_msg *msg)
{
	struct chat_tty_msg *m = hy_container_of(msg, struct chat_tty_msg, msg);
	struct watch *w = m->arg;
	struct chat_key key;
	w->done = w->done || m->event == CHAT_TTY_HANG_UP;
	chat_keys_feed(&w->keys, hy_buf_data(&m->bytes), hy_buf_len(&m->bytes));
	while (chat_keys_next(&w->keys, true, &key))
		take_key(w, &key);
	chat_tty_msg_free(m);
}

/* ---- looks ------------------------------------------------------------------------------------------------------- */

/** False: there is nothing to see, and *ret_why says why. */
static bool look(struct watch *w, char **ret_why)
{
	struct mon_view v;
	uint64_t now_us = env_mono_us(w->env);
	if (mon_view_load(&v, w->env, w->live->data, ret_why) != HY_OK)
		return false;
	mon_view_fini(&w->before);
	w->before = w->now;
	w->now = v;
	w->between_us = now_us - w->now_us;
	w->now_us = now_us;
	return true;
}

/** Keys are obeyed at once. */
static void wait_for_next(struct watch *w)
{
	uint64_t until_us = w->now_us + w->live->interval_ms * 1000;
	struct env_msg *msg;
	while (!w->done && (msg = env_inbox_take(w->inbox, until_us))) {
		msg->fn(msg);
		if (!w->done)
			show(w);
	}
}

int mon_live(struct env *env, struct mon_live *live, const struct mon_filter *filter)
{
	struct watch w = {.env = env, .live = live, .filter = filter};
	char *why = NULL;
	w.inbox = env_inbox_create(env);
	w.terminal = !live->json && isatty(STDOUT_FILENO);
	bool good = look(&w, &why);
	if (good && w.terminal && isatty(STDIN_FILENO))
		w.tty = chat_tty_open(env, w.inbox, on_tty, &w, "hongyan mon");
	live->reads_keys = w.tty != NULL;
	while (good && !w.done) {
		show(&w);
		wait_for_next(&w);
		good = w.done || look(&w, &why);
	}
	if (w.tty)
		chat_tty_restore(w.tty);
	else
		env_inbox_destroy(w.inbox);
	mon_view_fini(&w.before);
	mon_view_fini(&w.now);
	chat_keys_fini(&w.keys);
	if (!good)
		fprintf(stderr, "hongyan mon: %s\n", why);
	hy_free(why);
	return good ? 0 : 1;
}
