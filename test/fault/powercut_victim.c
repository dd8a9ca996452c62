/* powercut_victim.c - does in a folder what its argument says, letter by letter, then kills itself. See
 * powercut_test.c. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGES 8

static void need(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static int open_file(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC, 0600);
	need(fd >= 0, name);
	return fd;
}

/** Pages full of `letter`: one half at once, the other a page at a time. */
static void fill(const char *name, char letter, int flags)
{
	char page[4096];
	int fd = open_file(name, O_WRONLY | O_CREAT | flags);
	memset(page, letter, sizeof page);
	for (int i = 0; i < PAGES; i++) {
		if (i % 2)
			need(pwrite(fd, page, sizeof page, i * 4096) == sizeof page, "pwrite");
		else
			need(pwritev(fd, &(struct iovec){page, sizeof page}, 1, i * 4096) == sizeof page, "pwritev");
	}
	close(fd);
}

static void sync_path(const char *name, int flags)
{
	int fd = open_file(name, flags);
	if (fsync(fd) != 0)
		perror("fsync");
	close(fd);
}

static void append(const char *name, char letter)
{
	char bytes[10000];
	int fd = open_file(name, O_WRONLY | O_APPEND);
	memset(bytes, letter, sizeof bytes);
	need(write(fd, bytes, sizeof bytes) == sizeof bytes, "write");
	close(fd);
}

static void cut_short(const char *name)
{
	int fd = open_file(name, O_RDWR);
	need(ftruncate(fd, 4096) == 0, "ftruncate");
	close(fd);
}

static void act(char what)
{
	switch (what) {
	case 'a': /* A and B: the file f; t: the file t */
	case 'b':
		fill("f", what, 0);
		break;
	case 't':
		fill("t", 't', O_TRUNC);
		break;
	case 's':
		sync_path("f", O_RDONLY);
		break;
	case 'S':
		sync_path("t", O_RDWR);
		break;
	case 'd':
		sync_path(".", O_RDONLY | O_DIRECTORY);
		break;
	case 'r':
		need(rename("t", "f") == 0, "rename");
		break;
	case 'u':
		need(unlink("f") == 0, "unlink");
		break;
	case '+':
		append("f", 'b');
		break;
	case '-':
		cut_short("f");
		break;
	case 'm':
		need(mkdir("m", 0700) == 0, "mkdir");
		close(open_file("m/x", O_CREAT | O_WRONLY));
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	need(argc == 3 && chdir(argv[1]) == 0, "usage: powercut-victim FOLDER ACTIONS");
	for (const char *p = argv[2]; *p; p++)
		act(*p);
	raise(SIGKILL);
}
