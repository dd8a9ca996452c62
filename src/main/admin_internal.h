/**
 * admin_internal.h - between the files of the Admin service.
 */
#ifndef MAIN_ADMIN_INTERNAL_H
#define MAIN_ADMIN_INTERNAL_H

#include "kt/kt.h"
#include "main/audit.h"

struct admin {
	struct kt *kt;
	struct audit *audit; /* NULL: to the log alone */
};

#endif
