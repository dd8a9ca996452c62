/* What the log and RocksDB give back gets any bytes; what the decoders take must be within its bounds and encode to the
 * same meaning. */
#include "base/mem.h"
#include "kt/place.h"
#include "kt/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kt_space spaces[] = {
	{1, KT_LOG, "log", NULL}, {2, KT_MAP, "map", NULL}, {3, KT_WINDOW, "window", NULL}};

static void check_same(const struct kt_group *a, const struct kt_group *b)
{
	assert(hy_key_equal(&a->key, &b->key) && a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct kt_effect *x = &a->effects[i], *y = &b->effects[i];
		assert(x->kind == y->kind && x->space == y->space && x->version == y->version && x->total == y->total);
		assert(hy_bytes_equal(x->name, y->name) && hy_bytes_equal(x->value, y->value));
	}
}

static void decode_groups(struct hy_bytes in)
{
	const struct kt_space *by_id[KT_SPACE_ID_MAX + 1] = {NULL, &spaces[0], &spaces[1], &spaces[2]};
	struct kt_group group, again;
	while (in.len && kt_record_decode(by_id, &in, &group)) {
		struct hy_buf out = {0};
		assert(group.key.len > 0 && group.key.len <= HY_KEY_MAX && group.count > 0 &&
			group.count <= KT_OPS_MAX);
		kt_record_encode(&group.key, group.effects, group.count, &out);
		assert(hy_buf_len(&out) <= kt_record_size_max(&group.key, group.effects, group.count));
		struct hy_bytes bytes = hy_buf_bytes(&out);
		bool good = kt_record_decode(by_id, &bytes, &again);
		assert(good && bytes.len == 0);
		check_same(&group, &again);
		hy_buf_fini(&out);
	}
}

static void decode_rows(struct hy_bytes in)
{
	struct place_table t;
	uint64_t number;
	bool deleted;
	struct hy_bytes value;
	struct hy_key key;
	if (place_get_log_value(in, &number, &value) || place_get_window_value(in, &number, &value))
		assert(value.len <= KT_VALUE_MAX);
	if (place_get_map_value(in, &number, &deleted, &value))
		assert(value.len <= KT_VALUE_MAX);
	if (place_get_map_name(in, &value))
		assert(value.len > 0 && value.len <= KT_NAME_MAX);
	if (place_get_key(in, &key))
		assert(key.len > 0 && key.len <= HY_KEY_MAX);
	(void)place_is_expired(in, UINT64_MAX);
	while (in.len && place_get_table(&in, &t))
		assert(t.space > 0 && t.space <= KT_SPACE_ID_MAX && t.trimmed <= t.version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own, so that a byte too far is seen. */
	uint8_t *copy = hy_memdup(data, size);
	decode_groups(hy_bytes(copy, size));
	decode_rows(hy_bytes(copy, size));
	hy_free(copy);
	return 0;
}
