/**
 * web.h - the page that the program carries: files built from web/, as script/web-build writes them.
 */
#ifndef MAIN_WEB_H
#define MAIN_WEB_H

#include "access/access.h"

extern const struct access_file web_files[];
extern const unsigned web_file_count;

#endif
