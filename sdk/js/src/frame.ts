/**
 * frame.ts - the long link's frame, as proto/mars_frame.h describes it. A WebSocket message is exactly one frame.
 *
 * All numbers big-endian, unsigned, 32 bits: head length, client version, command, seq, body length; then the body.
 * What comes from a server may be anything: whatever is not a whole frame, and nothing else, decodes to null.
 */

const HEAD = 20;
/** Longest head with options that is accepted; the options are skipped. */
const HEAD_MAX = 128;
const VERSION = 200;

/** Bytes of a body, at most, as the server has it. */
export const FRAME_BODY_MAX = 1 << 20;
/** Of a whole message: what a socket need not take in more than. */
export const FRAME_MAX = HEAD_MAX + FRAME_BODY_MAX;

/** Fixed commands; the others are methods. */
export const CMD_NOOP = 6;
/** The server's hint that something is new. */
export const CMD_PUSH = 201;

/** Of what the server sends unasked. */
export const SEQ_PUSH = 0;
/** Of heartbeats, both ways. */
export const SEQ_NOOP = 0xffffffff;
/** Of Identify and its answer. */
export const SEQ_IDENTIFY = 0xfffffffe;
/** Seqs of requests are below. */
export const SEQ_END = 0xf0000000;

/** What a frame says; `seq` pairs an answer with its request. */
export interface Frame {
	cmd: number;
	seq: number;
	body: Uint8Array;
}

/** A whole message, in memory of its own. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(HEAD + frame.body.length);
	const view = new DataView(bytes.buffer);
	[HEAD, VERSION, frame.cmd, frame.seq, frame.body.length].forEach((value, i) => view.setUint32(4 * i, value));
	bytes.set(frame.body, HEAD);
	return bytes;
}

/** The body points into `bytes`. */
export function decodeFrame(bytes: Uint8Array): Frame | null {
	if (bytes.length < HEAD || bytes.length > FRAME_MAX) return null;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const head = view.getUint32(0);
	const body = view.getUint32(16);
	if (head < HEAD || head > HEAD_MAX || body > FRAME_BODY_MAX || head + body !== bytes.length) return null;
	return { cmd: view.getUint32(8), seq: view.getUint32(12), body: bytes.subarray(head) };
}
