/** Entry.tsx - the form: sign in, or create an account; and the demo users' buttons. */
import { Avatar } from "../../design/Avatar.tsx";
import { Banner } from "../../design/Banner.tsx";
import { Button } from "../../design/Button.tsx";
import { SegmentedControl } from "../../design/SegmentedControl.tsx";
import { TextField } from "../../design/TextField.tsx";
import { t } from "../../state/language.ts";
import type { DemoUser, ServerInfo } from "../../state/server_info.ts";
import type { Mode } from "./problems.ts";
import { nameOfInput } from "./rules.ts";
import { useEntry, type Field } from "./use_entry.ts";

function DemoUsers({
	users,
	busy,
	onChoose,
}: {
	users: readonly DemoUser[];
	busy: boolean;
	onChoose: (user: DemoUser) => void;
}) {
	return (
		<section class="welcome-demo" aria-labelledby="welcome-demo">
			<h2 class="welcome-demo-title" id="welcome-demo">
				{t.welcome.demo}
			</h2>
			<ul class="welcome-demo-users">
				{users.map((user, index) => (
					<li key={user.name}>
						<button
							type="button"
							class="welcome-demo-user"
							disabled={busy}
							title={t.welcome.signInAs(user.name)}
							onClick={() => onChoose(user)}
						>
							<Avatar uin={index + 1} name={user.name} size={32} />
							<span class="ellipsis">{user.name}</span>
						</button>
					</li>
				))}
			</ul>
			<p class="muted small">{t.welcome.demoText}</p>
		</section>
	);
}

function Fields({ entry }: { entry: ReturnType<typeof useEntry> }) {
	const { registering, byInvitation, values, verdicts } = entry;
	const passwordHint = values.password === "" ? t.welcome.passwordHint : (verdicts.password.missing ?? " ");
	const common = (field: Field) => ({
		value: values[field],
		onInput: (value: string) => entry.type(field, field === "name" ? nameOfInput(value) : value),
		onBlur: () => entry.leave(field),
		error: entry.errorAt(field),
	});
	return (
		<>
			<TextField
				{...common("name")}
				label={t.welcome.name}
				name="username"
				autoComplete="username"
				literal
				hint={registering ? t.welcome.nameHint : undefined}
			/>
			<TextField
				{...common("password")}
				label={t.welcome.password}
				name="password"
				type="password"
				autoComplete={registering ? "new-password" : "current-password"}
				hint={registering ? passwordHint : undefined}
			/>
			{byInvitation && (
				<TextField
					{...common("invitation")}
					label={t.welcome.invitation}
					name="invitation"
					literal
					hint={t.welcome.invitationHint}
				/>
			)}
		</>
	);
}

/** What became of the last try, and the button for the next one. */
function Foot({ entry }: { entry: ReturnType<typeof useEntry> }) {
	const { problem, delay, busy, registering } = entry;
	return (
		<>
			{problem && !problem.field && (
				<Banner kind="danger" icon="alert">
					{problem.text}
					{problem.more && <p>{problem.more}</p>}
				</Banner>
			)}
			{delay && <Banner icon="clock">{delay}</Banner>}
			<Button kind="primary" wide submit busy={busy}>
				{registering ? t.welcome.register : t.welcome.signIn}
			</Button>
		</>
	);
}

/** `info` null: the server was not reached; it will say itself what it does not take. */
export function Entry({ info }: { info: ServerInfo | null }) {
	const entry = useEntry(info);
	const closed = entry.registering && info?.registration === "off";
	const onSubmit = (event: Event) => {
		event.preventDefault();
		entry.submit();
	};
	return (
		<>
			<form class="welcome-form" ref={entry.form} noValidate onSubmit={onSubmit}>
				<SegmentedControl<Mode>
					label={t.welcome.mode}
					value={entry.mode}
					wide
					segments={[
						{ value: "signIn", label: t.welcome.signIn },
						{ value: "register", label: t.welcome.register },
					]}
					onChange={entry.choose}
				/>
				{closed && <Banner icon="lock">{t.welcome.registrationOff}</Banner>}
				{!closed && <Fields entry={entry} />}
				{!closed && <Foot entry={entry} />}
			</form>
			{info && info.demo.length > 0 && (
				<DemoUsers users={info.demo} busy={entry.busy} onChoose={entry.signInAs} />
			)}
		</>
	);
}
