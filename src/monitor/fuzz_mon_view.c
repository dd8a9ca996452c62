/* The reader of a monitor's file: whatever the bytes, all that it hands out lies within them, and can be printed. */
#include "base/mem.h"
#include "monitor/mon_prom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mon_view v;
	struct mon_value found;
	const char *why;
	struct hy_buf out = {0};
	void *copy = hy_memdup(data, size); /* aligned, and with an end that sanitizers guard */
	if (mon_view_init(&v, hy_bytes(copy, size), &why) == HY_OK) {
		for (unsigned i = 0; i < v.entry_count; i++) {
			struct mon_value value = mon_view_value(&v, i);
			for (unsigned slot = 0; slot < value.slots; slot++)
				mon_view_sum(&v, &value, slot);
			bool is_found = mon_view_find(&v, value.name, value.label, &found);
			assert(is_found);
		}
		if (v.entry_count < 64)
			mon_prom(&v, &out);
	} else {
		assert(why[0]);
	}
	hy_buf_fini(&out);
	hy_free(copy);
	return 0;
}
