/* kt_command.c - `hongyan kt`: a look into a server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.rpc.h"
#include "main/admin_client.h"
#include "main/commands.h"

static const char kt_usage[] =
	"usage: hongyan kt [--data DIR] [--limit N]             spaces, and the first keys\n"
	"       hongyan kt [--data DIR] keys [AFTER]            keys in order, after one of them\n"
	"       hongyan kt [--data DIR] KEY                     versions and sizes of a key's tables; a key is user:42 "
	"or name:ann\n"
	"       hongyan kt [--data DIR] KEY SPACE               the rows of one table, decoded\n\n"
	"Looks into a running server, by the socket in its data folder (default ./data); or, when none runs, into the\n"
	"folder itself, or a backup, without changing it.\n";

struct question {
	const char *dir, *key, *space, *after;
	uint32_t limit;
};

static int print_spaces(struct call *call)
{
	Hy__AdminSpacesRequest request = HY__ADMIN_SPACES_REQUEST__INIT;
	Hy__AdminSpacesResponse response = HY__ADMIN_SPACES_RESPONSE__INIT;
	int status = admin_spaces(call, &request, &response);
	if (status != HY_OK)
		return status;
	printf("%-3s %-12s %s\n", "id", "space", "shape");
	for (size_t i = 0; i < response.n_spaces; i++)
		printf("%-3u %-12s %s\n", response.spaces[i]->id, response.spaces[i]->name, response.spaces[i]->shape);
	return HY_OK;
}

/** An invitation's code is shown in part: whoever reads it all may register with it. */
static void print_key(const char *key)
{
	static const char invitation[] = "name:+";
	size_t n = sizeof invitation - 1;
	if (strncmp(key, invitation, n) == 0 && strlen(key) > n + 4)
		printf("%.*s... (an invitation)\n", (int)n + 4, key);
	else
		printf("%s\n", key);
}

static int print_keys(struct call *call, const struct question *q)
{
	Hy__AdminKeysRequest request = HY__ADMIN_KEYS_REQUEST__INIT;
	Hy__AdminKeysResponse response = HY__ADMIN_KEYS_RESPONSE__INIT;
	request.after = (char *)(uintptr_t)(q->after ? q->after : "");
	request.limit = q->limit;
	int status = admin_keys(call, &request, &response);
	if (status != HY_OK)
		return status;
	for (size_t i = 0; i < response.n_keys; i++)
		print_key(response.keys[i]);
	if (response.more)
		printf("... more: hongyan kt keys %s\n", response.keys[response.n_keys - 1]);
	return HY_OK;
}

static void print_heads(const Hy__AdminRowsResponse *response)
{
	printf("%-12s %10s %10s %10s %12s\n", "space", "version", "trimmed", "rows", "bytes");
	for (size_t i = 0; i < response->n_heads; i++) {
		const Hy__AdminHead *h = response->heads[i];
		printf("%-12s %10llu %10llu %10llu %12llu\n", h->space, (unsigned long long)h->version,
			(unsigned long long)h->trimmed, (unsigned long long)h->rows, (unsigned long long)h->bytes);
	}
}

/** Nothing was ever written under the key. */
static bool is_nothing(const Hy__AdminRowsResponse *response)
{
	for (size_t i = 0; i < response->n_heads; i++)
		if (response->heads[i]->version > 0 || response->heads[i]->rows > 0)
			return false;
	return true;
}

static int print_rows(struct call *call, const struct question *q)
{
	Hy__AdminRowsRequest request = HY__ADMIN_ROWS_REQUEST__INIT;
	request.key = (char *)(uintptr_t)q->key;
	request.space = (char *)(uintptr_t)(q->space ? q->space : "");
	request.limit = q->limit;
	uint64_t printed = 0;
	for (;;) {
		Hy__AdminRowsResponse response = HY__ADMIN_ROWS_RESPONSE__INIT;
		int status = admin_rows(call, &request, &response);
		if (status != HY_OK)
			return status;
		if (!q->space) {
			if (is_nothing(&response))
				printf("nothing is stored for %s\n", q->key);
			else
				print_heads(&response);
			return HY_OK;
		}
		for (size_t i = 0; i < response.n_rows; i++) {
			const Hy__AdminRow *r = response.rows[i];
			printf("%s  version %llu  %s\n", r->name, (unsigned long long)r->version,
				r->deleted ? "(deleted)" : r->value);
		}
		printed += response.n_rows;
		if (!response.more || (q->limit && printed >= q->limit)) {
			printf("%llu rows%s\n", (unsigned long long)printed,
				response.more ? "; there are more (--limit)" : "");
			return HY_OK;
		}
		request.after = response.next;
	}
}

static int kt_ask(struct call *call, void *arg)
{
	const struct question *q = arg;
	if (q->key && strcmp(q->key, "keys") != 0)
		return print_rows(call, q);
	if (q->key)
		return print_keys(call, q);
	int status = print_spaces(call);
	if (status != HY_OK)
		return status;
	printf("\n");
	return print_keys(call, q);
}

/** Takes --data and --limit off the front. False: wrong usage. */
static bool take_options(int *argc, char ***argv, struct question *q)
{
	(*argc)--;
	(*argv)++;
	while (*argc > 0 && (*argv)[0][0] == '-') {
		if (*argc < 2)
			return false;
		if (strcmp((*argv)[0], "--data") == 0)
			q->dir = (*argv)[1];
		else if (strcmp((*argv)[0], "--limit") == 0)
			q->limit = (uint32_t)strtoul((*argv)[1], NULL, 10);
		else
			return false;
		*argc -= 2;
		*argv += 2;
	}
	return true;
}

int command_kt(int argc, char **argv)
{
	struct question q = {.dir = "./data"};
	bool help = argc > 1 && strcmp(argv[1], "--help") == 0;
	if (help || !take_options(&argc, &argv, &q) || argc > 2) {
		fprintf(help ? stdout : stderr, "%s", kt_usage);
		return help ? 0 : 2;
	}
	q.key = argc > 0 ? argv[0] : NULL;
	if (q.key && strcmp(q.key, "keys") == 0)
		q.after = argc > 1 ? argv[1] : NULL;
	else
		q.space = argc > 1 ? argv[1] : NULL;
	if (!q.key && !q.limit)
		q.limit = 20;
	return admin_client_look("hongyan kt", q.dir, kt_ask, &q) == HY_OK ? 0 : 1;
}
