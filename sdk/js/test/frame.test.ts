/** frame.test.ts - frames out and in, and what is none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CMD_NOOP, FRAME_BODY_MAX, SEQ_NOOP, decodeFrame, encodeFrame } from "../src/frame.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

test("a frame's bytes", () => {
	const noop = encodeFrame({ cmd: CMD_NOOP, seq: SEQ_NOOP, body: new Uint8Array() });
	assert.equal(hex(noop), "00000014000000c800000006ffffffff00000000");
	const text = encodeFrame({ cmd: 121, seq: 7, body: new Uint8Array([1, 2, 3]) });
	assert.equal(hex(text), "00000014000000c8000000790000000700000003010203");
});

const head = (length: string, body: string) => `${length} 000000c8 00000079 00000007 ${body}`;

const WHOLE: [what: string, text: string, body: string][] = [
	["no body", head("00000014", "00000000"), ""],
	["a body", head("00000014", "00000002") + "aabb", "aabb"],
	["options are skipped", head("00000018", "00000001") + "01020304" + "cc", "cc"],
	["the longest head", head("00000080", "00000001") + "00".repeat(108) + "dd", "dd"],
];

for (const [what, text, body] of WHOLE)
	test(`decode: ${what}`, () => {
		const frame = decodeFrame(bytes(text));
		assert.ok(frame);
		assert.deepEqual([frame.cmd, frame.seq, hex(frame.body)], [121, 7, body]);
	});

const NONE: [what: string, text: string][] = [
	["nothing", ""],
	["one byte short of a head", head("00000014", "00000000").slice(0, -2)],
	["a head that is too short", head("00000013", "00000001") + "00"],
	["a head of no length", head("00000000", "00000000")],
	["a head that is too long", head("00000081", "00000000") + "00".repeat(109)],
	["a head beyond the message", head("00000018", "00000000")],
	["a head length that wraps", head("fffffffc", "00000018")],
	["a body beyond the message", head("00000014", "00000002") + "aa"],
	["bytes behind the body", head("00000014", "00000001") + "aabb"],
	["two frames in one message", head("00000014", "00000000").repeat(2)],
	["a body length that wraps", head("00000014", "ffffffec")],
	["the longest body length there is", head("00000014", "ffffffff")],
];

for (const [what, text] of NONE) test(`no frame: ${what}`, () => assert.equal(decodeFrame(bytes(text)), null));

test("the longest body, and one byte more", () => {
	const body = new Uint8Array(FRAME_BODY_MAX);
	assert.equal(decodeFrame(encodeFrame({ cmd: 1, seq: 1, body }))?.body.length, FRAME_BODY_MAX);
	assert.equal(decodeFrame(encodeFrame({ cmd: 1, seq: 1, body: new Uint8Array(FRAME_BODY_MAX + 1) })), null);
});

test("a view into a larger buffer is read where it begins", () => {
	const large = new Uint8Array(64);
	large.set(encodeFrame({ cmd: 111, seq: 9, body: new Uint8Array([5]) }), 11);
	const frame = decodeFrame(large.subarray(11, 32));
	assert.deepEqual([frame?.cmd, frame?.seq, frame?.body[0]], [111, 9, 5]);
});

test("random bytes, whole frames that were changed and cut: a frame or null, never an exception", () => {
	let state = 12345;
	const random = (below: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
	for (let round = 0; round < 20_000; round++) {
		const frame = encodeFrame({ cmd: random(300), seq: random(1000), body: new Uint8Array(random(40)) });
		for (let n = random(4); n > 0; n--) frame[random(frame.length)] = random(256);
		const cut = frame.subarray(0, random(4) === 0 ? random(frame.length + 1) : frame.length);
		const got = decodeFrame(cut);
		if (got) assert.ok(got.body.length <= cut.length - 20);
	}
});
