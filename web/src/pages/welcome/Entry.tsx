/** Entry.tsx - the form: sign in, or create an account; and the demo users' buttons. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Avatar } from "../../design/Avatar.tsx";
import { Banner } from "../../design/Banner.tsx";
import { Button } from "../../design/Button.tsx";
import { SegmentedControl } from "../../design/SegmentedControl.tsx";
import { TextField } from "../../design/TextField.tsx";
import { register, signIn } from "../../state/client.ts";
import { keep, kept } from "../../state/kept.ts";
import { t } from "../../state/language.ts";
import { loadServerInfo, type DemoUser, type ServerInfo } from "../../state/server_info.ts";
import { problemOf, type Mode, type Problem } from "./problems.ts";
import { judgeInvitation, judgeName, judgeOldPassword, judgePassword, nameOfInput, type Verdict } from "./rules.ts";

const LAST_NAME = "name";

type Field = "name" | "password" | "invitation";

/** After so long without an answer, it is said why one still waits. */
const SLOW_MS = 2_500;

/** What keeps the server from answering, once that takes long; empty: nothing is known to. */
function useDelay(busy: boolean): string {
	const [delay, setDelay] = useState<"" | "unreached" | "slow">("");
	useEffect(() => {
		if (!busy) return;
		let over = false;
		const timer = setTimeout(async () => {
			const reached = await loadServerInfo();
			if (!over) setDelay(reached ? "slow" : "unreached");
		}, SLOW_MS);
		return () => {
			over = true;
			clearTimeout(timer);
			setDelay("");
		};
	}, [busy]);
	return delay && (delay === "slow" ? t.welcome.slow : t.welcome.stillUnreachable);
}

/** Who was here before signs in; who is new, and may, registers. */
function firstMode(info: ServerInfo | null): Mode {
	const newcomer = kept(LAST_NAME) === null && info !== null && info.registration !== "off";
	return newcomer && info.demo.length === 0 ? "register" : "signIn";
}

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

/** What a field says below it: the server's refusal, what cannot be mended by more typing, what is missing once it was left. */
function errorOf(verdict: Verdict, wasLeft: boolean, refusal: string | undefined): string | undefined {
	return refusal ?? verdict.error ?? (wasLeft ? verdict.missing : undefined);
}

/** `info` null: the server was not reached; it will say itself what it does not take. */
export function Entry({ info }: { info: ServerInfo | null }) {
	const [mode, setMode] = useState<Mode>(() => firstMode(info));
	const [name, setName] = useState(() => kept(LAST_NAME) ?? "");
	const [password, setPassword] = useState("");
	const [invitation, setInvitation] = useState("");
	const [left, setLeft] = useState<ReadonlySet<Field>>(new Set());
	const [problem, setProblem] = useState<Problem | null>(null);
	const [busy, setBusy] = useState(false);
	const delay = useDelay(busy);
	const form = useRef<HTMLFormElement>(null);

	/* Where there is a keyboard: on phones it would cover the page. */
	useEffect(() => {
		if (!matchMedia("(hover: hover) and (pointer: fine)").matches || document.activeElement !== document.body)
			return;
		const first = name === "" ? "username" : "password";
		form.current?.querySelector<HTMLElement>(`[name="${first}"]`)?.focus();
	}, []);

	const registering = mode === "register";
	const closed = registering && info?.registration === "off";
	const byInvitation = registering && info?.registration === "invitation";
	const verdicts: Record<Field, Verdict> = {
		name: judgeName(name),
		password: registering ? judgePassword(password) : judgeOldPassword(password),
		invitation: byInvitation ? judgeInvitation(invitation) : {},
	};
	const refusal = (field: Field) => (problem?.field === field ? problem.text : undefined);
	const errorAt = (field: Field) => errorOf(verdicts[field], left.has(field), refusal(field));
	const leave = (field: Field, value: string) => value !== "" && setLeft(new Set([...left, field]));
	const change = (set: (value: string) => void) => (value: string) => {
		set(value);
		setProblem(null);
	};
	const choose = (value: Mode) => {
		setMode(value);
		setLeft(new Set());
		setProblem(null);
	};
	const focusWrong = () =>
		requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());

	const enter = async (how: Mode, work: Promise<void>, who: string) => {
		setBusy(true);
		setProblem(null);
		try {
			await work;
			keep(LAST_NAME, who);
		} catch (reason) {
			setProblem(problemOf(how, who, byInvitation, reason));
			setBusy(false);
			focusWrong();
		}
	};
	const submit = (event: Event) => {
		event.preventDefault();
		if (busy) return;
		setLeft(new Set<Field>(["name", "password", "invitation"]));
		if (Object.values(verdicts).some((verdict) => verdict.error || verdict.missing)) return focusWrong();
		const code = byInvitation ? invitation.trim() : undefined;
		const work = registering ? register({ name, password, invitation: code }) : signIn({ name, password });
		void enter(mode, work, name);
	};
	const passwordHint = password === "" ? t.welcome.passwordHint : (verdicts.password.missing ?? " ");

	return (
		<>
			<form class="welcome-form" ref={form} noValidate onSubmit={submit}>
				<SegmentedControl<Mode>
					label={t.welcome.mode}
					value={mode}
					wide
					segments={[
						{ value: "signIn", label: t.welcome.signIn },
						{ value: "register", label: t.welcome.register },
					]}
					onChange={choose}
				/>
				{closed ? (
					<Banner icon="lock">{t.welcome.registrationOff}</Banner>
				) : (
					<>
						<TextField
							label={t.welcome.name}
							name="username"
							autoComplete="username"
							literal
							value={name}
							onInput={(value) => change(setName)(nameOfInput(value))}
							onBlur={() => leave("name", name)}
							hint={registering ? t.welcome.nameHint : undefined}
							error={errorAt("name")}
						/>
						<TextField
							label={t.welcome.password}
							name="password"
							type="password"
							autoComplete={registering ? "new-password" : "current-password"}
							value={password}
							onInput={change(setPassword)}
							onBlur={() => leave("password", password)}
							hint={registering ? passwordHint : undefined}
							error={errorAt("password")}
						/>
						{byInvitation && (
							<TextField
								label={t.welcome.invitation}
								name="invitation"
								literal
								value={invitation}
								onInput={change(setInvitation)}
								onBlur={() => leave("invitation", invitation)}
								hint={t.welcome.invitationHint}
								error={errorAt("invitation")}
							/>
						)}
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
				)}
			</form>
			{info && info.demo.length > 0 && (
				<DemoUsers
					users={info.demo}
					busy={busy}
					onChoose={(user) => void enter("signIn", signIn(user), user.name)}
				/>
			)}
		</>
	);
}
