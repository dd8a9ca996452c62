/** WelcomePage.tsx - what one sees first: what this is, and the way in. */
import { Banner } from "../../design/Banner.tsx";
import { Mark } from "../../design/Mark.tsx";
import { SegmentedControl } from "../../design/SegmentedControl.tsx";
import { Skeleton } from "../../design/Skeleton.tsx";
import { endedElsewhere } from "../../state/client.ts";
import { LANGUAGES, language, setLanguage, t } from "../../state/language.ts";
import { serverInfo, serverInfoKnown } from "../../state/server_info.ts";
import { setTheme, themeChoice } from "../../state/theme.ts";
import { Entry } from "./Entry.tsx";
import { Scene } from "./Scene.tsx";
import "./WelcomePage.css";

function Choices() {
	return (
		<footer class="welcome-choices">
			<SegmentedControl
				label={t.common.language}
				value={language.value}
				segments={LANGUAGES}
				onChange={setLanguage}
			/>
			<SegmentedControl
				label={t.common.theme}
				value={themeChoice.value}
				iconsOnly
				segments={[
					{ value: "system", label: t.common.themes.system, icon: "monitor" },
					{ value: "light", label: t.common.themes.light, icon: "sun" },
					{ value: "dark", label: t.common.themes.dark, icon: "moon" },
				]}
				onChange={setTheme}
			/>
		</footer>
	);
}

/** The form's place until it is known who may register here. */
function Waiting() {
	return (
		<div class="welcome-waiting">
			<Skeleton height="40px" />
			<Skeleton height="64px" />
			<Skeleton height="64px" />
			<Skeleton height="40px" />
		</div>
	);
}

/** For who is not signed in. */
export function WelcomePage() {
	return (
		<div class="welcome">
			<Scene />
			<main class="welcome-main">
				<div class="welcome-column">
					<header class="welcome-head">
						<Mark size={64} />
						<h1 class="welcome-title">
							{t.welcome.title} <span lang={t.welcome.titleOtherLanguage}>{t.welcome.titleOther}</span>
						</h1>
						<p class="muted">{t.common.tagline}</p>
					</header>
					{endedElsewhere.value && <Banner icon="signOut">{t.welcome.endedElsewhere}</Banner>}
					{serverInfoKnown.value ? <Entry info={serverInfo.value} /> : <Waiting />}
					<Choices />
				</div>
			</main>
		</div>
	);
}
