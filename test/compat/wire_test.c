/* Replays test/compat/wire: see the README beside. Argument: the folder. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "auth.rpc.h"
#include "contacts.rpc.h"
#include "link.pb-c.h"
#include "profile.rpc.h"
#include "send.rpc.h"
#include "svrkit/pb.h"
#include "sync.rpc.h"

#define TEXT_MAX 8192

/* The services that clients reach, and what travels besides their requests and answers. */
static const struct rpc_service *const services[] = {
	&auth_service, &sync_service, &send_service, &contacts_service, &profiles_service};
static const ProtobufCMessageDescriptor *const messages[] = {
	&hy__push_hint__descriptor,
	&hy__profile__descriptor,
	&hy__device__descriptor,
	&hy__settings__descriptor,
	&hy__text_message__descriptor,
	&hy__contact_entry__descriptor,
};

struct recording {
	char file[256];
	char type[64], path[64];
	unsigned cmd; /* 0: of no method */
	char json[TEXT_MAX];
	uint8_t wire[TEXT_MAX / 2];
	size_t wire_len;
};

static const char *folder;

/* The stubs are linked but nothing here calls one. */
int rpc_call(struct call *call, const struct rpc_method *method, const void *request, void *response)
{
	fail_msg("%s was called", method->name);
	return HY_UNIMPLEMENTED;
}

static void load(const char *file, struct recording *r)
{
	char name[512], line[TEXT_MAX];
	memset(r, 0, sizeof(*r));
	snprintf(r->file, sizeof(r->file), "%s", file);
	snprintf(name, sizeof(name), "%s/%s", folder, file);
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_true(sscanf(line, "%63s %u %63s", r->type, &r->cmd, r->path) >= 1);
	assert_non_null(fgets(r->json, sizeof(r->json), f));
	r->json[strcspn(r->json, "\n")] = '\0';
	unsigned byte;
	while (fscanf(f, "%2x", &byte) == 1) {
		assert_true(r->wire_len < sizeof(r->wire));
		r->wire[r->wire_len++] = (uint8_t)byte;
	}
	assert_true(feof(f));
	fclose(f);
}

static const struct rpc_method *method_by_cmd(unsigned cmd)
{
	for (size_t s = 0; s < HY_COUNT_OF(services); s++)
		for (size_t m = 0; m < services[s]->method_count; m++)
			if (services[s]->methods[m].cmd == cmd)
				return &services[s]->methods[m];
	return NULL;
}

static const ProtobufCMessageDescriptor *descriptor_of(const struct recording *r)
{
	const struct rpc_method *method = r->cmd ? method_by_cmd(r->cmd) : NULL;
	if (method != NULL) {
		assert_string_equal(r->path, method->path);
		return strstr(r->file, ".request") ? method->request : method->response;
	}
	for (size_t i = 0; i < HY_COUNT_OF(messages); i++)
		if (strcmp(messages[i]->name, r->type) == 0)
			return messages[i];
	fail_msg("%s: nobody knows %s", r->file, r->type);
	return NULL;
}

static void assert_prints(const struct recording *r, const ProtobufCMessage *m, struct hy_arena *arena)
{
	struct hy_buf text = {0};
	pb_to_json(m, NULL, arena, &text);
	hy_buf_append(&text, "", 1);
	assert_string_equal((const char *)hy_buf_data(&text), r->json);
	hy_buf_fini(&text);
}

static void test_recording(void **state)
{
	struct recording *r = calloc(1, sizeof(*r));
	struct hy_arena arena;
	const char *error;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	load(*state, r);
	const ProtobufCMessageDescriptor *d = descriptor_of(r);
	assert_string_equal(d->name, r->type);

	ProtobufCMessage *from_wire = pb_unpack(d, hy_bytes(r->wire, r->wire_len), &arena);
	assert_non_null(from_wire);
	assert_int_equal(from_wire->n_unknown_fields, 0);
	assert_prints(r, from_wire, &arena);

	ProtobufCMessage *from_json = pb_from_json(d, hy_bytes_str(r->json), &arena, &error);
	assert_non_null(from_json);
	assert_prints(r, from_json, &arena);
	hy_arena_fini(&arena);
	free(r);
}

static bool is_recorded(struct dirent **files, int count, unsigned cmd, const char *ending)
{
	char start[16];
	snprintf(start, sizeof(start), "%u-", cmd);
	for (int i = 0; i < count; i++)
		if (strncmp(files[i]->d_name, start, strlen(start)) == 0 && strstr(files[i]->d_name, ending))
			return true;
	return false;
}

static struct dirent **files;
static int file_count;

static void test_every_method_is_recorded(void **state)
{
	for (size_t s = 0; s < HY_COUNT_OF(services); s++) {
		for (size_t m = 0; m < services[s]->method_count; m++) {
			const struct rpc_method *method = &services[s]->methods[m];
			if (method->cmd == 0)
				continue;
			if (!is_recorded(files, file_count, method->cmd, ".request") ||
				!is_recorded(files, file_count, method->cmd, ".answer"))
				fail_msg("%s has no recording", method->name);
		}
	}
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	assert(argc == 2);
	folder = argv[1];
	file_count = scandir(folder, &files, is_visible, alphasort);
	assert(file_count > 0);
	struct CMUnitTest *tests = calloc((size_t)file_count + 1, sizeof(*tests));
	for (int i = 0; i < file_count; i++)
		tests[i] = (struct CMUnitTest){files[i]->d_name, test_recording, NULL, NULL, files[i]->d_name};
	tests[file_count] = (struct CMUnitTest){
		"every client-facing method is recorded", test_every_method_is_recorded, NULL, NULL, NULL};
	int failed = _cmocka_run_group_tests("wire", tests, (size_t)file_count + 1, NULL, NULL);
	for (int i = 0; i < file_count; i++)
		free(files[i]);
	free(files);
	free(tests);
	return failed;
}
