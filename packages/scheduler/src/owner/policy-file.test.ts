import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PolicyFileError, parsePolicyFile } from "./policy-file.ts";
import { PROFILES } from "./profiles.ts";
import { isWithin, MINUTES_PER_DAY, parseWindows } from "./week.ts";

const FULL = `profile: balanced
idleAfter: 10m
inUse: { cores: 25%, memory: 20%, tolerate: 100m }
idle: { cores: 80% }
grace: 2s
calm: { from: 1s, to: 1m }
vacateAfter: 20m
windows: ["mon-tue 18:00-08:00", "sun 00:00-24:00"]
tariff: { cheap: ["mon 22:00-06:00"], otherwise: 50% }
battery: { run: true, above: 60% }
temperature: { stop: 88, resume: 77 }
fullScreen: ignore
applications: [obs, blender]
metered: ignore
reclaimNotice: 1h
size: { cores: 1.5, memory: 4Gi }
price: 0.02 PINGO
`;

test("every key of a policy file is read, in our units", () => {
  expect(parsePolicyFile(FULL, "policy.yaml")).toEqual({
    profile: "balanced",
    size: { millicores: 1_500, memoryBytes: 4 * 2 ** 30, diskBytes: null },
    priceNanoPerCpuHour: 20_000_000n,
    idleAfterMs: 600_000,
    inUse: { coreShareMax: 0.25, memoryShareMax: 0.2, toleratedMillicores: 100 },
    idle: { ...PROFILES.balanced.idle, coreShareMax: 0.8 },
    graceMs: 2_000,
    calmMs: { min: 1_000, max: 60_000 },
    vacateAfterMs: 1_200_000,
    windows: [
      { weekday: 0, fromMinute: 1_080, toMinute: 480 },
      { weekday: 1, fromMinute: 1_080, toMinute: 480 },
      { weekday: 6, fromMinute: 0, toMinute: 1_440 },
    ],
    tariff: { cheap: [{ weekday: 0, fromMinute: 1_320, toMinute: 360 }], dearShare: 0.5 },
    battery: { isAllowed: true, chargeMin: 0.6 },
    temperature: { stopCelsius: 88, resumeCelsius: 77 },
    onFullScreen: "ignore",
    applications: ["obs", "blender"],
    onMetered: "ignore",
    reclaimNoticeMs: 3_600_000,
  });
});

test.each(["gentle", "balanced", "dedicated"] as const)(
  "a file that names %s alone is that profile",
  (name) => {
    expect(parsePolicyFile(`profile: ${name}`, "policy.yaml")).toEqual(PROFILES[name]);
  },
);

test("an empty file is the gentle profile", () => {
  expect(parsePolicyFile("\n", "policy.yaml")).toEqual(PROFILES.gentle);
});

describe("a mistake is one sentence with a code and its place", () => {
  test.each([
    ["grase: 2s", "POLICY_KEY_UNKNOWN", 'p.yaml:1:1: unknown key "grase"; did you mean "grace"?'],
    ["grace: soon", "POLICY_VALUE_INVALID", '"soon" is not a duration such as "30s", "5m" or "2h"'],
    ["idle:\n  cores: 120%", "POLICY_VALUE_INVALID", 'p.yaml:2:10: "idle.cores": "120%" is not a share'],
    ["profile: gentel", "POLICY_VALUE_INVALID", 'did you mean "gentle"?'],
    ['windows: ["monday"]', "POLICY_VALUE_INVALID", "is not a time of the week such as"],
    ['windows: ["mon 25:00-26:00"]', "POLICY_VALUE_INVALID", "is not a time of the week such as"],
    ["temperature: { stop: 70, resume: 80 }", "POLICY_VALUE_INVALID", '"resume" is not below "stop"'],
    ["calm: { from: 2m, to: 1m }", "POLICY_VALUE_INVALID", '"to" is shorter than "from"'],
    ["idle: [", "POLICY_FILE_SYNTAX", "p.yaml:1:"],
    ["size: { cores: 0.05 }", "POLICY_VALUE_INVALID", "less than a tenth of a core is not lent"],
    ["size: { memory: 1Mi }", "POLICY_VALUE_INVALID", "less than 128.0 MiB is not lent"],
    ["price: dear", "POLICY_VALUE_INVALID", '"dear" is not an amount such as "5 PINGO"'],
    ["reclaimNotice: 31d", "POLICY_VALUE_INVALID", "longer than 30 days"],
    ["# ".padEnd(70_000, "x"), "POLICY_FILE_TOO_LARGE", "at most 65536"],
    [`applications: [${"a,".repeat(300)}]`, "POLICY_VALUE_INVALID", "at most 256"],
    [`windows: [${'"mon 00:00-01:00",'.repeat(65)}]`, "POLICY_VALUE_INVALID", "at most 64"],
  ])("%j", (text, code, sentence) => {
    try {
      parsePolicyFile(text, "p.yaml");
      expect.fail("it was accepted");
    } catch (error) {
      if (!(error instanceof PolicyFileError)) throw error;
      expect(error.code).toBe(code);
      expect(error.message).toContain(sentence);
    }
  });
});

test("a window holds from its first minute until before its last, over midnight too", () => {
  const arbMinute = fc.integer({ min: 0, max: MINUTES_PER_DAY - 1 });
  const arbDay = fc.integer({ min: 0, max: 6 });
  fc.assert(
    fc.property(arbDay, arbMinute, arbMinute, (weekday, fromMinute, toMinute) => {
      const window = { weekday, fromMinute, toMinute };
      const isNextDay = toMinute <= fromMinute;
      const end = { weekday: (weekday + (isNextDay ? 1 : 0)) % 7, minute: toMinute };
      expect(isWithin(window, { weekday, minute: fromMinute })).toBe(true);
      expect(isWithin(window, end)).toBe(false);
    }),
  );
});

test("days may wrap around the week", () => {
  expect(parseWindows("sat-mon 08:00-09:30").map(({ weekday }) => weekday)).toEqual([5, 6, 0]);
});
