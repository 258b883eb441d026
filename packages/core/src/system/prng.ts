import { randomBytes, randomInt } from "node:crypto";
import type { Prng } from "../ports.ts";

/** Chance from the operating system: fit for keys, nonces and ids. */
export const systemPrng: Prng = {
  u32: () => randomBytes(4).readUInt32LE(),
  int: (below) => randomInt(below),
  float: () => randomBytes(4).readUInt32LE() / 2 ** 32,
  bytes: (length) => new Uint8Array(randomBytes(length)),
};
