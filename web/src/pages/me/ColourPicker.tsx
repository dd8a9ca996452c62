/** ColourPicker.tsx - the colour of one's avatar: radio buttons that look like what they stand for. */
import type { Uin } from "hongyan";
import { useId } from "preact/hooks";
import { avatarColour } from "../../design/avatar_colour.ts";
import { Icon } from "../../design/Icon.tsx";
import { t } from "../../state/language.ts";
import { COLOURS } from "./colours.ts";
import "./ColourPicker.css";

/** What ColourPicker takes. 0: the colour that goes by the UIN. */
export interface ColourPickerProps {
	uin: Uin;
	value: number;
	onChange: (colour: number) => void;
}

/** A colour that was chosen by another program, and is none of ours, stands at the end. */
export function ColourPicker({ uin, value, onChange }: ColourPickerProps) {
	const name = useId();
	const ours = COLOURS.map((one) => ({ colour: one.colour, label: t.me.colours[one.name] }));
	const choices = [{ colour: 0, label: t.me.automatic }, ...ours];
	if (!choices.some((one) => one.colour === value)) choices.push({ colour: value, label: t.me.ownColour });
	return (
		<fieldset class="colours">
			<legend class="field-label">{t.me.colour}</legend>
			<div class="colours-row">
				{choices.map(({ colour, label }) => (
					<label class="colour" key={colour} title={label}>
						<input
							class="colour-input"
							type="radio"
							name={name}
							value={colour}
							checked={colour === value}
							aria-label={label}
							onChange={() => onChange(colour)}
						/>
						<span class="colour-face" style={{ backgroundColor: avatarColour(uin, colour) }}>
							{colour === value ? (
								<Icon name="check" size={20} />
							) : (
								colour === 0 && <span class="colour-auto">A</span>
							)}
						</span>
					</label>
				))}
			</div>
		</fieldset>
	);
}
