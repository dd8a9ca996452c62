/** The conversation page. */
export const conversation = {};
