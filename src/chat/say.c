/* say.c - sentences for people. See command.h. */
#include <stdio.h>
#include <time.h>

#include "chat/command.h"
#include "chat/text.h"

void chat_say_done(struct hy_buf *out, enum chat_verb verb, const char *name, int status, const char *why)
{
	static const char *const done[CHAT_VERBS_ALL] = {[CHAT_FIND] = "%s was found",
		[CHAT_SEND] = "to %s",
		[CHAT_ADD] = "%s was asked to become your contact",
		[CHAT_ACCEPT] = "%s is your contact now",
		[CHAT_DECLINE] = "%s was declined",
		[CHAT_DELETE] = "%s is no longer your contact; /restore takes that back",
		[CHAT_RESTORE] = "%s is your contact again",
		[CHAT_BLOCK] = "%s is blocked, and is not told",
		[CHAT_UNBLOCK] = "%s is no longer blocked",
		[CHAT_REMARK] = "your name for %s is noted",
		[CHAT_PROFILE] = "your profile is changed",
		[CHAT_SETTINGS] = "your settings are changed",
		[CHAT_PASSWORD] = "the password is changed; all other devices are signed out; this one stays",
		[CHAT_SIGN_OUT] = "signed out: %s"};
	if (status == HONGYAN_OK) {
		const char *mark = strstr(done[verb], "%s");
		hy_buf_append(out, done[verb], mark ? (size_t)(mark - done[verb]) : strlen(done[verb]));
		if (mark)
			hy_buf_printf(out, "%s%s", name, mark + 2);
		return;
	}
	if (name[0])
		hy_buf_printf(out, "%s: ", name);
	hy_buf_append(out, why, strlen(why));
}

static void append_time(struct hy_buf *out, uint64_t ms)
{
	char text[32];
	time_t seconds = (time_t)(ms / 1000);
	struct tm local;
	localtime_r(&seconds, &local);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
	hy_buf_append(out, text, strlen(text));
}

void chat_say_devices(struct hy_buf *out, const struct hongyan_device *devices, size_t count)
{
	hy_buf_printf(out, "Your devices:");
	for (size_t i = 0; i < count; i++) {
		const struct hongyan_device *d = &devices[i];
		hy_buf_printf(out, "\n  %-32s  ", d->device);
		chat_text_append_visible(out, d->name, strlen(d->name));
		if (d->this_one) {
			hy_buf_printf(out, ", this one");
		} else if (d->online) {
			hy_buf_printf(out, ", online");
		} else if (d->seen_ms) {
			hy_buf_printf(out, ", last used ");
			append_time(out, d->seen_ms);
		}
	}
	hy_buf_printf(out, "\n/signout NAME ends one of them, /signout all all but this one.");
}

const char *chat_person_title(const struct chat_person *p, char *text, size_t size)
{
	const char *title = p->remark[0] ? p->remark : p->nickname[0] ? p->nickname : p->name;
	if (title[0])
		snprintf(text, size, "%s", title);
	else
		snprintf(text, size, "#%u", p->uin);
	return text;
}

const char *chat_person_relation(const struct chat_person *p)
{
	if (p->gone)
		return "account deleted";
	if (p->blocked)
		return "blocked";
	switch (p->relation) {
	case HONGYAN_RELATION_OUTGOING:
		return "asked by you, no answer yet";
	case HONGYAN_RELATION_INCOMING:
		return "asks to become your contact";
	case HONGYAN_RELATION_CONTACT:
		return "contact";
	case HONGYAN_RELATION_ENDED:
		return "declined, or ended it";
	case HONGYAN_RELATION_NONE:
		break;
	}
	return "not a contact";
}
