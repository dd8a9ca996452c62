import { pluralOf } from "../plural.ts";

const plural = pluralOf("en");

/** The chats page. */
export const chats = {
	title: "Chats",
	list: "Conversations",
	search: "Search conversations",
	draft: "Draft: ",
	you: "You: ",
	unread: (count: number) => plural(count, { one: "# unread message", other: "# unread messages" }),
	sending: "Sending",
	failed: "Not sent",
	noMessages: "No messages yet",
	requests: (count: number) => plural(count, { one: "# contact request", other: "# contact requests" }),
	requestsOf: (names: string) => `From ${names}`,
	empty: "No conversations yet",
	emptyText: "Find somebody by name, and once they accept you can write to each other.",
	emptyContactsText: "Your contacts are waiting: choose one of them and say hello.",
	addContact: "Add a contact",
	toContacts: "Open contacts",
	nothingFound: "Nothing found",
	nothingFoundText: (search: string) => `No conversation and no contact is called “${search}”.`,
	others: "Other contacts",
	found: (count: number) => plural(count, { one: "# found", other: "# found" }),
};
