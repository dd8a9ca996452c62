/** AboutSection.tsx - what this is, of which version, and what it is built with. */
import { useEffect } from "preact/hooks";
import { Icon } from "../../design/Icon.tsx";
import { Mark } from "../../design/Mark.tsx";
import { t } from "../../state/language.ts";
import { loadServerInfo, serverInfo } from "../../state/server_info.ts";
import { Fact } from "../contacts/ContactFacts.tsx";
import "./AboutSection.css";

/** The version is the server's, as it says just now. */
export function AboutSection() {
	useEffect(() => void loadServerInfo(), []);
	return (
		<>
			<div class="about-head">
				<Mark size={88} />
				<p class="about-name">{t.common.product}</p>
				<p class="muted">{t.me.aboutText}</p>
			</div>
			<dl class="card facts">
				<Fact name={t.me.server}>{location.host}</Fact>
				<Fact name={t.me.version}>{serverInfo.value?.version || "–"}</Fact>
			</dl>
			<p class="about-links">
				<a href="/licences.txt" target="_blank" rel="noopener">
					{t.me.licences}
					<Icon name="chevronRight" size={16} />
				</a>
			</p>
		</>
	);
}
