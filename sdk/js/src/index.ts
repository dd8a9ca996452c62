/** index.ts - the package's face: the client, its stores, and what they speak of. */
export { Client } from "./client.ts";
export { IdbStore } from "./idb_store.ts";
export { MemoryStore } from "./memory_store.ts";
export * from "./types.ts";
export type * from "./store.ts";
