/**
 * config_value.h - one setting's value between its text and its type. For config.c alone.
 */
#ifndef HY_CONFIG_VALUE_H
#define HY_CONFIG_VALUE_H

#include "base/config.h"

struct hy_config_value {
	bool truth;          /* HY_CONFIG_BOOL */
	uint64_t number;     /* all that count */
	struct hy_rate rate; /* HY_CONFIG_RATE */
};

bool hy_config_is_text(enum hy_config_type type);
/** False when the text does not fit the item's type or range. Texts leave *ret_v alone. */
bool hy_config_value_parse(
	const struct hy_config_item *item, const char *text, struct hy_config_value *ret_v) HY_MUST_USE;
/** Appends "a size from 16M to 1T, such as 512M". */
void hy_config_value_allowed(const struct hy_config_item *item, struct hy_buf *out);
/** "BYTES": what stands for the value in --help. Static storage. */
const char *hy_config_value_word(enum hy_config_type type);

#endif
