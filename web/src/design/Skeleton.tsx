/** Skeleton.tsx - the place of what is not there yet, so that nothing jumps when it comes. */
import "./Skeleton.css";

/** A bar; `width` and `height` are CSS lengths, `round` a circle's corners. */
export function Skeleton({
	width = "100%",
	height = "1em",
	round,
}: {
	width?: string;
	height?: string;
	round?: boolean;
}) {
	return <span class={round ? "skeleton skeleton-round" : "skeleton"} style={{ width, height }} aria-hidden="true" />;
}

/** Rows as ListRow draws them; `label` is heard: "Loading". */
export function SkeletonRows({ count = 6, label }: { count?: number; label: string }) {
	return (
		<div class="skeleton-rows" role="status">
			<span class="sr-only">{label}</span>
			{Array.from({ length: count }, (_, index) => (
				<div class="skeleton-row" key={index}>
					<Skeleton width="44px" height="44px" round />
					<span class="skeleton-lines">
						<Skeleton width={`${32 + ((index * 17) % 28)}%`} height="12px" />
						<Skeleton width={`${56 + ((index * 23) % 34)}%`} height="10px" />
					</span>
				</div>
			))}
		</div>
	);
}
