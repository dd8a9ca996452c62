/** The chats page. */
export const chats = {};
