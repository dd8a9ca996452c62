/**
 * demo_content.h - who the demo users are and what they have said to each other, as tables. What is made of them:
 * demo.c.
 */
#ifndef MAIN_DEMO_CONTENT_H
#define MAIN_DEMO_CONTENT_H

#include "base/base.h"

/** Of all of them. Everybody knows it: that is why they are never shown to another machine (demo.h). */
#define DEMO_PASSWORD "demo-goose"

enum demo_name { DEMO_ANN, DEMO_BEN, DEMO_MEILIN, DEMO_WEI, DEMO_SOFIA, DEMO_OTTO, DEMO_USERS };

struct demo_user {
	const char *name, *nickname, *signature, *region;
	uint32_t colour; /* 0xRRGGBB */
};

/** One has asked the other, who has accepted or still thinks about it. Remarks: NULL for none. */
struct demo_contact {
	uint8_t asker, asked; /* enum demo_name */
	bool accepted;
	const char *greeting, *remark_of_asked, *remark_of_asker; /* what the asker calls the asked; and the opposite */
};

struct demo_text {
	uint8_t from, to;
	const char *text;
};

extern const struct demo_user demo_users[DEMO_USERS];
extern const struct demo_contact demo_contacts[];
extern const unsigned demo_contact_count;
/** In the order in which they were sent. */
extern const struct demo_text demo_texts[];
extern const unsigned demo_text_count;

#endif
