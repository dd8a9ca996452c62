/** file_store.test.ts - what a crash leaves of the journal, and who may have it open. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FileStore } from "../src/file_store.ts";

function trying(what: string, run: (path: string) => Promise<void>): void {
	test(what, async () => {
		const folder = mkdtempSync(join(tmpdir(), "hongyan-store-"));
		await run(join(folder, "inner", "store")).finally(() => rmSync(folder, { recursive: true }));
	});
}

async function opened(path: string): Promise<FileStore> {
	const store = new FileStore(path);
	await store.open();
	return store;
}

const put = (store: FileStore, ...rows: object[]) =>
	store.transact("write", ["meta"], async (tx) => rows.forEach((row) => tx.put("meta", row)));
const list = (store: FileStore) =>
	store.transact("read", ["meta"], (tx) => tx.list<{ name: string; value: number }>("meta"));
const names = async (store: FileStore) => (await list(store)).map(({ name }) => name);

trying("what was written is there again, what was deleted is not", async (path) => {
	const store = await opened(path);
	await put(store, { name: "a", value: 1 }, { name: "b", value: 2 }, { name: "ü\n\u2028", value: 3 });
	await store.transact("write", ["meta", "messages"], async (tx) => {
		tx.delete("meta", "a");
		tx.put("messages", { peer: 1, seq: 2, id: "x" });
	});
	await store.close();
	const again = await opened(path);
	assert.deepEqual(await names(again), ["b", "ü\n\u2028"]);
	assert.ok(await again.transact("read", ["messages"], (tx) => tx.get("messages", "x", "id")));
	await again.close();
	assert.equal(statSync(path).mode & 0o777, 0o600);
});

trying("cut at any byte: the transactions before that are there, whole, and it goes on from there", async (path) => {
	const store = await opened(path);
	const sizes = [statSync(path).size];
	for (let i = 0; i < 4; i++) {
		await put(store, { name: `a${i}`, value: i }, { name: `b${i}`, value: i });
		sizes.push(statSync(path).size);
	}
	await store.close();
	const whole = readFileSync(path);
	for (let size = sizes[0] as number; size <= whole.length; size++) {
		writeFileSync(path, whole.subarray(0, size));
		const cut = await opened(path);
		const count = sizes.filter((end) => end <= size).length - 1;
		assert.deepEqual(
			(await names(cut)).sort(),
			[0, 1, 2, 3]
				.slice(0, count)
				.flatMap((i) => [`a${i}`, `b${i}`])
				.sort(),
		);
		await put(cut, { name: "later" });
		await cut.close();
		const again = await opened(path);
		assert.equal((await names(again)).length, 2 * count + 1);
		await again.close();
	}
});

trying("a tail of another content is cut, too; damage before the end is told, and changes nothing", async (path) => {
	const store = await opened(path);
	await put(store, { name: "a" });
	const good = statSync(path).size;
	await put(store, { name: "b" });
	await store.close();
	const whole = readFileSync(path);
	const tail = Buffer.from(whole);
	tail.fill(0, whole.length - 9, whole.length - 2);
	writeFileSync(path, tail);
	const cut = await opened(path);
	assert.deepEqual(await names(cut), ["a"]);
	await cut.close();
	const damaged = Buffer.from(whole);
	damaged[good - 4] = 120;
	writeFileSync(path, damaged);
	await assert.rejects(opened(path), { code: "INTERNAL" });
	assert.deepEqual(readFileSync(path), damaged);
	assert.deepEqual(readdirSync(join(path, "..")), ["store"], "the lock is given back");
});

trying("a file of somebody else is left alone", async (path) => {
	await (await opened(path)).close();
	writeFileSync(path, "my diary\n");
	await assert.rejects(opened(path), { code: "FAILED_PRECONDITION" });
	assert.equal(readFileSync(path, "utf8"), "my diary\n");
	writeFileSync(path, "");
	const store = await opened(path);
	await put(store, { name: "a" });
	await store.close();
});

trying("the file stays as long as its rows need", async (path) => {
	const store = await opened(path);
	const text = "x".repeat(10_000);
	for (let i = 0; i < 500; i++) await put(store, { name: `row ${i % 5}`, value: i, text });
	await store.close();
	assert.ok(statSync(path).size < 2 << 20, `${statSync(path).size} bytes`);
	const again = await opened(path);
	assert.deepEqual(
		(await list(again)).map(({ value }) => value),
		[495, 496, 497, 498, 499],
	);
	await again.close();
	assert.deepEqual(readdirSync(join(path, "..")), ["store"]);
});

trying("one has it at a time", async (path) => {
	const store = await opened(path);
	await assert.rejects(opened(path), { code: "FAILED_PRECONDITION" });
	const failing = new FileStore(path);
	await assert.rejects(failing.open());
	await assert.rejects(
		failing.transact("read", ["meta"], (tx) => tx.list("meta")),
		{ code: "CANCELLED" },
	);
	await failing.close();
	await assert.rejects(opened(path), { code: "FAILED_PRECONDITION" }, "the owner's lock is still there");
	await store.close();
	await (await opened(path)).close();
});

trying("the lock of another process holds while it lives, killed or not", async (path) => {
	await (await opened(path)).close();
	const other = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
	const started = readFileSync(`/proc/${other.pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19];
	writeFileSync(`${path}.lock`, `${other.pid} ${started} abc\n`);
	await assert.rejects(opened(path), { code: "FAILED_PRECONDITION" });
	writeFileSync(`${path}.lock`, `${other.pid} 1 abc\n`);
	const store = await opened(path);
	await store.close();
	writeFileSync(`${path}.lock`, `${other.pid} ${started} abc\n`);
	const ended = new Promise((resolve) => other.on("exit", resolve));
	other.kill("SIGKILL");
	await ended;
	const after = await opened(path);
	await put(after, { name: "a" });
	await after.close();
	writeFileSync(`${path}.lock`, "");
	await (await opened(path)).close();
});

trying("of many that find a dead owner's lock one gets it", async (path) => {
	await (await opened(path)).close();
	for (let round = 0; round < 20; round++) {
		writeFileSync(`${path}.lock`, "999999999 1 abc\n");
		const stores = Array.from({ length: 5 }, () => new FileStore(path));
		const ended = await Promise.allSettled(stores.map((store) => store.open()));
		assert.equal(ended.filter(({ status }) => status === "fulfilled").length, 1);
		await Promise.all(stores.map((store) => store.close()));
	}
	assert.deepEqual(readdirSync(join(path, "..")), ["store"]);
});

trying("what comes together is made safe together, each with its own answer", async (path) => {
	const store = await opened(path);
	const before = statSync(path).size;
	const rows = Array.from({ length: 100 }, (_, i) => put(store, { name: `n${i}` }));
	await Promise.all(rows);
	const lines = readFileSync(path).subarray(before).toString().split("\n").length - 1;
	assert.ok(lines < 10, `${lines} lines`);
	assert.equal((await names(store)).length, 100);
	await store.close();
});

trying("what was wiped is not in the file any more", async (path) => {
	const store = await opened(path);
	await put(store, { name: "device" }, { name: "a", text: "a secret" }, { name: "b", text: "a secret" });
	await store.transact("write", ["meta"], async (tx) => {
		tx.clear("meta");
		tx.put("meta", { name: "device" });
	});
	assert.ok(!readFileSync(path, "utf8").includes("secret"));
	await put(store, { name: "c" });
	await store.close();
	const again = await opened(path);
	assert.deepEqual(await names(again), ["c", "device"]);
	await again.close();
});
