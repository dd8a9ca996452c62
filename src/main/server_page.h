/**
 * server_page.h - GET /server.json: what a page has to know of this server before anybody has signed in.
 *
 *	{"version":"0.1.0","registration":"open","demo":[{"name":"ann","password":"..."}]}
 *
 * `registration` as in the setting (open, invitation, off); `demo` is there only while demo users are shown.
 */
#ifndef MAIN_SERVER_PAGE_H
#define MAIN_SERVER_PAGE_H

#include "access/access.h"
#include "logic/auth/auth.h"

struct server_page {
	enum auth_registration registration;
	bool demo; /* atomic */
};

/** `page` outlives the access layer. Before svr_start. */
void server_page_add(struct server_page *page, struct access *access);

#endif
