#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "env/real/real_test.h"

/* Each test has an empty folder of its own. */
struct folder {
	struct env *env;
	char path[64];
	char text[128];
};

static const char *in(struct folder *f, const char *name)
{
	snprintf(f->text, sizeof f->text, "%s/%s", f->path, name);
	return f->text;
}

static int setup(void **state)
{
	struct folder *f = hy_zalloc(sizeof *f);
	strcpy(f->path, "/tmp/file_test.XXXXXX");
	f->env = env_real_create();
	*state = f;
	return mkdtemp(f->path) ? 0 : -1;
}

static void remove_name(void *arg, const char *name)
{
	struct folder *f = arg;
	if (env_unlink(f->env, in(f, name)) != 0)
		rmdir(in(f, name));
}

static int teardown(void **state)
{
	struct folder *f = *state;
	env_dir_list(f->env, f->path, remove_name, f);
	rmdir(f->path);
	env_real_destroy(f->env);
	hy_free(f);
	return 0;
}

static struct env_file *opened(struct folder *f, const char *name, unsigned flags)
{
	struct env_file *file = NULL;
	assert_int_equal(env_file_open(f->env, in(f, name), flags, &file), 0);
	return file;
}

static void test_open(void **state)
{
	struct folder *f = *state;
	struct env_file *file;
	struct stat st;
	assert_int_equal(env_file_open(f->env, in(f, "a"), ENV_OPEN_READ, &file), -ENOENT);
	assert_int_equal(env_file_open(f->env, in(f, "a"), ENV_OPEN_WRITE, &file), -ENOENT);
	env_file_close(opened(f, "a", ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_EXCL));
	assert_int_equal(stat(in(f, "a"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(
		env_file_open(f->env, in(f, "a"), ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_EXCL, &file), -EEXIST);
	env_file_close(opened(f, "a", ENV_OPEN_WRITE | ENV_OPEN_CREATE));
	file = opened(f, "a", ENV_OPEN_READ);
	assert_int_equal(env_file_pwritev(file, &(struct iovec){(char[]){"x"}, 1}, 1, 0), -EBADF);
	env_file_close(file);
	env_file_close(NULL);
}

static void test_read_write(void **state)
{
	struct folder *f = *state;
	struct env_file *file = opened(f, "a", ENV_OPEN_WRITE | ENV_OPEN_CREATE);
	enum { PIECES = 3000 }; /* more than one system call takes */
	static char bytes[PIECES * 3], back[PIECES * 3 + 10];
	static struct iovec iov[PIECES + 2];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7);
	int n = 0;
	iov[n++] = (struct iovec){NULL, 0};
	for (int i = 0; i < PIECES; i++)
		iov[n++] = (struct iovec){bytes + i * 3, 3};
	iov[n++] = (struct iovec){NULL, 0};
	assert_int_equal(env_file_pwritev(file, iov, n, 100), 0);
	assert_int_equal(env_file_sync(file), 0);
	uint64_t size;
	assert_int_equal(env_file_size(file, &size), 0);
	assert_int_equal(size, 100 + sizeof bytes);
	assert_int_equal(env_file_pread(file, back, sizeof back, 100), sizeof bytes);
	assert_memory_equal(back, bytes, sizeof bytes);
	assert_int_equal(env_file_pread(file, back, 100, 0), 100);
	assert_int_equal(back[0], 0);
	assert_int_equal(env_file_pread(file, back, 10, 1 << 20), 0);
	assert_int_equal(env_file_pwritev(file, NULL, 0, 0), 0);

	assert_int_equal(env_file_truncate(file, 101), 0);
	assert_int_equal(env_file_pread(file, back, 10, 100), 1);
	assert_int_equal(env_file_allocate(file, 1 << 20), 0);
	assert_int_equal(env_file_size(file, &size), 0);
	assert_int_equal(size, 1 << 20);
	assert_int_equal(env_file_pread(file, back, 10, 100), 10);
	assert_int_equal(back[0], bytes[0]);
	assert_int_equal(back[1], 0);
	env_file_close(file);
}

/* A write that the kernel cuts short at the file size limit goes on, and then gets the real error. */
static void test_short_write(void **state)
{
	struct folder *f = *state;
	struct env_file *file = opened(f, "a", ENV_OPEN_WRITE | ENV_OPEN_CREATE);
	char block[8192];
	memset(block, 'x', sizeof block);
	struct rlimit before;
	getrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){10000, before.rlim_max});
	struct iovec iov[2] = {{block, sizeof block}, {block, sizeof block}};
	int r = env_file_pwritev(file, iov, 2, 0);
	setrlimit(RLIMIT_FSIZE, &before);
	uint64_t size;
	assert_int_equal(r, -EFBIG);
	assert_int_equal(env_file_size(file, &size), 0);
	assert_int_equal(size, 10000);
	env_file_close(file);
}

static int child_ends_with(pid_t child)
{
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_lock(void **state)
{
	struct folder *f = *state;
	struct env_file *a = opened(f, "lock", ENV_OPEN_WRITE | ENV_OPEN_CREATE);
	struct env_file *b = opened(f, "lock", ENV_OPEN_WRITE);
	assert_int_equal(env_file_lock(a), 0);
	assert_int_equal(env_file_lock(b), -EWOULDBLOCK); /* another server in this very process */
	env_file_close(a);
	assert_int_equal(env_file_lock(b), 0);
	env_file_close(b);
}

static void test_lock_of_other_process(void **state)
{
	struct folder *f = *state;
	struct env_file *file = opened(f, "lock", ENV_OPEN_WRITE | ENV_OPEN_CREATE);
	int locked[2], end[2];
	assert_int_equal(pipe2(locked, O_CLOEXEC) | pipe2(end, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct env_file *mine;
		char c = (char)(env_file_open(f->env, in(f, "lock"), ENV_OPEN_WRITE, &mine) | env_file_lock(mine));
		close(end[1]);
		if (write(locked[1], &c, 1) == 1 && read(end[0], &c, 1) == 0)
			_exit(0);
		_exit(1);
	}
	char c = 1;
	assert_int_equal(read(locked[0], &c, 1), 1);
	assert_int_equal(c, 0);
	assert_int_equal(env_file_lock(file), -EWOULDBLOCK);
	close(end[1]);
	assert_int_equal(child_ends_with(child), 0);
	assert_int_equal(env_file_lock(file), 0); /* it ended with the process */
	env_file_close(file);
	close(end[0]);
	close(locked[0]);
	close(locked[1]);
}

static void note_name(void *arg, const char *name)
{
	strcat(arg, name);
	strcat(arg, " ");
}

static void test_names(void **state)
{
	struct folder *f = *state;
	static const char *const names[] = {"b", "B", "\xc3\xa4", "a", ".hidden", "10", "9"};
	for (size_t i = 0; i < HY_COUNT_OF(names); i++)
		env_file_close(opened(f, names[i], ENV_OPEN_WRITE | ENV_OPEN_CREATE));
	char seen[256] = "";
	assert_int_equal(env_dir_list(f->env, f->path, note_name, seen), 0);
	assert_string_equal(seen, ".hidden 10 9 B a b \xc3\xa4 ");

	char from[128];
	strcpy(from, in(f, "a"));
	assert_int_equal(env_rename(f->env, from, in(f, "b")), 0);
	assert_int_equal(env_rename(f->env, from, in(f, "b")), -ENOENT);
	assert_int_equal(env_unlink(f->env, in(f, "b")), 0);
	assert_int_equal(env_unlink(f->env, in(f, "b")), -ENOENT);
	assert_int_equal(env_mkdir(f->env, in(f, "folder")), 0);
	assert_int_equal(env_mkdir(f->env, in(f, "folder/inner")), 0);
	assert_int_equal(env_unlink(f->env, in(f, "folder")), -EISDIR);
	assert_int_equal(env_rmdir(f->env, in(f, "folder")), -ENOTEMPTY);
	assert_int_equal(env_rmdir(f->env, in(f, "folder/inner")), 0);
	assert_int_equal(env_rmdir(f->env, in(f, "folder")), 0);
	assert_int_equal(env_rmdir(f->env, in(f, "folder")), -ENOENT);
	assert_int_equal(env_dir_sync(f->env, f->path), 0);
	assert_int_equal(env_dir_sync(f->env, in(f, "nowhere")), -ENOENT);
	assert_int_equal(env_dir_list(f->env, in(f, "nowhere"), note_name, seen), -ENOENT);

	struct stat st;
	assert_int_equal(env_mkdir(f->env, in(f, "folder")), 0);
	assert_int_equal(env_mkdir(f->env, in(f, "folder")), 0);
	assert_int_equal(stat(in(f, "folder"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(env_mkdir(f->env, in(f, "9")), -ENOTDIR);
	assert_int_equal(env_mkdir(f->env, in(f, "no/where")), -ENOENT);

	uint64_t bytes = 0;
	assert_int_equal(env_disk_free(f->env, f->path, &bytes), 0);
	assert_true(bytes > 0);
	assert_int_equal(env_disk_free(f->env, in(f, "nowhere"), &bytes), -ENOENT);
}

static void test_whole(void **state)
{
	struct folder *f = *state;
	char *text;
	size_t len;
	struct stat st;
	assert_int_equal(env_file_read_all(f->env, in(f, "a"), 10, &text, &len), -ENOENT);
	/* A longer temporary file that a crash has left. */
	struct env_file *file = opened(f, "a.tmp", ENV_OPEN_WRITE | ENV_OPEN_CREATE);
	assert_int_equal(env_file_pwritev(file, &(struct iovec){(char[]){"longer than that"}, 16}, 1, 0), 0);
	env_file_close(file);
	assert_int_equal(env_file_write_all(f->env, in(f, "a"), "0123456789", 10), 0);
	assert_int_equal(stat(in(f, "a"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(in(f, "a.tmp"), &st), -1);
	assert_int_equal(env_file_read_all(f->env, in(f, "a"), 10, &text, &len), 0);
	assert_int_equal(len, 10);
	assert_string_equal(text, "0123456789");
	hy_free(text);
	assert_int_equal(env_file_read_all(f->env, in(f, "a"), 9, &text, &len), -EFBIG);
	assert_int_equal(env_file_write_all(f->env, in(f, "a"), "", 0), 0);
	assert_int_equal(env_file_read_all(f->env, in(f, "a"), 0, &text, &len), 0);
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
	hy_free(text);
	assert_int_equal(env_file_write_all(f->env, in(f, "no/where"), "x", 1), -ENOENT);
	assert_int_equal(env_file_read_all(f->env, "/proc/self/status", 65536, &text, &len), 0);
	assert_true(len > 100 && strlen(text) == len);
	hy_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define FILE_TEST(label, fn) {label, fn, setup, teardown, NULL}
		FILE_TEST("files are opened, created, and private", test_open),
		FILE_TEST("what was written in many pieces is read back", test_read_write),
		FILE_TEST("a write cut short goes on until the error shows", test_short_write),
		FILE_TEST("one lock in a process", test_lock),
		FILE_TEST("a lock held by another process ends with it", test_lock_of_other_process),
		FILE_TEST("folders and names", test_names),
		FILE_TEST("whole files are replaced or left alone", test_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
