/**
 * en.ts - every string of the page, in English; its type is what every other language has to say. One file for each
 * page, in en/, so that a page and its words change together.
 */
import { chats } from "./en/chats.ts";
import { common } from "./en/common.ts";
import { contacts } from "./en/contacts.ts";
import { conversation } from "./en/conversation.ts";
import { errors } from "./en/errors.ts";
import { me } from "./en/me.ts";
import { shell } from "./en/shell.ts";
import { welcome } from "./en/welcome.ts";

/** The table, by page. */
export const en = { common, shell, errors, welcome, chats, conversation, contacts, me };

/** What a language has to say. */
export type Text = typeof en;
