import { availableParallelism } from "node:os";
import { LIMITS } from "@pingo/core";
import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

const CORES = Math.min(availableParallelism(), LIMITS.leasesPerProviderMax);

test("under a policy every core may be lent, unless a setting says otherwise; without one, one is", () => {
  expect(readConfig({}).slots).toBe(CORES);
  expect(readConfig({ PINGO_PROVIDER_POLICY: "/etc/policy.yaml" }).slots).toBe(CORES);
  expect(readConfig({ PINGO_PROVIDER_SLOTS: "1" }).slots).toBe(1);
  expect(readConfig({ PINGO_PROVIDER_POLICY: "off" }).slots).toBe(1);
  expect(readConfig({ PINGO_PROVIDER_POLICY: "off", PINGO_PROVIDER_SLOTS: String(CORES) }).slots).toBe(CORES);
});
