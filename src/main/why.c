/* why.c - see why.h. */
#include "main/why.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

char *why_printf(const char *fmt, ...)
{
	va_list ap;
	assert(fmt); /* gcc under UBSan takes it for possible otherwise, and warns */
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	char *text = hy_alloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}
