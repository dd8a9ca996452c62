/** Badge.tsx - how many are new. */
import "./Badge.css";

/** Nothing for 0, "99+" above that. `label` is what is heard instead of the number: "3 unread". */
export function Badge({ count, label, quiet }: { count: number; label?: string; quiet?: boolean }) {
	if (count <= 0) return null;
	const text = count > 99 ? "99+" : String(count);
	return (
		<span class={quiet ? "badge badge-quiet" : "badge"}>
			{label ? (
				<>
					<span aria-hidden="true">{text}</span>
					<span class="sr-only">{label}</span>
				</>
			) : (
				text
			)}
		</span>
	);
}
