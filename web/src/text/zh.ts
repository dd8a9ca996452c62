/** zh.ts - every string of the page, in Chinese (simplified). */
import type { Text } from "./en.ts";
import { chats } from "./zh/chats.ts";
import { common } from "./zh/common.ts";
import { contacts } from "./zh/contacts.ts";
import { conversation } from "./zh/conversation.ts";
import { errors } from "./zh/errors.ts";
import { me } from "./zh/me.ts";
import { shell } from "./zh/shell.ts";
import { welcome } from "./zh/welcome.ts";

/** The table, by page. */
export const zh: Text = { common, shell, errors, welcome, chats, conversation, contacts, me };
