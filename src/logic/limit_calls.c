#include "logic/limit_calls.h"

#include <sodium.h>
#include <stdio.h>

#include "base/key.h"

#define KEY_LONGEST (HY_KEY_MAX - 1u)
#define HASH_SIZE 16u
#define TEXT_MAX 256u

/** Only what the limit says counts: it must not be what fails a request. */
static int outcome(struct call *call, int rc)
{
	if (rc == HY_RESOURCE_EXHAUSTED)
		return rc;
	call->message = NULL;
	call->retry_after_ms = 0;
	return HY_OK;
}

int limit_user(struct call *call, Hy__LimitAction action)
{
	Hy__LimitTakeUserRequest request = HY__LIMIT_TAKE_USER_REQUEST__INIT;
	Hy__LimitTakeResponse response = HY__LIMIT_TAKE_RESPONSE__INIT;

	request.uin = call->who.uin;
	request.action = action;
	return outcome(call, limit_take_user(call, &request, &response));
}

static int take_key(struct call *call, Hy__LimitAction action, char *key, bool give_back)
{
	Hy__LimitTakeKeyRequest request = HY__LIMIT_TAKE_KEY_REQUEST__INIT;
	Hy__LimitTakeResponse response = HY__LIMIT_TAKE_RESPONSE__INIT;

	request.key = key;
	request.action = action;
	request.give_back = give_back;
	return outcome(call, limit_take_key(call, &request, &response));
}

int limit_address(struct call *call, Hy__LimitAction action)
{
	char key[KEY_LONGEST + 1];

	if (!call->address)
		return HY_OK;
	snprintf(key, sizeof key, "%s", call->address);
	return take_key(call, action, key, false);
}

/** "ann from 192.0.2.7"; what is longer than a key is hashed, but begins as it did, for the log. */
static void name_key(const char *name, const char *and, char key[KEY_LONGEST + 1])
{
	char text[TEXT_MAX], hex[2 * HASH_SIZE + 1];
	uint8_t hash[HASH_SIZE];

	int len = and? snprintf(text, sizeof text, "%s from %s", name, and) : snprintf(text, sizeof text, "%s", name);
	if (len <= (int)KEY_LONGEST) {
		memcpy(key, text, (size_t)len + 1);
		return;
	}
	crypto_generichash(hash, sizeof hash, (const uint8_t *)text, HY_MIN((size_t)len, sizeof text - 1), NULL, 0);
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
	snprintf(key, KEY_LONGEST + 1, "%.6s %s", text, hex);
}

int limit_name(struct call *call, Hy__LimitAction action, const char *name, const char *and)
{
	char key[KEY_LONGEST + 1];

	name_key(name, and, key);
	return take_key(call, action, key, false);
}

void limit_name_give_back(struct call *call, Hy__LimitAction action, const char *name, const char *and)
{
	char key[KEY_LONGEST + 1];
	struct call own = *call; /* the caller's answer stays as it is, and its time may be over */

	own.deadline_us = UINT64_MAX;
	name_key(name, and, key);
	(void)take_key(&own, action, key, true);
}
