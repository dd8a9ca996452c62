/* server_page.c - see server_page.h. */
#include "main/server_page.h"

#include "main/commands.h"
#include "main/demo_content.h"

static const char *registration_text(enum auth_registration registration)
{
	switch (registration) {
	case AUTH_REGISTRATION_INVITATION:
		return "invitation";
	case AUTH_REGISTRATION_OFF:
		return "off";
	default:
		return "open";
	}
}

/** Names and password are letters: nothing has to be escaped. */
static void put_demo(struct hy_buf *body)
{
	for (unsigned i = 0; i < DEMO_USERS; i++)
		hy_buf_printf(body, "%s{\"name\":\"%s\",\"password\":\"" DEMO_PASSWORD "\"}",
			i == 0 ? ",\"demo\":[" : ",", demo_users[i].name);
	hy_buf_printf(body, "]");
}

static void fill(void *arg, struct access_page_answer *answer)
{
	const struct server_page *page = arg;
	answer->type = "application/json";
	hy_buf_printf(&answer->body, "{\"version\":\"" HONGYAN_VERSION "\",\"registration\":\"%s\"",
		registration_text(page->registration));
	if (__atomic_load_n(&page->demo, __ATOMIC_RELAXED))
		put_demo(&answer->body);
	hy_buf_printf(&answer->body, "}\n");
}

void server_page_add(struct server_page *page, struct access *access)
{
	access_add_page(access, &(struct access_page){"/server.json", ACCESS_PUBLIC, fill, page});
}
