import { SettingError } from "@pingo/core";
import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

test("the defaults serve this machine only", () => {
  expect(readConfig({ PINGO_HOME: "/p" })).toEqual({
    folder: "/p/devnet",
    http: { host: "127.0.0.1", port: 4720 },
    adminPort: 4721,
    blockMs: 400,
    requestsPerSecondMax: 2_000,
    snapshotPath: undefined,
    logLevel: "info",
    exitsWithParent: false,
  });
});

test.each([
  ["PINGO_DEVNET_HTTP", "4720"],
  ["PINGO_DEVNET_ADMIN_PORT", "70000"],
  ["PINGO_DEVNET_BLOCK_MS", "1"],
  ["PINGO_DEVNET_RATE", "0"],
  ["PINGO_DEVNET_FASTER", "1"],
  ["PINGO_LOG_LEVEL", "loud"],
  ["PINGO_EXIT_WITH_PARENT", "yes"],
])("%s=%s is refused by name", (key, value) => {
  expect(() => readConfig({ [key]: value })).toThrow(SettingError);
  expect(() => readConfig({ [key]: value })).toThrow(key);
});
