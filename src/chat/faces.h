/**
 * faces.h - the ways in which a session is shown: a full screen, plain lines, JSON lines, one text. Each runs to the
 * end and returns the process's exit status.
 */
#ifndef CHAT_FACES_H
#define CHAT_FACES_H

#include "chat/session.h"

/** Exit status of --send when the text is kept in the outbox and will be sent by the next start. */
#define CHAT_EXIT_KEPT 3

/** Lines in, lines out; `terminal`: somebody looks at them, so that states are told too. */
int chat_face_plain(struct chat_session *s, bool terminal);
/** JSON objects, one a line, in and out. `go_on`: also after the end of input. */
int chat_face_json(struct chat_session *s, bool go_on);
/** One text; the result is 0 when it is on the server. */
int chat_face_send(struct chat_session *s, const char *to, const char *text, uint64_t patience_us);
/** `notify`: bells and notices. */
int chat_face_screen(struct chat_session *s, bool notify);

/** What an actor read from standard input, posted to the session's inbox. Owns text. */
struct chat_line {
	struct env_msg msg;
	char *text; /* without the line feed; NULL: the end */
	void *face;
};
/** Lines of standard input come as messages with this fn from now on. */
void chat_lines_start(struct chat_session *s, void (*fn)(struct env_msg *msg), void *face);
void chat_line_free(struct chat_line *line);

#endif
