/** Deed.tsx - one thing that can be done, on a line of its own, with what it means below. */
import { Icon, type IconName } from "../../design/Icon.tsx";
import "./Deed.css";

/** What Deed takes. */
export interface DeedProps {
	icon: IconName;
	title: string;
	hint: string;
	danger?: boolean;
	/** Something is under way. */
	busy: boolean;
	onClick: () => void;
}

/** Put them into a <ul class="card deeds">: each is an <li>. */
export function Deed({ icon, title, hint, danger, busy, onClick }: DeedProps) {
	return (
		<li>
			<button
				type="button"
				class={danger ? "deed deed-danger" : "deed"}
				aria-disabled={busy ? "true" : undefined}
				onClick={() => !busy && onClick()}
			>
				<Icon name={icon} size={20} />
				<span class="deed-words">
					<span class="deed-title">{title}</span>
					<span class="deed-hint">{hint}</span>
				</span>
			</button>
		</li>
	);
}
