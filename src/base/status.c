#include "base/status.h"

const char *hy_status_name(int status)
{
	switch (status) {
#define X(name, value, text) \
	case value:          \
		return #name;
		HY_STATUS_MAP(X)
#undef X
	}
	return "?";
}

const char *hy_status_text(int status)
{
	switch (status) {
#define X(name, value, text) \
	case value:          \
		return text;
		HY_STATUS_MAP(X)
#undef X
	}
	return "a status of no known meaning";
}
