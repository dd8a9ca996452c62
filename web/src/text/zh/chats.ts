import type { Text } from "../en.ts";

/** The chats page. */
export const chats: Text["chats"] = {};
