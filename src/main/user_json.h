/**
 * user_json.h - users as `hongyan user --json` prints them: each field is there, also where it is zero, and numbers are
 * numbers (64-bit ones as decimal strings from 2^53 on, since not every reader of JSON has more).
 */
#ifndef MAIN_USER_JSON_H
#define MAIN_USER_JSON_H

#include "admin.pb-c.h"

/** To stdout, a line. */
void user_json_line(const Hy__AdminUser *user);
/** With devices. */
void user_json_whole(const Hy__AdminShowUserResponse *response);

#endif
