/** use_entry.ts - what stands in the form of the welcome page, whether it will do, and what became of it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { register, signIn } from "../../state/client.ts";
import { keep, kept } from "../../state/kept.ts";
import { t } from "../../state/language.ts";
import { loadServerInfo, type ServerInfo } from "../../state/server_info.ts";
import { problemOf, type Mode, type Problem } from "./problems.ts";
import { judgeInvitation, judgeName, judgeOldPassword, judgePassword, type Verdict } from "./rules.ts";

const LAST_NAME = "name";

/** The form's fields. */
export type Field = "name" | "password" | "invitation";

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

/** What a field says below it: the server's refusal, what cannot be mended by more typing, what is missing once it was left. */
function errorOf(verdict: Verdict, wasLeft: boolean, refusal: string | undefined): string | undefined {
	return refusal ?? verdict.error ?? (wasLeft ? verdict.missing : undefined);
}

/** Which form, and what was typed into it. */
function useTyped(info: ServerInfo | null) {
	const [mode, setMode] = useState<Mode>(() => firstMode(info));
	const [values, setValues] = useState<Record<Field, string>>({
		name: kept(LAST_NAME) ?? "",
		password: "",
		invitation: "",
	});
	const [left, setLeft] = useState<ReadonlySet<Field>>(new Set());
	const registering = mode === "register";
	const byInvitation = registering && info?.registration === "invitation";
	const verdicts: Record<Field, Verdict> = {
		name: judgeName(values.name),
		password: registering ? judgePassword(values.password) : judgeOldPassword(values.password),
		invitation: byInvitation ? judgeInvitation(values.invitation) : {},
	};
	return { mode, setMode, values, setValues, left, setLeft, registering, byInvitation, verdicts };
}

/** Where there is a keyboard: on phones it would cover the page. */
function useFocusAtFirst(focus: () => void): void {
	useEffect(() => {
		const keyboard = matchMedia("(hover: hover) and (pointer: fine)").matches;
		if (keyboard && document.activeElement === document.body) focus();
	}, []);
}

/** The form's state and what is done with it; `info` as Entry takes it. `form` is to be the form's element. */
export function useEntry(info: ServerInfo | null) {
	const { mode, setMode, values, setValues, left, setLeft, registering, byInvitation, verdicts } = useTyped(info);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [busy, setBusy] = useState(false);
	const delay = useDelay(busy);
	const form = useRef<HTMLFormElement>(null);
	const focus = (selector: string) => form.current?.querySelector<HTMLElement>(selector)?.focus();
	const focusWrong = () => requestAnimationFrame(() => focus('[aria-invalid="true"]'));

	useFocusAtFirst(() => focus(`[name="${values.name === "" ? "username" : "password"}"]`));
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
	const submit = () => {
		if (busy) return;
		setLeft(new Set<Field>(["name", "password", "invitation"]));
		if (Object.values(verdicts).some((verdict) => verdict.error || verdict.missing)) return void focusWrong();
		const { name, password } = values;
		const invitation = byInvitation ? values.invitation.trim() : undefined;
		const work = registering ? register({ name, password, invitation }) : signIn({ name, password });
		void enter(mode, work, name);
	};
	return {
		form,
		mode,
		registering,
		byInvitation,
		values,
		verdicts,
		problem,
		busy,
		delay,
		submit,
		/** Another form: what was typed stays. */
		choose: (value: Mode) => {
			setMode(value);
			setLeft(new Set());
			setProblem(null);
		},
		type: (field: Field, value: string) => {
			setValues((now) => ({ ...now, [field]: value })); /* programs that keep passwords fill in both at once */
			setProblem(null);
		},
		/** Somebody has gone on from a field. */
		leave: (field: Field) => values[field] !== "" && setLeft(new Set([...left, field])),
		errorAt: (field: Field) =>
			errorOf(verdicts[field], left.has(field), problem?.field === field ? problem.text : undefined),
		signInAs: (user: { name: string; password: string }) => void enter("signIn", signIn(user), user.name),
	};
}
