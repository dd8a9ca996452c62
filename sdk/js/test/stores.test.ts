/** stores.test.ts - what every store promises, tried on each of them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import "fake-indexeddb/auto";
import { FileStore } from "../src/file_store.ts";
import { IdbStore } from "../src/idb_store.ts";
import { MemoryStore } from "../src/memory_store.ts";
import type { Store, Table } from "../src/store.ts";
import { HongyanError } from "../src/types.ts";

interface Kind {
	name: string;
	make(): Store;
}

let databases = 0;
const folder = mkdtempSync(join(tmpdir(), "hongyan-stores-"));
after(() => rmSync(folder, { recursive: true }));
const kinds: Kind[] = [
	{ name: "memory", make: () => new MemoryStore() },
	{ name: "file", make: () => new FileStore(join(folder, `store-${++databases}`)) },
	{ name: "IndexedDB", make: () => new IdbStore({ name: `stores-${++databases}` }) },
];

const message = (peer: number, seq: number) => ({ peer, seq, id: `id-${peer}-${seq}`, text: `text ${seq}` });

function put(store: Store, table: Table, ...rows: object[]): Promise<void> {
	return store.transact("write", [table], async (tx) => rows.forEach((row) => tx.put(table, row)));
}

function seqs(rows: { seq: number }[]): number[] {
	return rows.map(({ seq }) => seq);
}

for (const { name, make } of kinds) {
	const trying = (what: string, run: (store: Store) => Promise<void>) =>
		test(`${name}: ${what}`, async () => {
			const store = make();
			await store.open();
			await run(store);
			await store.close();
		});

	trying("a row is found by its key and by its index", async (store) => {
		await put(store, "messages", message(1, 1), message(1, 2), message(2, 1));
		await put(store, "meta", { name: "x", value: [1, { deep: "ü\n" }] });
		await store.transact("read", ["messages", "meta"], async (tx) => {
			assert.deepEqual(await tx.get("messages", [1, 2]), message(1, 2));
			assert.deepEqual(await tx.get("messages", "id-2-1", "id"), message(2, 1));
			assert.equal(await tx.get("messages", [1, 3]), undefined);
			assert.equal(await tx.get("messages", "id-9-9", "id"), undefined);
			assert.deepEqual(await tx.get("meta", "x"), { name: "x", value: [1, { deep: "ü\n" }] });
		});
	});

	trying("a row that is put again replaces the first, in the indexes too", async (store) => {
		await put(store, "messages", message(1, 1));
		await put(store, "messages", { ...message(1, 1), id: "other" });
		await store.transact("read", ["messages"], async (tx) => {
			assert.equal(await tx.get("messages", "id-1-1", "id"), undefined);
			assert.equal((await tx.list("messages")).length, 1);
			assert.equal((await tx.get<{ seq: number }>("messages", "other", "id"))?.seq, 1);
		});
	});

	trying("a row without the index's field is not in the index", async (store) => {
		await put(store, "conversations", { peer: 1 }, { peer: 2, firstUnreadSeq: 7 }, { peer: 3, firstUnreadSeq: 4 });
		await put(store, "conversations", { peer: 2 });
		const rows = await store.transact("read", ["conversations"], (tx) =>
			tx.list<{ peer: number }>("conversations", { index: "unread" }),
		);
		assert.deepEqual(
			rows.map(({ peer }) => peer),
			[3],
		);
	});

	trying("ranges: both ends, backwards, limits", async (store) => {
		const rows = [];
		for (let peer = 1; peer <= 3; peer++) for (let seq = 1; seq <= 700; seq++) rows.push(message(peer, seq));
		rows.sort((a, b) => ((a.seq * 7919) % 701) - ((b.seq * 7919) % 701));
		await put(store, "messages", ...rows);
		await store.transact("read", ["messages"], async (tx) => {
			const list = async (range: object) => seqs(await tx.list<{ seq: number }>("messages", range));
			assert.deepEqual(await list({ lower: [2, 698], upper: [2, "\uffff"] }), [698, 699, 700]);
			assert.deepEqual(await list({ lower: [2, 0], upper: [2, "\uffff"], reverse: true, limit: 2 }), [700, 699]);
			assert.deepEqual(await list({ lower: [2, 5], upper: [2, 7] }), [5, 6, 7]);
			assert.deepEqual(await list({ lower: [2, 5], upper: [2, 7], reverse: true }), [7, 6, 5]);
			assert.deepEqual(await list({ lower: [3, 700] }), [700]);
			assert.deepEqual(await list({ upper: [1, 1] }), [1]);
			assert.deepEqual(await list({ lower: [4, 0], upper: [4, "\uffff"] }), []);
			assert.deepEqual(await list({ lower: [4, 0], upper: [4, "\uffff"], reverse: true }), []);
			assert.deepEqual(await list({ limit: 0 }), []);
			assert.equal((await list({ lower: [1, 0], upper: [1, "\uffff"] })).length, 700);
			assert.equal((await list({})).length, 2100);
			assert.deepEqual(await list({ index: "id", lower: "id-3-1", upper: "id-3-10" }), [1, 10]);
		});
	});

	trying("a transaction reads what it wrote", async (store) => {
		await put(store, "messages", message(1, 1), message(1, 2), message(1, 3), message(2, 1));
		await store.transact("write", ["messages"], async (tx) => {
			tx.put("messages", message(1, 4));
			tx.delete("messages", [1, 1]);
			assert.deepEqual(seqs(await tx.list("messages", { lower: [1, 0], upper: [1, 9] })), [2, 3, 4]);
			assert.ok(await tx.get("messages", "id-1-4", "id"));
			tx.clear("messages", { lower: [1, 0], upper: [1, "\uffff"] });
			assert.deepEqual(seqs(await tx.list("messages")), [1]);
			tx.clear("messages");
			assert.equal((await tx.list("messages")).length, 0);
		});
		assert.equal((await store.transact("read", ["messages"], (tx) => tx.list("messages"))).length, 0);
	});

	trying("nothing of a transaction that throws is there", async (store) => {
		await put(store, "messages", message(1, 1), message(1, 2));
		const failing = store.transact("write", ["messages", "meta"], async (tx) => {
			tx.put("meta", { name: "x" });
			tx.put("messages", { ...message(1, 1), id: "other" });
			tx.delete("messages", [1, 2]);
			tx.put("messages", message(1, 2));
			await tx.get("meta", "x");
			tx.clear("messages");
			throw new HongyanError("ABORTED", "not so");
		});
		await assert.rejects(failing, { code: "ABORTED" });
		await store.transact("read", ["messages", "meta"], async (tx) => {
			assert.equal(await tx.get("meta", "x"), undefined);
			assert.deepEqual(await tx.list("messages"), [message(1, 1), message(1, 2)]);
			assert.equal(await tx.get("messages", "other", "id"), undefined);
			assert.deepEqual(await tx.get("messages", "id-1-1", "id"), message(1, 1));
		});
	});

	trying("writers wait for each other", async (store) => {
		const add = () =>
			store.transact("write", ["meta"], async (tx) => {
				const row = await tx.get<{ name: string; value: number }>("meta", "counter");
				tx.put("meta", { name: "counter", value: (row?.value ?? 0) + 1 });
				return row?.value ?? 0;
			});
		const got = await Promise.all(Array.from({ length: 200 }, add));
		assert.deepEqual(
			got,
			got.map((_, i) => i),
		);
	});

	trying("one that fails among others takes nothing of theirs with it", async (store) => {
		const add = (seq: number) =>
			store.transact("write", ["messages"], async (tx) => {
				tx.put("messages", message(1, seq));
				await tx.get("messages", [1, seq]);
				if (seq % 3 === 0) throw new Error("no");
			});
		const ended = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7].map(add));
		assert.deepEqual(
			ended.map(({ status }) => status === "fulfilled"),
			[true, true, false, true, true, false, true],
		);
		const rows = await store.transact("read", ["messages"], (tx) => tx.list<{ seq: number }>("messages"));
		assert.deepEqual(seqs(rows), [1, 2, 4, 5, 7]);
	});

	trying("a row stays as it was put", async (store) => {
		const row = { name: "x", list: [1] };
		await store.transact("write", ["meta"], async (tx) => {
			tx.put("meta", row);
			row.list.push(2);
		});
		const read = () => store.transact("read", ["meta"], (tx) => tx.get<typeof row>("meta", "x"));
		assert.deepEqual((await read())?.list, [1]);
		try {
			(await read())?.list.push(3);
		} catch {
			/* It may be frozen. */
		}
		assert.deepEqual((await read())?.list, [1]);
	});

	trying("a read changes nothing, and a table must be named before", async (store) => {
		await assert.rejects(store.transact("read", ["meta"], async (tx) => tx.put("meta", { name: "x" })));
		await assert.rejects(store.transact("write", ["meta"], async (tx) => tx.put("drafts", { peer: 1 })));
		await assert.rejects(store.transact("write", ["drafts"], async (tx) => tx.put("drafts", {})));
	});

	test(`${name}: a closed store says so`, async () => {
		const store = make();
		const read = () => store.transact("read", ["meta"], (tx) => tx.list("meta"));
		await assert.rejects(read(), { name: "HongyanError" });
		await store.open();
		await read();
		await store.close();
		await assert.rejects(read(), { name: "HongyanError" });
	});
}

test("IndexedDB: two tabs share one database, and tell each other", async () => {
	const [a, b] = [new IdbStore({ name: "shared" }), new IdbStore({ name: "shared" })];
	await Promise.all([a.open(), b.open()]);
	await put(a, "meta", { name: "x", value: 1 });
	assert.deepEqual(await b.transact("read", ["meta"], (tx) => tx.get("meta", "x")), { name: "x", value: 1 });
	const heard = new Promise((resolve) => b.onTold(resolve));
	const alive = setInterval(() => {}, 1000);
	a.onTold(() => assert.fail("a tab hears itself"));
	a.tell({ hello: 1 });
	assert.deepEqual(await heard, { hello: 1 });
	clearInterval(alive);
	await Promise.all([a.close(), b.close()]);
});

test("IndexedDB: a page that is too old for the data says so, and gives way to a newer one", async () => {
	const old = new IdbStore({ name: "versions" });
	await old.open();
	const newer = await new Promise<IDBDatabase>((resolve, reject) => {
		const request = indexedDB.open("versions", 99);
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
		request.onblocked = () => reject(new Error("it holds on"));
	});
	await assert.rejects(put(old, "meta", { name: "x" }), { code: "FAILED_PRECONDITION" });
	await old.close();
	await assert.rejects(new IdbStore({ name: "versions" }).open(), { code: "FAILED_PRECONDITION" });
	newer.close();
});

test("IndexedDB: data that were cleared while it was open are made anew", async () => {
	const store = new IdbStore({ name: "cleared" });
	await store.open();
	await put(store, "meta", { name: "x" });
	await new Promise((resolve, reject) => {
		const request = indexedDB.deleteDatabase("cleared");
		request.onsuccess = resolve;
		request.onerror = reject;
	});
	assert.equal(await store.transact("read", ["meta"], (tx) => tx.get("meta", "x")), undefined);
	await put(store, "meta", { name: "y" });
	await store.close();
});

/** For the length of `work`, what `name` of `owner` is, is another. */
async function instead<T extends object, K extends keyof T>(
	owner: T,
	name: K,
	value: T[K],
	work: () => Promise<void>,
): Promise<void> {
	const before = owner[name];
	owner[name] = value;
	await work().finally(() => (owner[name] = before));
}

test("IndexedDB: no room, at once or at the end: said in words, nothing is there, and it goes on", async () => {
	const store = new IdbStore({ name: "full" });
	await store.open();
	const full = new DOMException("over the quota", "QuotaExceededError");
	const throwing = () => {
		throw full;
	};
	const ending = function (this: IDBObjectStore) {
		Object.defineProperty(this.transaction, "error", { value: full });
		this.transaction.abort();
	};
	const write = () =>
		store.transact("write", ["meta"], async (tx) => {
			tx.put("meta", { name: "x" });
			await tx.get("meta", "x");
		});
	for (const failing of [throwing, ending])
		await instead(IDBObjectStore.prototype, "put", failing as unknown as IDBObjectStore["put"], async () => {
			const no = { code: "RESOURCE_EXHAUSTED", message: /no room/ };
			await assert.rejects(put(store, "meta", { name: "x" }), no);
			await assert.rejects(write(), no);
		});
	assert.equal(await store.transact("read", ["meta"], (tx) => tx.get("meta", "x")), undefined);
	await put(store, "meta", { name: "x" });
	await store.close();
});

test("IndexedDB: a browser that keeps no data says so in words", async () => {
	const refusing = () => {
		throw new DOMException("not in private windows", "SecurityError");
	};
	await instead(indexedDB, "open", refusing, () =>
		assert.rejects(new IdbStore().open(), { code: "UNAVAILABLE", message: /private windows/ }),
	);
});
