/**
 * chat.h - `hongyan chat`.
 */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

/** argv[0] is the command's own name. Ends the process with its exit status. */
int command_chat(int argc, char **argv);

#endif
