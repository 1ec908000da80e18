/**
 * A Bloom filter: says for certain that a key is not in a set, or that it may be. A new message's keys are new nearly
 * always, and must be found so without reading what is stored of the old ones. Pure.
 */

/** Bits for each key, and how many of them a key sets: one stranger in about 250 is taken for a member. */
const BITS = 12;
const PROBES = 6;

export function makeFilter(keys: Iterable<string>, count: number): Uint8Array {
  const filter = new Uint8Array(Math.max(1, Math.ceil((count * BITS) / 8)));
  for (const key of keys) {
    for (const bit of bitsOf(key, filter.length * 8))
      filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
  return filter;
}

/** False: `key` is not one of the filter's. */
export function mayHold(filter: Uint8Array, key: string): boolean {
  for (const bit of bitsOf(key, filter.length * 8)) {
    if (((filter[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}

/** FNV-1a over UTF-16 units, then mixed. Not for secrets: keys that collide on purpose cost reads and nothing else. */
export function keyHash(key: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function bitsOf(key: string, bits: number): number[] {
  const first = keyHash(key, 0);
  const step = (keyHash(key, 0x9e3779b9) | 1) >>> 0;
  return Array.from({ length: PROBES }, (_, i) => (first + i * step) % bits);
}
