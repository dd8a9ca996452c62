/* secret_prompt.c - see secret_prompt.h. Signals come as data while the echo is off: a handler would need a global. */
#include "chat/secret_prompt.h"

#include <poll.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

sigset_t chat_secret_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < HY_COUNT_OF(signals); i++)
		sigaddset(&set, signals[i]);
	return set;
}

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

/** Until there is a line (a terminal gives whole ones), or a signal: which. */
static int wait_for_line(int signals_fd)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals_fd, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (poll(fds, HY_COUNT_OF(fds), -1) < 0)
		; /* a signal that is none of ours */
	if (fds[1].revents && read(signals_fd, &info, sizeof info) == (ssize_t)sizeof info)
		return (int)info.ssi_signo;
	return 0;
}

/** Without echo; as before when it returns. */
static int wait_unseen(const struct termios *before, int signals_fd)
{
	struct termios quiet = *before;

	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	int which = wait_for_line(signals_fd);
	tcsetattr(STDIN_FILENO, which ? TCSAFLUSH : TCSADRAIN, before);
	fprintf(stderr, "\n");
	return which;
}

bool chat_secret_prompt(const char *prompt, char *secret, size_t size)
{
	sigset_t ours = chat_secret_signals(), before;
	struct termios terminal;
	int which;

	fprintf(stderr, "%s", prompt);
	if (tcgetattr(STDIN_FILENO, &terminal) != 0)
		return read_line(secret, size);
	sigprocmask(SIG_BLOCK, &ours, &before);
	int fd = signalfd(-1, &ours, SFD_CLOEXEC);
	while ((which = wait_unseen(&terminal, fd)) != 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		raise(which); /* ends the program, or puts it aside until it is wanted again */
		sigprocmask(SIG_BLOCK, &ours, NULL);
		fprintf(stderr, "%s", prompt);
	}
	bool ok = read_line(secret, size);
	if (fd >= 0)
		close(fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ok;
}
