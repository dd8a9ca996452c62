/** Avatar.tsx - somebody's first letter on their colour. */
import { avatarColour, initialOf, readableOn } from "./avatar_colour.ts";
import "./Avatar.css";

/** What Avatar takes. */
export interface AvatarProps {
	uin: number;
	/** As it is shown beside it. */
	name: string;
	/** 0xRRGGBB; 0 or absent: one that goes by the UIN. */
	colour?: number;
	/** CSS pixels. */
	size?: number;
}

/** An ornament: the name stands beside it, so a screen reader is not told. */
export function Avatar({ uin, name, colour = 0, size = 44 }: AvatarProps) {
	const ground = avatarColour(uin, colour);
	const style = {
		width: `${size}px`,
		height: `${size}px`,
		fontSize: `${Math.round(size * 0.42)}px`,
		color: readableOn(ground),
		backgroundColor: ground,
	};
	return (
		<span class="avatar" style={style} aria-hidden="true">
			{initialOf(name)}
		</span>
	);
}
