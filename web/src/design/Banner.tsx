/** Banner.tsx - one line about the state of things, above a page or within it. */
import type { ComponentChildren } from "preact";
import { Button } from "./Button.tsx";
import { Icon, type IconName } from "./Icon.tsx";
import "./Banner.css";

/** What Banner takes. */
export interface BannerProps {
	/** info: calm. warn: something does not work now. danger: something went wrong. */
	kind?: "info" | "warn" | "danger";
	icon?: IconName;
	children: ComponentChildren;
	/** What can be done about it. */
	action?: { label: string; onClick: () => void };
}

/** Read out when it comes: at once where it is a danger, else when there is a pause. */
export function Banner({ kind = "info", icon = "info", children, action }: BannerProps) {
	return (
		<div class={`banner banner-${kind}`} role={kind === "danger" ? "alert" : "status"}>
			<Icon name={icon} size={20} />
			<div class="banner-words">{children}</div>
			{action && (
				<Button kind="quiet" small onClick={action.onClick}>
					{action.label}
				</Button>
			)}
		</div>
	);
}
