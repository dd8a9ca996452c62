/** plural.ts - "1 message", "2 messages": the word that goes with a number, in one language. */

/** `other` is for all numbers that have no form of their own. */
export type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** Returns what chooses the form for a number and puts the number in the place of '#'. */
export function pluralOf(tag: string): (count: number, forms: Forms) => string {
	const rules = new Intl.PluralRules(tag);
	const numbers = new Intl.NumberFormat(tag);
	return (count, forms) => (forms[rules.select(count)] ?? forms.other).replace("#", numbers.format(count));
}
