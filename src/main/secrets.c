/* secrets.c - see secrets.h. */
#include "main/secrets.h"

#include <sodium.h>
#include <stdio.h>

#include "base/mem.h"
#include "main/why.h"

#define SECRET_HEADER "hongyan secret 1\n"
#define SECRET_TEXT_LEN (sizeof SECRET_HEADER - 1 + 2 * SECRET_SIZE + 1)

static int make(struct env *env, const char *path, struct secrets *ret_secrets, char **ret_why)
{
	char text[SECRET_TEXT_LEN + 1] = SECRET_HEADER;
	char *hex = text + sizeof SECRET_HEADER - 1;
	env_random(env, ret_secrets->master, sizeof ret_secrets->master);
	sodium_bin2hex(hex, 2 * SECRET_SIZE + 1, ret_secrets->master, SECRET_SIZE);
	hex[2 * SECRET_SIZE] = '\n';
	int rc = env_file_write_all(env, path, text, SECRET_TEXT_LEN);
	sodium_memzero(text, sizeof text);
	if (rc < 0) {
		*ret_why = why_printf("cannot write %s: %s", path, strerror(-rc));
		return HY_UNAVAILABLE;
	}
	return HY_OK;
}

static int parse(const char *path, const char *text, size_t len, struct secrets *ret_secrets, char **ret_why)
{
	size_t header = sizeof SECRET_HEADER - 1, got = 0;
	if (len == SECRET_TEXT_LEN && memcmp(text, SECRET_HEADER, header) == 0 &&
		sodium_hex2bin(ret_secrets->master, SECRET_SIZE, text + header, 2 * SECRET_SIZE, NULL, &got, NULL) ==
			0 &&
		got == SECRET_SIZE)
		return HY_OK;
	*ret_why = why_printf("%s is damaged. Put back a copy of it; or remove it: a new one is made, and everybody "
			      "has to sign in again",
		path);
	return HY_FAILED_PRECONDITION;
}

int secrets_load(struct env *env, const char *dir, struct secrets *ret_secrets, char **ret_why)
{
	char path[512], *text;
	size_t len;
	snprintf(path, sizeof path, "%s/secret", dir);
	int rc = env_file_read_all(env, path, SECRET_TEXT_LEN, &text, &len);
	if (rc == -ENOENT)
		return make(env, path, ret_secrets, ret_why);
	if (rc < 0 && rc != -EFBIG) {
		*ret_why = why_printf("cannot read %s: %s", path, strerror(-rc));
		return HY_UNAVAILABLE;
	}
	if (rc == -EFBIG)
		return parse(path, "", 0, ret_secrets, ret_why);
	int status = parse(path, text, len, ret_secrets, ret_why);
	sodium_memzero(text, len);
	hy_free(text);
	return status;
}

void secrets_derive(const struct secrets *s, const char *label, uint8_t ret_key[SECRET_SIZE])
{
	crypto_generichash(ret_key, SECRET_SIZE, (const uint8_t *)label, strlen(label), s->master, sizeof s->master);
}

void secrets_wipe(struct secrets *s)
{
	sodium_memzero(s, sizeof *s);
}
