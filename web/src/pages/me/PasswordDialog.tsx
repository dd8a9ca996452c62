/** PasswordDialog.tsx - another password. */
import { HongyanError } from "hongyan";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Banner } from "../../design/Banner.tsx";
import { Button } from "../../design/Button.tsx";
import { Dialog } from "../../design/Dialog.tsx";
import { TextField } from "../../design/TextField.tsx";
import { toast } from "../../design/Toast.tsx";
import { client, me } from "../../state/client.ts";
import { t } from "../../state/language.ts";
import { errorText } from "../../text/errors.ts";
import { byteLength, LIMITS, PASSWORD_MIN } from "../contacts/plain_text.ts";
import { whenReached } from "../contacts/reached.ts";
import "./PasswordDialog.css";

interface Passwords {
	old: string;
	fresh: string;
	again: string;
}
type Errors = Partial<Passwords>;

/** What stands below each field that is not right yet. */
function check({ old, fresh, again }: Passwords): Errors {
	const errors: Errors = {};
	const bytes = byteLength(fresh);
	if (!old) errors.old = t.me.passwordMissing;
	if (bytes < PASSWORD_MIN) errors.fresh = t.me.passwordShort;
	else if (bytes > LIMITS.password) errors.fresh = t.me.passwordLong;
	else if (fresh === old) errors.fresh = t.me.passwordSame;
	else if (fresh !== again) errors.again = t.me.passwordDiffers;
	return errors;
}

/** Three of them: the last one because nobody sees what they type. */
function Fields(props: { values: Passwords; errors: Errors; set: (change: Partial<Passwords>) => void }) {
	const { values, errors, set } = props;
	return (
		<>
			<TextField
				type="password"
				name="old"
				autoComplete="current-password"
				label={t.me.passwordOld}
				hint=""
				error={errors.old}
				value={values.old}
				onInput={(old) => set({ old })}
			/>
			<TextField
				type="password"
				name="new"
				autoComplete="new-password"
				label={t.me.passwordNew}
				hint={t.me.passwordRule}
				error={errors.fresh}
				value={values.fresh}
				onInput={(fresh) => set({ fresh })}
			/>
			<TextField
				type="password"
				name="again"
				autoComplete="new-password"
				label={t.me.passwordAgain}
				hint=""
				error={errors.again}
				value={values.again}
				onInput={(again) => set({ again })}
			/>
		</>
	);
}

/** For programs that keep passwords: whose it is. */
function OwnName() {
	return (
		<input
			class="sr-only"
			type="text"
			name="username"
			autocomplete="username"
			value={me.value?.name}
			readOnly
			tabIndex={-1}
			aria-hidden="true"
		/>
	);
}

/** Open as long as it is rendered. */
export function PasswordDialog({ onClose }: { onClose: () => void }) {
	const [values, setValues] = useState<Passwords>({ old: "", fresh: "", again: "" });
	const [errors, setErrors] = useState<Errors>({});
	const [error, setError] = useState("");
	const [busy, setBusy] = useState(false);
	const fields = useRef<HTMLDivElement>(null);
	useLayoutEffect(() => {
		fields.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
	}, [errors]);
	const set = (change: Partial<Passwords>) => {
		setValues({ ...values, ...change });
		setErrors({});
		setError("");
	};
	const refused = (problem: unknown) => {
		if (problem instanceof HongyanError && problem.code === "UNAUTHENTICATED")
			setErrors({ old: t.me.passwordWrong });
		else setError(errorText(problem));
	};
	const save = async () => {
		const wrong = check(values);
		setErrors(wrong);
		setError("");
		if (Object.keys(wrong).length > 0) return;
		setBusy(true);
		try {
			await whenReached(() => client.changePassword(values.old, values.fresh));
			toast({ text: t.me.passwordChanged });
			onClose();
		} catch (problem) {
			refused(problem);
			setBusy(false);
		}
	};
	const actions = (
		<>
			<Button onClick={onClose} disabled={busy}>
				{t.common.cancel}
			</Button>
			<Button kind="primary" submit busy={busy}>
				{t.me.passwordChange}
			</Button>
		</>
	);
	return (
		<Dialog
			title={t.me.passwordChange}
			onClose={onClose}
			busy={busy}
			actions={actions}
			onSubmit={() => void save()}
		>
			<div class="password-fields" ref={fields}>
				<Fields values={values} errors={errors} set={set} />
			</div>
			<Banner icon="laptop">{t.me.passwordHint}</Banner>
			<OwnName />
			{error && (
				<p class="dialog-error" role="alert">
					{error}
				</p>
			)}
		</Dialog>
	);
}
