/** recordings.test.ts - test/compat/wire: what was ever sent means the same here, and is written in the same bytes. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { createRegistry, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { file_auth } from "../src/gen/auth_pb.ts";
import { file_contacts } from "../src/gen/contacts_pb.ts";
import { file_link } from "../src/gen/link_pb.ts";
import { methods } from "../src/gen/methods.ts";
import { file_profile } from "../src/gen/profile_pb.ts";
import { file_send } from "../src/gen/send_pb.ts";
import { file_sync } from "../src/gen/sync_pb.ts";

/** From the package's folder, which run.mjs makes the tests' own. */
const FOLDER = resolve("../../test/compat/wire");
const names = readdirSync(FOLDER);
const types = createRegistry(file_auth, file_contacts, file_link, file_profile, file_send, file_sync);

for (const name of names)
	test(name, () => {
		const [head = "", json = "", ...hex] = readFileSync(resolve(FOLDER, name), "utf8").split("\n");
		const [type = "", cmd] = head.split(" ");
		const schema = types.getMessage(type);
		assert.ok(schema, `nobody knows ${type}`);
		const method = Object.values(methods).find((one) => one.cmd === Number(cmd));
		if (method) assert.equal((name.endsWith(".request") ? method.request : method.response).typeName, type);
		const bytes = Uint8Array.from(Buffer.from(hex.join(""), "hex"));
		const said = fromBinary(schema, bytes);
		assert.deepEqual(toJson(schema, said), JSON.parse(json));
		assert.deepEqual(toBinary(schema, said), bytes);
	});

test("every method is recorded as this library sends it", () => {
	for (const [method, { cmd }] of Object.entries(methods))
		assert.ok(
			names.some((name) => name.startsWith(`${cmd}-`) && name.endsWith("-js.request")),
			method,
		);
});
