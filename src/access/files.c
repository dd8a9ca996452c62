/* files.c - see files.h. */
#include "access/files.h"

#include "access/header_text.h"

/*
 * Nothing comes from elsewhere and nothing stands inline, so that a text which got into the page could not run. 'self'
 * lets the page open a WebSocket to where it came from, too. With all files: an image can be opened as a page. There is
 * no Cross-Origin-Opener-Policy: over plain http, as in a home network, browsers refuse it with a complaint.
 */
#define GUARDS                                                                                                    \
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "                      \
	"img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'\r\n"                      \
	"Referrer-Policy: no-referrer\r\n"                                                                        \
	"Cross-Origin-Resource-Policy: same-origin\r\n"                                                           \
	"Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()\r\n"

const struct access_file *files_find(const struct access *a, struct hy_bytes path)
{
	if (hy_bytes_equal(path, hy_bytes_str("/")))
		path = hy_bytes_str("/index.html");
	for (unsigned i = 0; i < a->config.file_count; i++)
		if (hy_bytes_equal(path, hy_bytes_str(a->config.files[i].path)))
			return &a->config.files[i];
	return NULL;
}

/* ---- lists in headers -------------------------------------------------------------------------------------------- */

static bool same_word(struct hy_bytes a, const char *b)
{
	return header_same(a, hy_bytes_str(b));
}

/** "q=0", "q=0.", "q=0.000": what has this weight is not wanted. */
static bool weighs_nothing(struct hy_bytes parameters)
{
	while (parameters.len > 0) {
		struct hy_bytes weight = header_take_until(&parameters, ';');
		struct hy_bytes name = header_take_until(&weight, '=');
		if (!same_word(name, "q"))
			continue;
		weight = header_trimmed(weight);
		for (size_t i = 0; i < weight.len; i++)
			if (weight.data[i] != '0' && weight.data[i] != '.')
				return false;
		return true;
	}
	return false;
}

bool files_takes_gzip(struct hy_bytes accept_encoding)
{
	bool all = false;
	while (accept_encoding.len > 0) {
		struct hy_bytes parameters = header_take_until(&accept_encoding, ',');
		struct hy_bytes coding = header_take_until(&parameters, ';');
		if (same_word(coding, "gzip"))
			return !weighs_nothing(parameters);
		if (same_word(coding, "*"))
			all = !weighs_nothing(parameters);
	}
	return all;
}

/* ---- what a file is known by ------------------------------------------------------------------------------------- */

#define GZIP_MARK "-gzip"

/** Each coding has a tag of its own: the same tag promises the same bytes. */
static bool is_tag_of(struct hy_bytes tag, const struct access_file *f)
{
	size_t len = strlen(f->tag);
	if (tag.len >= 2 && memcmp(tag.data, "W/", 2) == 0)
		tag = hy_bytes(tag.data + 2, tag.len - 2);
	if (tag.len < len + 2 || tag.data[0] != '"' || tag.data[tag.len - 1] != '"' ||
		memcmp(tag.data + 1, f->tag, len) != 0)
		return false;
	struct hy_bytes mark = hy_bytes(tag.data + 1 + len, tag.len - 2 - len);
	return mark.len == 0 || hy_bytes_equal(mark, hy_bytes_str(GZIP_MARK));
}

bool files_is_known(const struct access_file *f, struct hy_bytes if_none_match)
{
	while (if_none_match.len > 0) {
		struct hy_bytes tag = header_take_until(&if_none_match, ',');
		if (same_word(tag, "*") || is_tag_of(tag, f))
			return true;
	}
	return false;
}

void files_choose(const struct access_file *f, const struct files_wish *wish, struct files_answer *ret_answer)
{
	bool gzip = f->gzip.len > 0 && files_takes_gzip(wish->accept_encoding);
	bool known = files_is_known(f, wish->if_none_match);
	*ret_answer = (struct files_answer){.status = known ? 304 : 200, .body = gzip ? f->gzip : f->plain};
	if (known)
		ret_answer->body = hy_bytes(NULL, 0);
	hy_buf_printf(&ret_answer->head, "Cache-Control: %s\r\nETag: \"%s%s\"\r\n%s%s%s",
		f->lasting ? "public, max-age=31536000, immutable" : "no-cache", f->tag, gzip ? GZIP_MARK : "",
		f->gzip.len > 0 ? "Vary: Accept-Encoding\r\n" : "", gzip && !known ? "Content-Encoding: gzip\r\n" : "",
		GUARDS);
}
