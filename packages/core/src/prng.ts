/**
 * Seeded chance: xoshiro128**, state filled by splitmix32. Integers only, so every machine draws the same.
 *
 * Not for secrets. SOURCE: Blackman & Vigna, "Scrambled linear pseudorandom number generators", 2021.
 */
import { assert } from "./assert.ts";
import type { Prng } from "./ports.ts";

export function createPrng(seed: number): Prng {
  const state = splitmix32(seed >>> 0);
  const u32 = (): number => nextXoshiro(state);
  const int = (below: number): number => {
    assert(Number.isInteger(below) && below > 0 && below <= 2 ** 32, `int(${below}) out of range`);
    // Rejection keeps it uniform: draws in the last, incomplete stretch are thrown away.
    const limit = 2 ** 32 - (2 ** 32 % below);
    for (;;) {
      const drawn = u32();
      if (drawn < limit) return drawn % below;
    }
  };
  return {
    u32,
    int,
    float: () => u32() / 2 ** 32,
    bytes: (length) => Uint8Array.from({ length }, () => u32() & 255),
  };
}

/** A permutation of 0…length-1, by Fisher and Yates. */
export function permutation(length: number, prng: Prng): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = prng.int(i + 1);
    const swapped = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = swapped;
  }
  return order;
}

/** Folds words into one 32-bit seed (murmur3 finaliser), so that (run, round, unit) each draw their own stream. */
export function mixSeed(...words: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const word of words) {
    hash = Math.imul(hash ^ (word >>> 0), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

function splitmix32(seed: number): Uint32Array {
  const state = new Uint32Array(4);
  let word = seed;
  for (let i = 0; i < 4; i++) {
    word = (word + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    state[i] = mixed ^ (mixed >>> 15);
  }
  return state;
}

function nextXoshiro(state: Uint32Array): number {
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = state;
  const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
  const x2 = s2 ^ s0;
  const x3 = s3 ^ s1;
  state[0] = s0 ^ x3;
  state[1] = s1 ^ x2;
  state[2] = x2 ^ (s1 << 9);
  state[3] = rotateLeft(x3, 11);
  return result;
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
