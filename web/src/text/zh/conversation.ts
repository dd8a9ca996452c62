import type { Text } from "../en.ts";

/** The conversation page. */
export const conversation: Text["conversation"] = {};
