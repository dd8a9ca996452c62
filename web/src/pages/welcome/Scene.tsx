/** Scene.tsx - dusk over a lake, and the geese on their way. An ornament. */
import "./Scene.css";

/** Place and size of each goose of the skein: 人, the figure that geese fly in. */
const SKEIN: readonly [x: number, y: number, size: number][] = [
	[418, 232, 1],
	[372, 224, 0.92],
	[330, 222, 0.85],
	[292, 224, 0.78],
	[258, 230, 0.72],
	[384, 262, 0.92],
	[352, 290, 0.85],
	[322, 316, 0.78],
];

const GOOSE =
	"M-22 6c7 0 12-1 17-4C-6-4-9-11-14-17c10 4 17 10 20 19 4 0 7-2 9-5 1-2 3-2 5-2l4 2-4 1c-1 1-2 2-2 3-2 6-7 11-16 11-8 0-16-2-24-6z";

/** Fills what it stands in, from the middle. */
export function Scene() {
	return (
		<div class="scene" aria-hidden="true">
			<svg viewBox="0 0 640 800" preserveAspectRatio="xMidYMax slice" focusable="false">
				<defs>
					<linearGradient id="scene-sky" x1="0" y1="0" x2="0" y2="1">
						<stop class="scene-sky-top" offset="0" />
						<stop class="scene-sky-low" offset="0.72" />
					</linearGradient>
					<linearGradient id="scene-water" x1="0" y1="0" x2="0" y2="1">
						<stop class="scene-water-far" offset="0" />
						<stop class="scene-water-near" offset="1" />
					</linearGradient>
				</defs>
				<rect class="scene-sky" width="640" height="800" />
				<circle class="scene-sun" cx="440" cy="420" r="92" />
				<path
					class="scene-far"
					d="M0 505c60-30 90-62 140-70 46-6 70 34 112 36 52 2 74-56 132-60 50-3 78 46 124 52 48 6 84-26 132-30v140H0z"
				/>
				<path
					class="scene-near"
					d="M0 540c50-14 104-44 160-40 60 4 96 42 160 44 70 2 110-40 176-40 54 0 96 24 144 30v60H0z"
				/>
				<rect class="scene-water" y="560" width="640" height="240" />
				<path class="scene-glint" d="M376 592h128M400 616h96M356 644h120M412 674h84M388 708h60" />
				<g class="scene-geese">
					{SKEIN.map(([x, y, size]) => (
						<path key={x} d={GOOSE} transform={`translate(${x} ${y}) scale(${size}) rotate(-8)`} />
					))}
				</g>
				<path
					class="scene-reeds"
					d="M36 800c2-60-4-110-18-160M52 800c0-74 6-128 22-190M70 800c-2-52 4-92 20-136M26 800c-4-44-12-76-26-104M96 800c0-40 8-70 24-96"
				/>
				<path
					class="scene-heads"
					d="M18 640c-7-12-9-26-6-40 7 12 9 26 6 40zM74 610c-2-14 2-28 10-40 3 15-1 29-10 40zM90 664c-1-12 3-24 11-34 2 13-2 25-11 34z"
				/>
			</svg>
		</div>
	);
}
