/**
 * sorted.ts - a map in the order of its keys, for tables in memory: short arrays in a row, so that a change costs little
 * anywhere.
 */
import { compareKeys } from "./schema.ts";
import type { Key } from "./store.ts";

const CHUNK_MAX = 256;

interface Chunk<V> {
	keys: Key[];
	values: V[];
}

/** The first place in `keys` at which a key is not less than `key`. */
function placeOf(keys: Key[], key: Key): number {
	let low = 0;
	let high = keys.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (compareKeys(keys[middle] as Key, key) < 0) low = middle + 1;
		else high = middle;
	}
	return low;
}

/** See above. */
export class SortedMap<V> {
	/** None is empty, but for the only one. */
	private chunks: Chunk<V>[] = [{ keys: [], values: [] }];
	private count = 0;

	get size(): number {
		return this.count;
	}

	/** The chunk where a key is, or belongs: the first one that ends at it or above, else the last. */
	private chunkOf(key: Key): number {
		let low = 0;
		let high = this.chunks.length - 1;
		while (low < high) {
			const middle = (low + high) >> 1;
			const keys = (this.chunks[middle] as Chunk<V>).keys;
			if (compareKeys(keys[keys.length - 1] as Key, key) < 0) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	get(key: Key): V | undefined {
		const { keys, values } = this.chunks[this.chunkOf(key)] as Chunk<V>;
		const at = placeOf(keys, key);
		return at < keys.length && compareKeys(keys[at] as Key, key) === 0 ? values[at] : undefined;
	}

	set(key: Key, value: V): void {
		const index = this.chunkOf(key);
		const { keys, values } = this.chunks[index] as Chunk<V>;
		const at = placeOf(keys, key);
		if (at < keys.length && compareKeys(keys[at] as Key, key) === 0) {
			values[at] = value;
			return;
		}
		keys.splice(at, 0, key);
		values.splice(at, 0, value);
		this.count++;
		if (keys.length > CHUNK_MAX) this.split(index);
	}

	private split(index: number): void {
		const { keys, values } = this.chunks[index] as Chunk<V>;
		const half = keys.length >> 1;
		this.chunks.splice(index + 1, 0, { keys: keys.splice(half), values: values.splice(half) });
	}

	delete(key: Key): void {
		const index = this.chunkOf(key);
		const { keys, values } = this.chunks[index] as Chunk<V>;
		const at = placeOf(keys, key);
		if (at === keys.length || compareKeys(keys[at] as Key, key) !== 0) return;
		keys.splice(at, 1);
		values.splice(at, 1);
		this.count--;
		if (keys.length === 0 && this.chunks.length > 1) this.chunks.splice(index, 1);
	}

	/** Values from `lower` to `upper`, both inclusive, at most `limit`. */
	range(lower: Key | undefined, upper: Key | undefined, reverse = false, limit = Infinity): V[] {
		return reverse ? this.backward(lower, upper, limit) : this.forward(lower, upper, limit);
	}

	private forward(lower: Key | undefined, upper: Key | undefined, limit: number): V[] {
		const found: V[] = [];
		let index = lower === undefined ? 0 : this.chunkOf(lower);
		let at = lower === undefined ? 0 : placeOf((this.chunks[index] as Chunk<V>).keys, lower);
		for (; index < this.chunks.length; index++, at = 0) {
			const { keys, values } = this.chunks[index] as Chunk<V>;
			for (; at < keys.length; at++) {
				if (found.length >= limit || (upper !== undefined && compareKeys(keys[at] as Key, upper) > 0))
					return found;
				found.push(values[at] as V);
			}
		}
		return found;
	}

	private backward(lower: Key | undefined, upper: Key | undefined, limit: number): V[] {
		const found: V[] = [];
		let index = upper === undefined ? this.chunks.length - 1 : this.chunkOf(upper);
		let at = (this.chunks[index] as Chunk<V>).keys.length - 1;
		for (;;) {
			const { keys, values } = this.chunks[index] as Chunk<V>;
			for (; at >= 0; at--) {
				const key = keys[at] as Key;
				if (upper !== undefined && compareKeys(key, upper) > 0) continue;
				if (found.length >= limit || (lower !== undefined && compareKeys(key, lower) < 0)) return found;
				found.push(values[at] as V);
			}
			if (--index < 0) return found;
			at = (this.chunks[index] as Chunk<V>).keys.length - 1;
		}
	}
}
