#include "main/secret_input.h"

#include <stdio.h>

#include "base/mem.h"

/** By single characters: what is behind the line stays for the next one. */
static bool read_line(char *line, size_t size)
{
	size_t len = 0;
	int c;

	while ((c = getchar()) != EOF && c != '\n') {
		if (len + 1 >= size)
			return false;
		line[len++] = (char)c;
	}
	if (len > 0 && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	return len > 0;
}

bool secret_from_file(struct env *env, const char *path, char *secret, size_t size)
{
	char *text;
	size_t len;

	if (strcmp(path, "-") == 0)
		return read_line(secret, size);
	if (env_file_read_all(env, path, size + 1, &text, &len) < 0)
		return false;
	size_t line = strcspn(text, "\r\n");
	bool fits = line > 0 && line < size;
	if (fits) {
		memcpy(secret, text, line);
		secret[line] = '\0';
	}
	explicit_bzero(text, len);
	hy_free(text);
	return fits;
}
