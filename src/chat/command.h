/**
 * command.h - what is typed with a slash before it, the same in the screen and in plain lines.
 */
#ifndef CHAT_COMMAND_H
#define CHAT_COMMAND_H

#include "chat/session.h"

/** Where a command is typed. */
struct chat_prompt {
	void *arg;
	void (*say)(void *arg, const char *text); /* one or more lines, for people */
	const char *to;                           /* whom the conversation is with, NULL: nobody */
};

enum chat_command {
	CHAT_COMMAND_DONE, /* or asked for: on_done() and its like tell */
	CHAT_COMMAND_QUIT,
	CHAT_COMMAND_HELP,
	CHAT_COMMAND_SECRET, /* the passwords must be asked for */
};
/** False, and it was said why: what needs the server cannot be asked now. */
bool chat_command_may_ask(struct chat_session *s, const struct chat_prompt *prompt);
/** `line` begins with a slash. */
enum chat_command chat_command_run(struct chat_session *s, const struct chat_prompt *prompt, const char *line);
/** Appends the list of commands, for --help and /help. */
void chat_command_help(struct hy_buf *out);
/**
 * Goes on with what was begun: commands, then names of people. Appends what the line may become; returns how many ways
 * there are, and with several appends what they have in common, and the ways, for people, to `ways`.
 */
unsigned chat_command_complete(struct chat_session *s, const char *line, struct hy_buf *out, struct hy_buf *ways);

/** What people are told of a done or failed thing: "bob was asked", ... hy_buf gets text without NUL. */
void chat_say_done(struct hy_buf *out, enum chat_verb verb, const char *name, int status, const char *why);
void chat_say_devices(struct hy_buf *out, const struct hongyan_device *devices, size_t count);
/** "bob", or with the user's own name for them. Into `text`. */
const char *chat_person_title(const struct chat_person *p, char *text, size_t size);
/** "contact", "asks you", ... */
const char *chat_person_relation(const struct chat_person *p);

#endif
