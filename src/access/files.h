/**
 * files.h - inside access: the files of access_config, which lie in the program's memory and are sent from there.
 *
 * A connection holds no copy of a file: what is left of it stands behind its output (http_file_left()), and until all
 * of it is taken the connection's next request waits.
 */
#ifndef ACCESS_FILES_H
#define ACCESS_FILES_H

#include "access/conn.h"

/** NULL: there is no such file. "/" is "/index.html". */
const struct access_file *files_find(const struct access *a, struct hy_bytes path);

/** What a request says of the answer that it would like; empty where it says nothing. */
struct files_wish {
	struct hy_bytes accept_encoding, if_none_match;
};

struct files_answer {
	int status;           /* 200, or 304: the client has it */
	struct hy_bytes body; /* of the 200, in the coding that was chosen; lives as long as the file */
	struct hy_buf head;   /* lines, each with its \r\n; the caller's */
};

void files_choose(const struct access_file *f, const struct files_wish *wish, struct files_answer *ret_answer);

/** Whether an Accept-Encoding takes gzip: by name or by '*', and not with a weight of 0. */
bool files_takes_gzip(struct hy_bytes accept_encoding);
/** Whether an If-None-Match names the file, in whichever coding, or is '*'. */
bool files_is_known(const struct access_file *f, struct hy_bytes if_none_match);

#endif
