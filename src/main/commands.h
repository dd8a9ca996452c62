/**
 * commands.h - the program `hongyan`: one function per command.
 */
#ifndef MAIN_COMMANDS_H
#define MAIN_COMMANDS_H

/**
 * Each gets its own name as argv[0] and returns the process's exit status: 0, 1 (it failed, stderr says why), 2 (wrong
 * usage).
 */
int command_serve(int argc, char **argv);
int command_user(int argc, char **argv);
int command_kt(int argc, char **argv);
int command_mon(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_doctor(int argc, char **argv);

#define HONGYAN_VERSION "0.1.0"

#endif
