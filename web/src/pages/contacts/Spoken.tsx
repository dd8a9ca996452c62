/** Spoken.tsx - words that are seen short and heard in full: "Accept", heard as "Accept Ann". */

export function Spoken({ seen, heard }: { seen: string; heard: string }) {
	return (
		<>
			<span aria-hidden="true">{seen}</span>
			<span class="sr-only">{heard}</span>
		</>
	);
}
