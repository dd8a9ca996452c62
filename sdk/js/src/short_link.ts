/** short_link.ts - the short link: one request in one HTTP POST. */

const ANSWER_MAX = 2 << 20;

/** Nothing that can be read as an answer came. `message` goes behind the server's name. */
export class ShortLinkError extends Error {
	constructor(
		message: string,
		/** Something at that address speaks HTTP, but not as one should. */
		readonly answered: boolean,
	) {
		super(message);
	}
}

const statusText = (status: number): string =>
	status === 429 || status === 503
		? `has too much to do (HTTP status ${status})`
		: `is no Hongyan server (HTTP status ${status})`;

/** A server that answers without end is stopped. */
async function readWhole(response: Response): Promise<Uint8Array> {
	const reader = response.body?.getReader();
	const parts: Uint8Array[] = [];
	let length = 0;
	for (;;) {
		const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
		if (done || !value) break;
		length += value.length;
		if (length > ANSWER_MAX) {
			await reader?.cancel();
			throw new ShortLinkError("answers without end", true);
		}
		parts.push(value);
	}
	const whole = new Uint8Array(length);
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

/** Returns the answer's bytes. Rejects with ShortLinkError, also when `signal` ends it. */
export async function postShort(url: string, body: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
	try {
		const response = await fetch(url, {
			method: "POST",
			headers: { "content-type": "application/x-protobuf" },
			body: body as Uint8Array<ArrayBuffer>,
			signal,
			credentials: "omit",
			cache: "no-store",
			redirect: "error",
		});
		if (response.status !== 200) {
			await response.body?.cancel();
			throw new ShortLinkError(statusText(response.status), true);
		}
		return await readWhole(response);
	} catch (error) {
		if (error instanceof ShortLinkError) throw error;
		throw new ShortLinkError(signal.aborted ? "does not answer" : "cannot be reached", false);
	}
}
