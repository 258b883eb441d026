import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatBytes,
  formatCores,
  formatDuration,
  formatPingo,
  parseBytes,
  parseDuration,
  parseMillicores,
  parsePingo,
  parseShare,
} from "./units.ts";

describe("units", () => {
  test("one core is one, and all else are cores", () => {
    expect([1_000, 2_000, 500, 2_500].map(formatCores)).toEqual([
      "1 core",
      "2 cores",
      "0.5 cores",
      "2.5 cores",
    ]);
  });

  test("an amount is read back from how it is written", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n }), (nano) => {
        expect(parsePingo(formatPingo(nano))).toBe(nano);
      }),
    );
  });

  test.each([
    ["5 PINGO", 5_000_000_000n],
    ["0.25 PINGO", 250_000_000n],
    ["0.000000001 PINGO", 1n],
  ])("%s", (text, nano) => {
    expect(parsePingo(text)).toBe(nano);
  });

  test.each(["5", "-5 PINGO", "0.0000000001 PINGO", "1e9 PINGO", "5 pingo", ""])(
    "the amount %j is refused",
    (text) => {
      expect(() => parsePingo(text)).toThrow(/is not an amount/);
    },
  );

  test.each([
    ["500m", 500],
    ["2", 2000],
    ["1.5", 1500],
  ])("%s cores", (text, millicores) => {
    expect(parseMillicores(text)).toBe(millicores);
  });

  test.each([
    ["512Mi", 512 * 2 ** 20],
    ["2G", 2e9],
    ["100", 100],
  ])("%s of memory", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test("quantities without sense are refused", () => {
    for (const text of ["", "-1", "1 core", "0x10", "NaN"])
      expect(() => parseMillicores(text)).toThrow(/is not a number of cores/);
    for (const text of ["", "-1", "1KB", "1.5Gi", "999999999999Ti"])
      expect(() => parseBytes(text)).toThrow(/is not a size/);
  });

  test("people read sizes and times", () => {
    expect([0, 1023, 1536, 5 * 2 ** 30].map(formatBytes)).toEqual(["0 B", "1023 B", "1.50 KiB", "5.00 GiB"]);
    expect([12, 1500, 125_000, 7_500_000].map(formatDuration)).toEqual([
      "12 ms",
      "1.5 s",
      "2 min 5 s",
      "2 h 5 min",
    ]);
    expect(formatPingo(-1_500_000_000n)).toBe("-1.5 PINGO");
  });

  test.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
  ])("the duration %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["5", "5 minutes", "-1s", "1.5h", ""])("the duration %j is refused", (text) => {
    expect(() => parseDuration(text)).toThrow(/is not a duration/);
  });

  test.each([
    ["0%", 0],
    ["12.5%", 0.125],
    ["100%", 1],
  ])("the share %s", (text, share) => {
    expect(parseShare(text)).toBe(share);
  });

  test.each(["101%", "50", "-1%", "half"])("the share %j is refused", (text) => {
    expect(() => parseShare(text)).toThrow(/is not a share/);
  });
});
