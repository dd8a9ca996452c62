#include "logic/auth/password.h"

#include <sodium.h>
#include <stdio.h>

#include "base/mem.h"

#define HASH_SIZE 32u
#define BUSY_RETRY_MS 2000u

struct password_job {
	struct svr_job job;
	struct password_cost cost;
	bool verify;
	uint8_t salt[crypto_pwhash_argon2id_SALTBYTES];
	char hash[PASSWORD_HASH_MAX];
	int status;
	size_t len;
	char password[];
};

/** With a salt from the env: crypto_pwhash_str() would take one that no simulation can repeat. The string is the same.
 */
static int make_hash(
	const struct password_cost *cost, const uint8_t *salt, const char *password, size_t len, char *ret_hash)
{
	uint8_t hash[HASH_SIZE];
	char salt_text[32], hash_text[64];

	if (crypto_pwhash_argon2id(hash, sizeof hash, password, len, salt, cost->passes, cost->bytes,
		    crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		return HY_RESOURCE_EXHAUSTED;
	sodium_bin2base64(salt_text, sizeof salt_text, salt, crypto_pwhash_argon2id_SALTBYTES,
		sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	sodium_bin2base64(hash_text, sizeof hash_text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	snprintf(ret_hash, PASSWORD_HASH_MAX, "$argon2id$v=19$m=%u,t=%u,p=1$%s$%s", cost->bytes / 1024, cost->passes,
		salt_text, hash_text);
	sodium_memzero(hash, sizeof hash);
	return HY_OK;
}

/** False: it is no hash of ours. */
static bool cost_of(const char *hash, struct password_cost *ret_cost)
{
	unsigned kib, passes;

	if (sscanf(hash, "$argon2id$v=19$m=%u,t=%u,", &kib, &passes) != 2 || kib > UINT32_MAX / 1024)
		return false;
	*ret_cost = (struct password_cost){passes, kib * 1024};
	return true;
}

bool password_hash_costs(const char *hash, const struct password_cost *cost)
{
	struct password_cost is;

	return cost_of(hash, &is) && is.passes == cost->passes && is.bytes / 1024 == cost->bytes / 1024;
}

bool password_padding(const char *hash, const struct password_cost *cost, struct password_cost *ret_padding)
{
	struct password_cost is = {0, 0};

	(void)cost_of(hash, &is); /* a damaged one is no work at all */
	/* the time is that of passes over memory */
	uint64_t wanted = (uint64_t)cost->passes * cost->bytes, done_by_hash = (uint64_t)is.passes * is.bytes;
	if (done_by_hash >= wanted)
		return false;
	uint64_t bytes = (wanted - done_by_hash) / cost->passes;
	if (bytes < crypto_pwhash_argon2id_MEMLIMIT_MIN)
		return false;
	*ret_padding = (struct password_cost){cost->passes, (uint32_t)bytes};
	return true;
}

static void pad(const struct password_job *p)
{
	static const uint8_t salt[crypto_pwhash_argon2id_SALTBYTES];
	struct password_cost padding;
	char hash[PASSWORD_HASH_MAX];

	if (password_padding(p->hash, &p->cost, &padding))
		(void)make_hash(&padding, salt, p->password, p->len, hash);
	sodium_memzero(hash, sizeof hash);
}

static void run(struct svr_job *job)
{
	struct password_job *p = hy_container_of(job, struct password_job, job);

	if (!p->verify) {
		p->status = make_hash(&p->cost, p->salt, p->password, p->len, p->hash);
	} else if (crypto_pwhash_argon2id_str_verify(p->hash, p->password, p->len) != 0) {
		p->status = HY_UNAUTHENTICATED;
		pad(p);
	}
	sodium_memzero(p->password, p->len);
}

static void done(struct svr_job *job)
{
	struct password_job *p = hy_container_of(job, struct password_job, job);

	sodium_memzero(p->password, p->len);
	hy_free(p);
}

static struct password_job *make_job(const char *password)
{
	size_t len = strlen(password);
	struct password_job *p = hy_zalloc(sizeof *p + len + 1);

	p->job.run = run;
	p->job.done = done;
	p->len = len;
	memcpy(p->password, password, len);
	return p;
}

static int submit(struct svr_pool *pool, struct call *call, struct password_job *p)
{
	int rc = svr_pool_call(pool, call, &p->job);

	if (rc == HY_RESOURCE_EXHAUSTED)
		return call_fail_retry(call, rc, BUSY_RETRY_MS, "too many people sign in at once");
	return rc;
}

int password_hash(struct svr_pool *pool, struct call *call, const struct password_cost *cost, const char *password,
	char ret_hash[PASSWORD_HASH_MAX])
{
	struct password_job *p = make_job(password);

	p->cost = *cost;
	env_random(svr_env(svr_of_loop(call->loop)), p->salt, sizeof p->salt);
	int rc = submit(pool, call, p);
	if (rc != HY_OK)
		return rc;
	rc = p->status;
	memcpy(ret_hash, p->hash, PASSWORD_HASH_MAX);
	done(&p->job);
	if (rc != HY_OK)
		return call_fail_retry(call, rc, BUSY_RETRY_MS, "there is no memory to hash a password now");
	return HY_OK;
}

int password_verify(struct svr_pool *pool, struct call *call, const struct password_cost *cost, const char *hash,
	const char *password)
{
	size_t len = strlen(hash);

	if (len >= PASSWORD_HASH_MAX)
		return call_fail(call, HY_DATA_LOSS, "the account's credential is damaged");
	struct password_job *p = make_job(password);
	p->verify = true;
	p->cost = *cost;
	memcpy(p->hash, hash, len + 1);
	int rc = submit(pool, call, p);
	if (rc != HY_OK)
		return rc;
	rc = p->status;
	done(&p->job);
	return rc;
}

int password_hash_of_nobody(struct env *env, const struct password_cost *cost, char ret_hash[PASSWORD_HASH_MAX])
{
	uint8_t salt[crypto_pwhash_argon2id_SALTBYTES];
	char password[32];

	env_random(env, salt, sizeof salt);
	env_random(env, password, sizeof password);
	return make_hash(cost, salt, password, sizeof password, ret_hash);
}
