/** LooksSection.tsx - the language and the theme of this browser. */
import { SegmentedControl } from "../../design/SegmentedControl.tsx";
import { languageChoice, LANGUAGES, setLanguage, t, type LanguageChoice } from "../../state/language.ts";
import { setTheme, themeChoice, type ThemeChoice } from "../../state/theme.ts";

/** At once, and in all tabs. */
export function LooksSection() {
	const languages: { value: LanguageChoice; label: string }[] = [
		{ value: "system", label: t.common.themes.system },
		...LANGUAGES,
	];
	const themes: { value: ThemeChoice; label: string; icon: "monitor" | "sun" | "moon" }[] = [
		{ value: "system", label: t.common.themes.system, icon: "monitor" },
		{ value: "light", label: t.common.themes.light, icon: "sun" },
		{ value: "dark", label: t.common.themes.dark, icon: "moon" },
	];
	return (
		<>
			<h2 class="sheet-heading">{t.common.language}</h2>
			<SegmentedControl
				wide
				label={t.common.language}
				value={languageChoice.value}
				segments={languages}
				onChange={setLanguage}
			/>
			<h2 class="sheet-heading">{t.common.theme}</h2>
			<SegmentedControl
				wide
				label={t.common.theme}
				value={themeChoice.value}
				segments={themes}
				onChange={setTheme}
			/>
			<p class="sheet-note">{t.me.looksHint}</p>
		</>
	);
}
