/* screen.c - see screen.h. */
#include "chat/screen.h"

#include <wctype.h>

#include "base/mem.h"
#include "chat/text.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define RULE "\xe2\x94\x80"

void chat_screen_init(struct chat_screen *s, bool colour, bool true_colour)
{
	*s = (struct chat_screen){.colour = colour, .true_colour = true_colour};
}

static void free_rows(struct chat_screen *s)
{
	for (int i = 0; i < s->rows; i++) {
		hy_buf_fini(&s->next[i]);
		hy_buf_fini(&s->shown[i]);
	}
	hy_free(s->next);
	hy_free(s->shown);
}

void chat_screen_fini(struct chat_screen *s)
{
	free_rows(s);
	*s = (struct chat_screen){0};
}

void chat_screen_begin(struct chat_screen *s, int rows, int columns)
{
	if (rows != s->rows || columns != s->columns) {
		free_rows(s);
		s->rows = rows;
		s->columns = columns;
		s->next = hy_zalloc((size_t)rows * sizeof *s->next);
		s->shown = hy_zalloc((size_t)rows * sizeof *s->shown);
		s->all = true;
	}
	for (int i = 0; i < rows; i++)
		hy_buf_clear(&s->next[i]);
	s->cursor_row = s->cursor_column = 0;
}

static struct hy_buf *row(struct chat_screen *s)
{
	return &s->next[s->row];
}

static bool inside(const struct chat_screen *s)
{
	return s->row >= 0 && s->row < s->rows && s->column < s->columns;
}

void chat_screen_at(struct chat_screen *s, int row_number, int column)
{
	s->row = row_number;
	s->column = column;
	if (inside(s))
		hy_buf_printf(row(s), "\033[%dG", column + 1);
}

static void begin_style(struct chat_screen *s, enum chat_style style)
{
	/* No yellow, blue or white: each of them is lost on a light ground, or on a dark one. */
	static const char *const coloured[CHAT_STYLES] = {"", "\033[2m", "\033[1m", "\033[32m", "\033[35m", "\033[31m",
		"\033[36m", "\033[7m", "\033[7;1m", "\033[1;35m"};
	static const char *const plain[CHAT_STYLES] = {
		"", "\033[2m", "\033[1m", "", "\033[1m", "\033[1m", "", "\033[7m", "\033[7;1m", "\033[1m"};
	hy_buf_printf(row(s), "%s", s->colour ? coloured[style] : plain[style]);
}

static void end_style(struct chat_screen *s, enum chat_style style)
{
	if (style != CHAT_PLAIN)
		hy_buf_printf(row(s), "\033[m");
}

int chat_screen_put(struct chat_screen *s, enum chat_style style, const char *text, size_t len, int columns)
{
	if (!inside(s))
		return 0;
	columns = HY_MIN(columns, s->columns - s->column);
	int used;
	size_t fits = chat_text_fit(text, len, columns, &used);
	bool cut = fits < len && columns > 0;
	if (cut)
		fits = chat_text_fit(text, len, columns - 1, &used);
	begin_style(s, style);
	chat_text_append_visible(row(s), text, fits);
	if (cut) {
		hy_buf_printf(row(s), ELLIPSIS);
		used++;
	}
	end_style(s, style);
	s->column += used;
	return used;
}

int chat_screen_puts(struct chat_screen *s, enum chat_style style, const char *text, int columns)
{
	return chat_screen_put(s, style, text, strlen(text), columns);
}

void chat_screen_blank(struct chat_screen *s, enum chat_style style, int columns)
{
	if (!inside(s) || columns <= 0)
		return;
	columns = HY_MIN(columns, s->columns - s->column);
	begin_style(s, style);
	hy_buf_printf(row(s), "%*s", columns, "");
	end_style(s, style);
	s->column += columns;
}

void chat_screen_line(struct chat_screen *s, int columns)
{
	if (!inside(s))
		return;
	begin_style(s, CHAT_DIM);
	for (int i = 0; i < columns && s->column < s->columns; i++, s->column++)
		hy_buf_printf(row(s), RULE);
	end_style(s, CHAT_DIM);
}

/** The nearest of the 6 x 6 x 6 colours that terminals without more have. */
static unsigned cube(uint32_t rgb)
{
	unsigned r = rgb >> 16 & 0xff, g = rgb >> 8 & 0xff, b = rgb & 0xff;
	return 16 + 36 * ((r + 25) / 51) + 6 * ((g + 25) / 51) + (b + 25) / 51;
}

static bool is_light(uint32_t rgb)
{
	return 299 * (rgb >> 16 & 0xff) + 587 * (rgb >> 8 & 0xff) + 114 * (rgb & 0xff) > 150000;
}

void chat_screen_initial(struct chat_screen *s, uint32_t rgb, const char *name)
{
	int columns;
	uint32_t c;
	if (!inside(s) || s->columns - s->column < 3)
		return;
	if (!name[0])
		name = "?";
	size_t len = chat_text_cluster(name, strlen(name), &columns);
	if (!s->colour)
		hy_buf_printf(row(s), "\033[7;1m");
	else if (s->true_colour)
		hy_buf_printf(row(s), "\033[1;48;2;%u;%u;%u;38;5;%dm", rgb >> 16 & 0xff, rgb >> 8 & 0xff, rgb & 0xff,
			is_light(rgb) ? 16 : 231);
	else
		hy_buf_printf(row(s), "\033[1;48;5;%u;38;5;%dm", cube(rgb), is_light(rgb) ? 16 : 231);
	hy_buf_printf(row(s), " ");
	chat_text_next(name, len, &c);
	if (c < 0x80)
		hy_buf_printf(row(s), "%c", (char)towupper((wint_t)(c >= ' ' ? c : '?')));
	else
		chat_text_append_visible(row(s), name, len);
	hy_buf_printf(row(s), "%s\033[m", columns < 2 ? " " : "");
	s->column += 3;
}

void chat_screen_cursor(struct chat_screen *s, int cursor_row, int column)
{
	s->cursor_row = cursor_row;
	s->cursor_column = column;
}

void chat_screen_end(struct chat_screen *s, struct hy_buf *out)
{
	/* All at once where the terminal knows how to, and without a cursor that jumps about. */
	hy_buf_printf(out, "\033[?2026h\033[?25l%s", s->all ? "\033[m\033[2J" : "");
	for (int i = 0; i < s->rows; i++) {
		if (!s->all && hy_bytes_equal(hy_buf_bytes(&s->next[i]), hy_buf_bytes(&s->shown[i])))
			continue;
		hy_buf_printf(out, "\033[%d;1H\033[2K", i + 1);
		hy_buf_append(out, hy_buf_data(&s->next[i]), hy_buf_len(&s->next[i]));
		struct hy_buf swap = s->shown[i];
		s->shown[i] = s->next[i];
		s->next[i] = swap;
	}
	s->all = false;
	hy_buf_printf(out, "\033[%d;%dH\033[?25h\033[?2026l", s->cursor_row + 1, s->cursor_column + 1);
}
