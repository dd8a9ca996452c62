/** language.ts - which language is spoken, and `t`: every string of the page in it. */
import { computed, effect, signal } from "@preact/signals";
import { en, type Text } from "../text/en.ts";
import { zh } from "../text/zh.ts";
import { keep, kept, onKept } from "./kept.ts";

/** Languages that there are tables for. */
export type Language = "en" | "zh";

/** What one can choose. */
export type LanguageChoice = "system" | Language;

/** Each by its own name, for those who look for theirs. */
export const LANGUAGES: readonly { value: Language; label: string }[] = [
	{ value: "en", label: "English" },
	{ value: "zh", label: "中文" },
];

const NAME = "language";
const TABLES: Record<Language, Text> = { en, zh };

function ofBrowser(): Language {
	for (const tag of navigator.languages ?? [navigator.language]) {
		const short = tag.slice(0, 2).toLowerCase();
		if (short === "en" || short === "zh") return short;
	}
	return "en";
}

function choiceOf(value: string | null): LanguageChoice {
	return value === "en" || value === "zh" ? value : "system";
}

const choice = signal<LanguageChoice>(choiceOf(kept(NAME)));

/** What was chosen. */
export const languageChoice = computed(() => choice.value);

/** What is spoken. */
export const language = computed<Language>(() => (choice.value === "system" ? ofBrowser() : choice.value));

/** For Intl: "en-GB" where the browser says so, so that dates are as one knows them. */
export const locale = computed(() => {
	const own = (navigator.languages ?? []).find((tag) => tag.toLowerCase().startsWith(language.value));
	return own ?? (language.value === "zh" ? "zh-CN" : "en");
});

/** Chooses, for all tabs and later visits. */
export function setLanguage(value: LanguageChoice): void {
	choice.value = value;
	keep(NAME, value === "system" ? null : value);
}

/**
 * The strings: `t.chats.title`. Whoever reads one while rendering is rendered again when the language changes. Do not
 * keep one in a constant outside of a component.
 */
export const t: Text = Object.defineProperties(
	{},
	Object.fromEntries(
		Object.keys(en).map((section) => [
			section,
			{ enumerable: true, get: () => TABLES[language.value][section as keyof Text] },
		]),
	),
) as Text;

/** <html lang> follows. */
export function startLanguage(): void {
	onKept(NAME, (value) => (choice.value = choiceOf(value)));
	effect(() => {
		document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
	});
}
