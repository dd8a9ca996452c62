/** server_info.ts - what the server tells to those who are not signed in: /server.json. */
import { signal } from "@preact/signals";

/** A user with whom one may look around. */
export interface DemoUser {
	name: string;
	password: string;
}

/** Who may register here, and with whom one may look around. */
export interface ServerInfo {
	version: string;
	registration: "open" | "invitation" | "off";
	demo: readonly DemoUser[];
}

/** null until it is known; it stays so while the server is not reached. */
export const serverInfo = signal<ServerInfo | null>(null);

/** It was asked, with or without an answer. */
export const serverInfoKnown = signal(false);

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null;
}

function demoOf(value: unknown): DemoUser[] {
	if (!Array.isArray(value)) return [];
	return value.flatMap((user: unknown) =>
		isRecord(user) && typeof user["name"] === "string" && typeof user["password"] === "string"
			? [{ name: user["name"], password: user["password"] }]
			: [],
	);
}

/** What the server's answer says; a word that is not known counts as "open": the server has the last one anyway. */
export function parseServerInfo(value: unknown): ServerInfo {
	const answer = isRecord(value) ? value : {};
	const registration = answer["registration"];
	return {
		version: typeof answer["version"] === "string" ? answer["version"] : "",
		registration: registration === "invitation" || registration === "off" ? registration : "open",
		demo: demoOf(answer["demo"]),
	};
}

/** Asks anew; where that fails, what was known stays. False: the server was not reached. */
export async function loadServerInfo(): Promise<boolean> {
	let reached = false;
	try {
		const answer = await fetch("/server.json", { cache: "no-store" });
		reached = true;
		if (answer.ok) serverInfo.value = parseServerInfo(await answer.json());
	} catch {
		/* Not reached, or what came is none: whoever tries to sign in is told. */
	}
	serverInfoKnown.value = true;
	return reached;
}
