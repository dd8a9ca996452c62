/* main.c - the program `hongyan`: picks the command. */
#include <stdio.h>
#include <string.h>

#include "chat/chat.h"
#include "main/commands.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"serve", command_serve, "run a server: every module in one process"},
	{"chat", command_chat, "sign in to a server and chat in the terminal"},
	{"backup", command_backup, "copy a running server's data, consistently"},
	{"restore", command_restore, "make a data folder of a backup"},
	{"doctor", command_doctor, "check the machine, the data folder and the ports"},
	{"user", command_user, "list, create, disable and delete accounts; invite people"},
	{"kt", command_kt, "look into a store, of a running server or a stopped one: spaces, keys, rows"},
	{"mon", command_mon, "show what a server counts, live or as it left it"},
};

static void help(FILE *out)
{
	fprintf(out, "Hongyan: a messaging backend.\n\nusage: hongyan COMMAND [options]\n\n");
	for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n`hongyan COMMAND --help` tells more. Version " HONGYAN_VERSION ".\n");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		help(stdout);
		return argc > 1 ? 0 : 2;
	}
	if (strcmp(name, "--version") == 0) {
		printf("hongyan " HONGYAN_VERSION "\n");
		return 0;
	}
	for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "hongyan: no command '%s'\n\n", name);
	help(stderr);
	return 2;
}
