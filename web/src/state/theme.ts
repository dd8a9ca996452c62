/** theme.ts - light, dark, or as the system has it; kept, and the same in all tabs. */
import { computed, effect, signal } from "@preact/signals";
import { keep, kept, onKept } from "./kept.ts";

/** What one can choose. */
export type ThemeChoice = "system" | "light" | "dark";

const NAME = "theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(systemDark.matches);

function choiceOf(value: string | null): ThemeChoice {
	return value === "light" || value === "dark" ? value : "system";
}

const choice = signal<ThemeChoice>(choiceOf(kept(NAME)));

/** What was chosen. */
export const themeChoice = computed(() => choice.value);

/** What is shown. */
export const theme = computed<"light" | "dark">(() =>
	choice.value === "system" ? (systemIsDark.value ? "dark" : "light") : choice.value,
);

/** Chooses, for all tabs and later visits. */
export function setTheme(value: ThemeChoice): void {
	choice.value = value;
	keep(NAME, value === "system" ? null : value);
}

/** Puts the theme on <html>, now and whenever it changes; the bar of a phone's browser follows. */
export function startTheme(): void {
	systemDark.addEventListener("change", (event) => (systemIsDark.value = event.matches));
	onKept(NAME, (value) => (choice.value = choiceOf(value)));
	effect(() => {
		const root = document.documentElement;
		root.dataset["theme"] = theme.value;
		const colour = getComputedStyle(root).getPropertyValue("--canvas").trim();
		for (const bar of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) bar.content = colour;
	});
}
