/** ColourPicker.tsx - the colour of one's avatar: radio buttons that look like what they stand for. */
import type { Uin } from "hongyan";
import { useId } from "preact/hooks";
import { avatarColour, readableOn } from "../../design/avatar_colour.ts";
import { Icon } from "../../design/Icon.tsx";
import { t } from "../../state/language.ts";
import { COLOURS } from "./colours.ts";
import "./ColourPicker.css";

/** What ColourPicker takes. `saved`: what others see now; 0: the colour that goes by the UIN. */
export interface ColourPickerProps {
	uin: Uin;
	value: number;
	saved: number;
	onChange: (colour: number) => void;
}

/** A colour that the account was given, or another program chose, stands before ours. */
export function ColourPicker({ uin, value, saved, onChange }: ColourPickerProps) {
	const name = useId();
	const shown = (colour: number) => avatarColour(uin, colour);
	const ours = COLOURS.map((one) => ({ colour: one.colour, label: t.me.colours[one.name] }));
	const isOurs = ours.some((one) => one.colour === saved);
	const choices = isOurs ? ours : [{ colour: saved, label: t.me.colourSoFar }, ...ours];
	return (
		<fieldset class="colours">
			<legend class="field-label">{t.me.colour}</legend>
			<div class={isOurs ? "colours-row" : "colours-row colours-row-more"}>
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
						<span
							class="colour-face"
							style={{ backgroundColor: shown(colour), color: readableOn(shown(colour)) }}
						>
							{colour === value && <Icon name="check" size={20} />}
						</span>
					</label>
				))}
			</div>
		</fieldset>
	);
}
