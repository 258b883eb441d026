import fc from "fast-check";
import { expect, test } from "vitest";
import { matchesPattern, nearestToPattern, zPatterns } from "./pattern.ts";

test.each([
  ["encoder.*", "encoder.0.weight", true],
  ["encoder.*", "decoder.encoder.0", false],
  ["*.bias", "fc.bias", true],
  ["*.bias", "bias", false],
  ["*attn*proj*", "layers.3.attn.q_proj.weight", true],
  ["*", "", true],
  ["a*b*b", "abab", true],
  ["a.b", "a+b", false],
  ["fc", "fc1", false],
])("%s on %s: %s", (pattern, name, matches) => {
  expect(matchesPattern(pattern, name)).toBe(matches);
});

const letters = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), maxLength: 12 });

test("a star is what .* is in a regular expression", () => {
  fc.assert(
    fc.property(letters, letters, (pattern, name) => {
      const source = pattern.replaceAll(".", "\\.").replaceAll("*", ".*");
      expect(matchesPattern(pattern, name)).toBe(new RegExp(`^${source}$`).test(name));
    }),
    { numRuns: 2_000 },
  );
});

test("many stars cost no more than length times length", () => {
  // A backtracking matcher would not come back from this one.
  expect(matchesPattern(`${"*a".repeat(100)}*b`, "a".repeat(50_000))).toBe(false);
});

test("the nearest names are those that need the fewest changes", () => {
  const names = ["head.bias", "encoder.0.weight", "encoder.1.bias", "decoder.0.weight"];
  expect(nearestToPattern("encodr.*", names, 2)).toEqual(["encoder.0.weight", "encoder.1.bias"]);
  expect(nearestToPattern("*.baes", names, 1)).toEqual(["head.bias"]);
  expect(nearestToPattern("x", [], 3)).toEqual([]);
});

test("a pattern that matches is nearer than any that does not", () => {
  fc.assert(
    fc.property(letters, fc.array(letters, { maxLength: 6 }), (pattern, names) => {
      const [nearest] = nearestToPattern(pattern, names, 1);
      const isHit = names.some((name) => matchesPattern(pattern, name));
      if (isHit) expect(matchesPattern(pattern, nearest ?? "?")).toBe(true);
    }),
  );
});

test("more or longer patterns than a job may have are refused", () => {
  expect(zPatterns.safeParse(new Array(256).fill("a")).success).toBe(true);
  expect(zPatterns.safeParse(new Array(257).fill("a")).success).toBe(false);
  expect(zPatterns.safeParse(["a".repeat(257)]).success).toBe(false);
  expect(zPatterns.safeParse([]).success).toBe(false);
});
