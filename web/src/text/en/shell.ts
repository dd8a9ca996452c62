import { pluralOf } from "../plural.ts";

const plural = pluralOf("en");

/** The frame around the pages. */
export const shell = {
	navigation: "Main",
	chats: "Chats",
	contacts: "Contacts",
	me: "Me",
	unread: (count: number) => plural(count, { one: "# unread message", other: "# unread messages" }),
	requests: (count: number) => plural(count, { one: "# request", other: "# requests" }),
	connecting: "Connecting…",
	offline: "Offline. What you write is sent when you are back.",
	tryNow: "Try now",
	broken: "This browser does not let the page store anything",
	brokenText:
		"Messages are kept in the browser. Leave private browsing, or allow this site to store data, and load the page again.",
	reload: "Load again",
	newcomer: (name: string) => `Welcome, ${name}`,
	newcomerText: (name: string) =>
		`Others find you by your account’s name, ${name}. Tell it to them, or look for them by theirs.`,
	emptyChat: "Choose a conversation",
	emptyChatText: "Or begin a new one with somebody from your contacts.",
	emptyContact: "Choose somebody",
	emptyContactText: "To see who they are, and to write to them.",
};
