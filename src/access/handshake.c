/* handshake.c - whether an HTTP request becomes a WebSocket link (RFC 6455, 4.2). */
#include <sha1.h>
#include <sodium.h>

#include "access/header_text.h"
#include "access/websocket.h"

#define KEY_BYTES 16
#define KEY_TEXT 24 /* the same in base64 */

static bool list_has(struct hy_bytes list, const char *word)
{
	while (list.len > 0)
		if (header_same(header_take_until(&list, ','), hy_bytes_str(word)))
			return true;
	return false;
}

/** What stands behind the "://"; empty: this is no origin. */
static struct hy_bytes host_of(struct hy_bytes origin)
{
	static const char mark[] = "://";
	const uint8_t *at = origin.len > 0 ? memmem(origin.data, origin.len, mark, strlen(mark)) : NULL;
	if (!at || at == origin.data)
		return hy_bytes(NULL, 0);
	at += strlen(mark);
	return hy_bytes(at, origin.len - (size_t)(at - origin.data));
}

bool access_origin_good(struct hy_bytes text)
{
	struct hy_bytes host = host_of(text);
	for (size_t i = 0; i < host.len; i++)
		if (host.data[i] <= ' ' || host.data[i] >= 0x7f || strchr("/,?#@*", host.data[i]))
			return false;
	return host.len > 0;
}

static bool in_setting(const struct access_config *config, struct hy_bytes origin)
{
	struct hy_bytes list = hy_bytes_str(config->origins ? config->origins : "");
	while (list.len > 0)
		if (header_same(header_take_until(&list, ','), origin))
			return true;
	return false;
}

bool websocket_origin_allowed(const struct access_config *config, struct hy_bytes origin, struct hy_bytes host)
{
	if (origin.len == 0 || in_setting(config, origin))
		return true;
	return host.len > 0 && header_same(host_of(origin), host);
}

/* ---- names that are made to mean this machine -------------------------------------------------------------------- */

/** Without port, and without the dot that may end a name. */
static struct hy_bytes name_of(struct hy_bytes host)
{
	const uint8_t *colon = host.len > 0 ? memchr(host.data, ':', host.len) : NULL;
	size_t len = colon ? (size_t)(colon - host.data) : host.len;
	while (len > 0 && host.data[len - 1] == '.')
		len--;
	return hy_bytes(host.data, len);
}

static bool ends_with(struct hy_bytes name, const char *end)
{
	size_t len = strlen(end);
	return name.len >= len && header_same(hy_bytes(name.data + name.len - len, len), hy_bytes_str(end));
}

/** Whether it is one of DNS that somebody from afar may have. An IPv6 address has no dot before its colons. */
static bool is_public_name(struct hy_bytes name)
{
	static const char *const private_ends[] = {
		".localhost", ".local", ".internal", ".home.arpa", ".home", ".lan", ".test"};
	if (name.len == 0 || !memchr(name.data, '.', name.len))
		return false;
	if (name.data[name.len - 1] >= '0' && name.data[name.len - 1] <= '9') /* browsers: an IPv4 address, or none */
		return false;
	for (size_t i = 0; i < HY_COUNT_OF(private_ends); i++)
		if (ends_with(name, private_ends[i]))
			return false;
	return true;
}

bool websocket_origin_rebound(const struct access_config *config, struct hy_bytes origin)
{
	static const char plain[] = "http://";
	size_t len = strlen(plain);
	return origin.len > len && header_same(hy_bytes(origin.data, len), hy_bytes_str(plain)) &&
	       is_public_name(name_of(host_of(origin))) && !in_setting(config, origin);
}

/** 16 bytes in base64, as it is usually written. */
static bool key_is_good(struct hy_bytes key)
{
	uint8_t bytes[KEY_BYTES];
	size_t len;
	return key.len == KEY_TEXT &&
	       sodium_base642bin(bytes, sizeof bytes, (const char *)key.data, key.len, NULL, &len, NULL,
		       sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       len == sizeof bytes;
}

static void make_accept(struct hy_bytes key, char accept[WEBSOCKET_ACCEPT_SIZE])
{
	static const char salt[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */
	uint8_t digest[SHA1_DIGEST_LENGTH];
	SHA1_CTX sha;
	SHA1Init(&sha);
	SHA1Update(&sha, key.data, key.len);
	SHA1Update(&sha, (const uint8_t *)salt, strlen(salt));
	SHA1Final(digest, &sha);
	sodium_bin2base64(accept, WEBSOCKET_ACCEPT_SIZE, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
}

static int refuse(int status, const char *why, const char **ret_why)
{
	*ret_why = why;
	return status;
}

int websocket_judge(const struct access_config *config, const struct websocket_offer *offer,
	char accept[WEBSOCKET_ACCEPT_SIZE], const char **ret_why)
{
	struct hy_bytes key = header_trimmed(offer->key), host = header_trimmed(offer->host);
	if (!offer->http_1_1 || !list_has(offer->upgrade, "websocket"))
		return refuse(426, "this is for WebSocket links", ret_why);
	if (!list_has(offer->connection, "upgrade"))
		return refuse(400, "the header Connection does not say Upgrade", ret_why);
	if (!header_same(header_trimmed(offer->version), hy_bytes_str("13")))
		return refuse(426, "Sec-WebSocket-Version has to be 13", ret_why);
	if (!key_is_good(key))
		return refuse(400, "Sec-WebSocket-Key has to be 16 bytes in base64", ret_why);
	if (host.len == 0)
		return refuse(400, "the header Host is missing", ret_why);
	if (!websocket_origin_allowed(config, header_trimmed(offer->origin), host) ||
		(offer->local && websocket_origin_rebound(config, header_trimmed(offer->origin))))
		return refuse(403, "pages of this origin may not connect", ret_why);
	make_accept(key, accept);
	return 101;
}
