import { expect, test } from "vitest";
import {
  readFlag,
  readHostPort,
  readHttpUrl,
  readOneOf,
  readWhole,
  refuseUnknown,
  SettingError,
} from "./settings.ts";

const OF = { program: "the mill", prefix: "MILL_", known: ["MILL_PORT", "MILL_STONES"] };

test("a setting that nobody reads is named, with the one that was meant or those that are", () => {
  expect(() => refuseUnknown({ MILL_PORT: "1", PATH: "/bin" }, OF)).not.toThrow();
  expect(() => refuseUnknown({ MILL_STONE: "2" }, OF)).toThrow(
    "MILL_STONE is not a setting of the mill; did you mean MILL_STONES?",
  );
  expect(() => refuseUnknown({ MILL_WHEEL_FEET: "2" }, OF)).toThrow(
    "MILL_WHEEL_FEET is not a setting of the mill; it knows MILL_PORT, MILL_STONES",
  );
});

test("what is right is read", () => {
  expect(readWhole("K", "7", { min: 0, max: 7 })).toBe(7);
  expect(readOneOf("K", "b", ["a", "b"])).toBe("b");
  expect([readFlag("K", "1"), readFlag("K", "0")]).toEqual([true, false]);
  expect(readHostPort("K", "[::1]:80", "x:1")).toEqual({ host: "::1", port: 80 });
  expect(readHostPort("K", "fog.example:0", "x:1")).toEqual({ host: "fog.example", port: 0 });
  expect(readHttpUrl("K", "http://[::1]:4710/", "http://x")).toBe("http://[::1]:4710");
});

test.each([
  ["a number past its bounds", () => readWhole("K", "8", { min: 0, max: 7 })],
  ["a number below its bounds", () => readWhole("K", "0", { min: 1, max: 7 })],
  ["a fraction", () => readWhole("K", "1.5", { min: 0, max: 7 })],
  ["a number in another notation", () => readWhole("K", "0x1", { min: 0, max: 7 })],
  ["none of the words", () => readOneOf("K", "c", ["a", "b"])],
  ["a flag that is a word", () => readFlag("K", "true")],
  ["a port alone", () => readHostPort("K", "4710", "x:1")],
  ["a port that is none", () => readHostPort("K", "x:65536", "x:1")],
  ["another scheme", () => readHttpUrl("K", "ftp://x", "http://x")],
  ["no host", () => readHttpUrl("K", "http://", "http://x")],
  ["a space within", () => readHttpUrl("K", "http://a b", "http://x")],
])("%s is refused with the key and what is expected", (_, read) => {
  expect(read).toThrow(SettingError);
  expect(read).toThrow(/^K is ".*"; expected .+/);
});

test("of a value without end only the beginning is shown", () => {
  expect(() => readFlag("K", "x".repeat(10_000))).toThrow(/^.{1,300}$/);
});
