import fc from "fast-check";
import { expect, test } from "vitest";
import * as noble from "./noble.ts";
import * as node from "./node.ts";

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const messages = fc.uint8Array({ maxLength: 300 });

test("SHA-256 of a page is node's", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5_000 }), (bytes) => {
      expect(Buffer.from(noble.sha256(bytes))).toEqual(Buffer.from(node.sha256(bytes)));
    }),
  );
});

test("keys and signatures of a page are node's, byte for byte", () => {
  fc.assert(
    fc.property(seeds, messages, (seed, bytes) => {
      expect(noble.ed25519PublicKey(seed)).toEqual(node.ed25519PublicKey(seed));
      expect(noble.ed25519Sign(seed, bytes)).toEqual(node.ed25519Sign(seed, bytes));
    }),
    { numRuns: 30 },
  );
});

test("both accept what was signed, and refuse it with any bit turned", () => {
  fc.assert(
    fc.property(seeds, messages, fc.nat(96 * 8 - 1), (seed, bytes, bit) => {
      const key = node.ed25519PublicKey(seed);
      const signature = node.ed25519Sign(seed, bytes);
      const turned = Uint8Array.from([...key, ...signature]);
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      for (const { ed25519Verify } of [node, noble]) {
        expect(ed25519Verify(key, bytes, signature)).toBe(true);
        expect(ed25519Verify(turned.subarray(0, 32), bytes, turned.subarray(32))).toBe(false);
      }
    }),
    { numRuns: 30 },
  );
});

test("bytes that are no key verify nothing, on either side", () => {
  fc.assert(
    fc.property(seeds, fc.uint8Array({ minLength: 64, maxLength: 64 }), messages, (key, signature, bytes) => {
      expect(noble.ed25519Verify(key, bytes, signature)).toBe(false);
      expect(node.ed25519Verify(key, bytes, signature)).toBe(false);
    }),
    { numRuns: 50 },
  );
});
