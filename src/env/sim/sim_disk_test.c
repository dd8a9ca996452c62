#include "env/sim/sim_test.h"

/* One world, one machine, and what a process of it finds. */
struct world {
	struct noted noted;
	struct sim *sim;
	struct sim_machine *m;
	bool done;
	int rc[4];
	uint64_t number;
	char text[64];
	struct env_file *file;
};

static struct world world_make(uint64_t seed)
{
	struct sim *s = sim_create(seed);
	return (struct world){.sim = s, .m = sim_machine_create(s, "one", "10.0.0.1")};
}

static void world_end(struct world *w)
{
	sim_destroy(w->sim);
	assert_int_equal(w->noted.failures, 0);
}

/* Runs `fn` as a process until it returns or dies. */
static void run_process(struct world *w, void (*fn)(struct env *env, void *arg))
{
	sim_machine_start(w->m, fn, w);
	assert_true(sim_run(w->sim, sim_now_us(w->sim) + 1000 * 1000000ull, NULL, NULL));
}

static int write_text(struct env_file *f, const char *text, uint64_t offset)
{
	return env_file_pwritev(f, &(struct iovec){(void *)text, strlen(text)}, 1, offset);
}

static int make_file(struct env *env, const char *path, const char *text, bool sync)
{
	struct env_file *f;
	int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &f);
	if (rc == 0)
		rc = write_text(f, text, 0);
	if (rc == 0 && sync)
		rc = env_file_sync(f);
	env_file_close(f);
	return rc;
}

/* "-": it is not there. */
static void look_at(struct env *env, const char *path, char *ret_text, size_t size)
{
	char *text;
	size_t len;
	int rc = env_file_read_all(env, path, size - 1, &text, &len);
	if (rc != 0) {
		snprintf(ret_text, size, "-");
		return;
	}
	memcpy(ret_text, text, len + 1);
	hy_free(text);
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

static void names_add(void *arg, const char *name)
{
	strcat(arg, name);
	strcat(arg, " ");
}

static void calls(struct env *env, void *arg)
{
	struct world *w = arg;
	struct noted *n = &w->noted;
	char names[256] = "";
	struct env_file *f;
	NOTE(n, env_mkdir(env, "/data") == 0);
	NOTE(n, env_mkdir(env, "/data") == 0);
	NOTE(n, env_file_open(env, "/data/a", ENV_OPEN_READ, &f) == -ENOENT);
	NOTE(n, env_file_open(env, "/no/a", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &f) == -ENOENT);
	NOTE(n, env_file_open(env, "/data", ENV_OPEN_READ, &f) == -EISDIR);
	NOTE(n, make_file(env, "/data/b", "bee", true) == 0);
	NOTE(n, make_file(env, "/data/a", "first", false) == 0);
	NOTE(n, env_file_open(env, "/data/a", ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_EXCL, &f) == -EEXIST);
	NOTE(n, env_file_write_all(env, "/data/c", "whole", 5) == 0);
	NOTE(n, env_dir_list(env, "/data", names_add, names) == 0);
	NOTE(n, strcmp(names, "a b c ") == 0);
	NOTE(n, env_rename(env, "/data/a", "/data/b") == 0);
	look_at(env, "data//b", w->text, sizeof w->text);
	NOTE(n, strcmp(w->text, "first") == 0);
	NOTE(n, env_unlink(env, "/data/a") == -ENOENT);
	NOTE(n, env_unlink(env, "/data/b") == 0);
	NOTE(n, env_unlink(env, "/data") == -EISDIR && env_rmdir(env, "/data") == -ENOTEMPTY);
	NOTE(n, env_rmdir(env, "/data/c") == -ENOTDIR && env_mkdir(env, "/data/d") == 0);
	NOTE(n, env_rmdir(env, "/data/d") == 0 && env_rmdir(env, "/data/d") == -ENOENT);
	NOTE(n, env_file_open(env, "/data/c", ENV_OPEN_WRITE, &f) == 0);
	NOTE(n, write_text(f, "X", 8190) == 0 && env_file_size(f, &w->number) == 0 && w->number == 8191);
	NOTE(n, env_file_truncate(f, 4) == 0 && env_file_truncate(f, 8) == 0);
	NOTE(n, env_file_pread(f, w->text, sizeof w->text, 0) == 8 && memcmp(w->text, "whol\0\0\0\0", 8) == 0);
	NOTE(n, env_file_pread(f, w->text, 1, 8) == 0);
	env_file_close(f);
	w->done = true;
}

static void test_calls(void **state)
{
	(void)state;
	struct world w = world_make(1);
	run_process(&w, calls);
	assert_true(w.done);
	assert_int_equal(sim_machine_left_behind(w.m), 0);
	world_end(&w);
}

/* ---- kill and power cut ---------------------------------------------------------------------------------------- */

static void write_some(struct env *env, void *arg)
{
	struct world *w = arg;
	NOTE(&w->noted, env_mkdir(env, "/d") == 0 && env_dir_sync(env, "/") == 0);
	NOTE(&w->noted, make_file(env, "/d/synced", "old", true) == 0 && env_dir_sync(env, "/d") == 0);
	NOTE(&w->noted, make_file(env, "/d/nameless", "new", true) == 0);
	NOTE(&w->noted, make_file(env, "/d/synced", "NEW+", false) == 0);
	NOTE(&w->noted, make_file(env, "/d/moved", "moved", true) == 0 && env_dir_sync(env, "/d") == 0);
	NOTE(&w->noted, make_file(env, "/d/late", "late", true) == 0);
	NOTE(&w->noted, env_rename(env, "/d/moved", "/d/target") == 0);
	w->done = true;
	env_sleep_us(env, UINT64_MAX / 8);
}

struct found {
	char synced[64], nameless[64], late[64], moved[64], target[64];
};

struct look {
	struct world *w;
	struct found found;
};

static void look_process(struct env *env, void *arg)
{
	struct look *l = arg;
	look_at(env, "/d/synced", l->found.synced, sizeof l->found.synced);
	look_at(env, "/d/nameless", l->found.nameless, sizeof l->found.nameless);
	look_at(env, "/d/late", l->found.late, sizeof l->found.late);
	look_at(env, "/d/moved", l->found.moved, sizeof l->found.moved);
	look_at(env, "/d/target", l->found.target, sizeof l->found.target);
}

static bool world_done(void *arg)
{
	return ((struct world *)arg)->done;
}

static struct found after(uint64_t seed, void (*how)(struct sim_machine *m))
{
	struct world w = world_make(seed);
	struct look l = {.w = &w};
	sim_machine_start(w.m, write_some, &w);
	assert_true(sim_run(w.sim, UINT64_MAX, world_done, &w));
	how(w.m);
	assert_false(sim_machine_running(w.m));
	sim_machine_start(w.m, look_process, &l);
	assert_true(sim_run(w.sim, UINT64_MAX, NULL, NULL));
	world_end(&w);
	return l.found;
}

static void test_kill_keeps_page_cache(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct found f = after(seed, sim_machine_kill);
		assert_string_equal(f.synced, "NEW+");
		assert_string_equal(f.nameless, "new");
		assert_string_equal(f.late, "late");
		assert_string_equal(f.moved, "-");
		assert_string_equal(f.target, "moved");
	}
}

static void test_power_cut(void **state)
{
	(void)state;
	unsigned kept = 0, lost = 0, name_lost = 0, renamed = 0;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct found f = after(seed, sim_machine_power_cut);
		/* synced before, written again: old, new, or cut between the two sizes */
		assert_true(strcmp(f.synced, "old") == 0 || memcmp(f.synced, "NEW", 3) == 0 ||
			    memcmp(f.synced, "old", 4) == 0);
		kept += strcmp(f.synced, "NEW+") == 0;
		lost += strcmp(f.synced, "old") == 0;
		assert_string_equal(f.nameless, "new"); /* its folder was synced later */
		assert_true(strcmp(f.late, "late") == 0 || strcmp(f.late, "-") == 0);
		name_lost += f.late[0] == '-';
		/* a rename is seen whole or not at all */
		assert_true((f.moved[0] == '-') != (f.target[0] == '-'));
		assert_string_equal(f.moved[0] == '-' ? f.target : f.moved, "moved");
		renamed += f.moved[0] == '-';
	}
	assert_in_range(kept, 1, 299);
	assert_in_range(lost, 1, 299);
	assert_in_range(name_lost, 1, 299);
	assert_in_range(renamed, 1, 299);
}

enum { BIG = 64 << 10 };

static void write_big(struct env *env, void *arg)
{
	struct world *w = arg;
	struct env_file *f;
	char *page = hy_alloc(BIG);
	NOTE(&w->noted, env_file_open(env, "/big", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &f) == 0);
	memset(page, 'a', BIG);
	NOTE(&w->noted, env_file_pwritev(f, &(struct iovec){page, BIG}, 1, 0) == 0);
	NOTE(&w->noted, env_file_sync(f) == 0 && env_dir_sync(env, "/") == 0);
	memset(page, 'b', BIG);
	NOTE(&w->noted, env_file_pwritev(f, &(struct iovec){page, BIG}, 1, 0) == 0);
	w->done = true;
	env_sleep_us(env, UINT64_MAX / 8);
}

static void count_sectors(struct env *env, void *arg)
{
	struct world *w = arg;
	char *text;
	size_t len;
	NOTE(&w->noted, env_file_read_all(env, "/big", BIG, &text, &len) == 0 && len == BIG);
	bool torn = false;
	for (size_t at = 0; at < BIG; at += 512) {
		for (size_t i = 1; i < 512; i++)
			NOTE(&w->noted, text[at + i] == text[at]);
		NOTE(&w->noted, text[at] == 'a' || text[at] == 'b');
		w->number += text[at] == 'b';
		torn |= at % 4096 != 0 && text[at] != text[at - 512];
	}
	w->rc[0] = torn;
	hy_free(text);
}

static void test_torn_pages(void **state)
{
	(void)state;
	unsigned torn = 0, mixed = 0;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world w = world_make(seed);
		sim_machine_start(w.m, write_big, &w);
		assert_true(sim_run(w.sim, UINT64_MAX, world_done, &w));
		sim_machine_power_cut(w.m);
		run_process(&w, count_sectors);
		torn += (unsigned)w.rc[0];
		mixed += w.number > 0 && w.number < BIG / 512;
		world_end(&w);
	}
	assert_in_range(torn, 1, 59);
	assert_in_range(mixed, 1, 59);
}

/* ---- a sync that fails ----------------------------------------------------------------------------------------- */

static void sync_fails(struct env *env, void *arg)
{
	struct world *w = arg;
	struct env_file *f;
	struct sim_faults *faults = sim_faults(w->sim);
	NOTE(&w->noted, make_file(env, "/f", "old", true) == 0 && env_dir_sync(env, "/") == 0);
	NOTE(&w->noted, env_file_open(env, "/f", ENV_OPEN_WRITE, &f) == 0);
	NOTE(&w->noted, write_text(f, "new", 0) == 0);
	faults->disk_sync_eio = 1000;
	NOTE(&w->noted, env_file_sync(f) == -EIO);
	faults->disk_sync_eio = 0;
	NOTE(&w->noted, env_file_sync(f) == 0); /* a lie, as on Linux */
	look_at(env, "/f", w->text, sizeof w->text);
	NOTE(&w->noted, strcmp(w->text, "new") == 0);
	env_file_close(f);
	w->done = true;
}

static void look_at_f(struct env *env, void *arg)
{
	struct world *w = arg;
	look_at(env, "/f", w->text, sizeof w->text);
}

static void test_failed_sync(void **state)
{
	(void)state;
	unsigned lost = 0;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world w = world_make(seed);
		run_process(&w, sync_fails);
		sim_machine_power_cut(w.m);
		run_process(&w, look_at_f);
		assert_true(strcmp(w.text, "old") == 0 || strcmp(w.text, "new") == 0);
		lost += strcmp(w.text, "old") == 0;
		world_end(&w);
	}
	assert_in_range(lost, 1, 59);
}

/* ---- full disk, locks, damage ---------------------------------------------------------------------------------- */

static void fill(struct env *env, void *arg)
{
	struct world *w = arg;
	struct noted *n = &w->noted;
	struct env_file *f, *g;
	char page[4096] = {0};
	uint64_t before, left;
	NOTE(n, env_disk_free(env, "/", &before) == 0 && before == 16 * 4096);
	NOTE(n, env_file_open(env, "/f", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &f) == 0);
	NOTE(n, env_file_open(env, "/g", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &g) == 0);
	NOTE(n, env_file_allocate(f, 8 * 4096) == 0 && env_file_allocate(g, 9 * 4096) == -ENOSPC);
	for (uint64_t i = 0; i < 8; i++)
		NOTE(n, env_file_pwritev(g, &(struct iovec){page, sizeof page}, 1, i * 4096) == 0);
	NOTE(n, env_file_pwritev(g, &(struct iovec){page, sizeof page}, 1, 8 * 4096) == -ENOSPC);
	NOTE(n, env_file_pwritev(f, &(struct iovec){page, sizeof page}, 1, 7 * 4096) == 0);
	NOTE(n, env_disk_free(env, "/", &left) == 0 && left == 0);
	env_file_close(g);
	NOTE(n, env_unlink(env, "/g") == 0 && env_dir_sync(env, "/") == 0);
	NOTE(n, env_disk_free(env, "/", &left) == 0 && left == 8 * 4096);
	NOTE(n, env_file_truncate(f, 0) == 0 && env_disk_free(env, "/", &left) == 0 && left == before);
	env_file_close(f);
	w->done = true;
}

static void test_full_disk(void **state)
{
	(void)state;
	struct world w = world_make(3);
	sim_machine_set_disk(w.m, 16 * 4096);
	run_process(&w, fill);
	assert_true(w.done);
	world_end(&w);
}

static void lock_and_stay(struct env *env, void *arg)
{
	struct world *w = arg;
	struct env_file *again;
	NOTE(&w->noted, env_file_open(env, "/lock", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &w->file) == 0);
	NOTE(&w->noted, env_file_open(env, "/lock", ENV_OPEN_WRITE, &again) == 0);
	NOTE(&w->noted, env_file_lock(w->file) == 0 && env_file_lock(w->file) == 0);
	NOTE(&w->noted, env_file_lock(again) == -EWOULDBLOCK);
	env_file_close(again);
	w->done = true;
	env_sleep_us(env, UINT64_MAX / 8);
}

static void test_lock_dies_with_process(void **state)
{
	(void)state;
	struct world w = world_make(4);
	for (int i = 0; i < 3; i++) {
		w.done = false;
		sim_machine_start(w.m, lock_and_stay, &w);
		assert_true(sim_run(w.sim, UINT64_MAX, world_done, &w));
		sim_machine_kill(w.m);
	}
	world_end(&w);
}

static void make_and_remove(struct env *env, void *arg)
{
	(void)arg;
	for (unsigned i = 0;; i++) {
		char name[16];
		snprintf(name, sizeof name, "/f%u", i % 5);
		make_file(env, name, "some text", i % 2);
		if (i % 3 == 0)
			env_unlink(env, name);
		if (i % 7 == 0)
			env_dir_sync(env, "/");
	}
}

static void remove_all(struct env *env, void *arg)
{
	struct world *w = arg;
	for (unsigned i = 0; i < 5; i++) {
		char name[16];
		snprintf(name, sizeof name, "/f%u", i);
		env_unlink(env, name);
	}
	NOTE(&w->noted, env_dir_sync(env, "/") == 0 && env_disk_free(env, "/", &w->number) == 0);
}

static void test_no_block_is_lost(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct world w = world_make(seed);
		for (int i = 0; i < 20; i++) {
			sim_machine_start(w.m, make_and_remove, &w);
			sim_run(w.sim, sim_now_us(w.sim) + sim_range(w.sim, 1, 20000), NULL, NULL);
			if (sim_chance(w.sim, 500))
				sim_machine_kill(w.m);
			else
				sim_machine_power_cut(w.m);
		}
		run_process(&w, remove_all);
		assert_int_equal(w.number, 1u << 30);
		world_end(&w);
	}
}

static void test_damage(void **state)
{
	(void)state;
	struct world w = world_make(5);
	run_process(&w, sync_fails);
	assert_int_equal(sim_machine_damage(w.m, "/none", 0), -ENOENT);
	assert_int_equal(sim_machine_damage(w.m, "/f", 3), -ERANGE);
	assert_int_equal(sim_machine_damage(w.m, "/f", 1), 0);
	run_process(&w, look_at_f);
	assert_true(w.text[0] == 'n' && w.text[1] != 'e' && w.text[2] == 'w');
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"files and folders behave as those of a kernel", test_calls},
		{"a kill keeps what was written, synced or not", test_kill_keeps_page_cache},
		{"a power cut keeps what was synced and takes, by chance, what was not", test_power_cut},
		{"a power cut tears pages at sectors", test_torn_pages},
		{"after a failed sync the next one succeeds and may have kept nothing", test_failed_sync},
		{"a full disk refuses writes that need new blocks", test_full_disk},
		{"a lock ends with its process", test_lock_dies_with_process},
		{"whenever a process dies, the blocks of removed files come back", test_no_block_is_lost},
		{"damage flips one bit", test_damage},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
