/** SecuritySection.tsx - the password, and where one is signed in. */
import { useState } from "preact/hooks";
import { t } from "../../state/language.ts";
import { Deed } from "../contacts/Deed.tsx";
import { DeviceList } from "./DeviceList.tsx";
import { PasswordDialog } from "./PasswordDialog.tsx";

/** Password above, devices below. */
export function SecuritySection() {
	const [changing, setChanging] = useState(false);
	return (
		<>
			<ul class="card deeds">
				<Deed
					icon="key"
					title={t.me.passwordChange}
					hint={t.me.passwordHint}
					busy={false}
					onClick={() => setChanging(true)}
				/>
			</ul>
			<DeviceList />
			{changing && <PasswordDialog onClose={() => setChanging(false)} />}
		</>
	);
}
