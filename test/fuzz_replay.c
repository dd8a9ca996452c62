/*
 * Runs every file of the folders given as arguments through a libFuzzer target, in byte order of their names: so a
 * corpus is a regression test with any compiler. Each input stands in a block of its own length, so that a sanitizer
 * sees one byte too many.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int fail(const char *what, const char *path)
{
	fprintf(stderr, "cannot read the %s %s\n", what, path);
	return -1;
}

static int replay_file(const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "rb");
	if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
		if (f)
			fclose(f);
		return fail("file", path);
	}
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size ? size : 1);
	int result = data && fread(data, 1, size, f) == size ? 0 : fail("file", path);
	fclose(f);
	if (result == 0) {
		/* Named before it runs: the last line of a crash is its input. */
		fprintf(stderr, "%s\n", path);
		LLVMFuzzerTestOneInput(data, size);
	}
	free(data);
	return result;
}

static int replay_folder(const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_visible, alphasort), failed = count <= 0;
	if (failed)
		fail("folder (or it is empty)", folder);
	for (int i = 0; i < count; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		failed |= replay_file(path) != 0;
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return failed ? -1 : count;
}

int main(int argc, char **argv)
{
	int total = 0;
	for (int i = 1; i < argc; i++) {
		int count = replay_folder(argv[i]);
		if (count < 0)
			return 1;
		total += count;
	}
	if (argc < 2) {
		fprintf(stderr, "usage: %s CORPUS_FOLDER...\n", argv[0]);
		return 2;
	}
	printf("%d inputs\n", total);
	return 0;
}
