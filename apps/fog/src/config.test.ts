import { SettingError } from "@pingo/core";
import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

test("the defaults serve this machine only", () => {
  expect(readConfig({ PINGO_HOME: "/p" })).toEqual({
    folder: "/p/fog",
    http: { host: "127.0.0.1", port: 4710 },
    peerAddress: "/ip4/127.0.0.1/tcp/4711",
    web: null,
    databaseUrl: undefined,
    leaseTtlMs: 6_000,
    payment: "account",
    auditRateMin: undefined,
    stake: "none",
    gate: "open",
    founders: new Set(),
    domains: [],
    network: -3,
    chain: undefined,
    logLevel: "info",
    exitsWithParent: false,
  });
});

test.each([
  ["PINGO_FOG_HTTP", "4710"],
  ["PINGO_FOG_HTTP", "127.0.0.1:70000"],
  ["PINGO_FOG_P2P", "127.0.0.1:4711"],
  ["PINGO_FOG_LEASE_TTL_MS", "1"],
  ["PINGO_FOG_AUDIT_PERCENT", "0"],
  ["PINGO_FOG_AUDIT_PERCENT", "101"],
  ["DATABASE_URL", "mysql://x"],
  ["PINGO_LOG_LEVEL", "loud"],
  ["PINGO_EXIT_WITH_PARENT", "yes"],
])("%s=%s is refused by name", (key, value) => {
  expect(() => readConfig({ [key]: value })).toThrow(SettingError);
  expect(() => readConfig({ [key]: value })).toThrow(key);
});

test("a password in DATABASE_URL is not in the fault", () => {
  expect(() => readConfig({ DATABASE_URL: "mysql://u:secret@x" })).not.toThrow("secret");
});

const LISTEN = "/ip4/0.0.0.0/tcp/4712/ws";

test("pages lend where both what they dial and the page are set, and a proxy may stand before it", () => {
  const announce = "/dns4/fog.example/tcp/443/tls/ws";
  const set = { PINGO_FOG_WEB: LISTEN, PINGO_FOG_PAGE: "/page", PINGO_FOG_WEB_ANNOUNCE: announce };
  expect(readConfig(set).web).toEqual({ listen: LISTEN, pageFolder: "/page", announce: [announce] });
});

test.each([
  { PINGO_FOG_WEB: LISTEN },
  { PINGO_FOG_PAGE: "/page" },
  { PINGO_FOG_WEB: "/ip4/0.0.0.0/tcp/4712", PINGO_FOG_PAGE: "/page" },
  { PINGO_FOG_WEB: LISTEN, PINGO_FOG_PAGE: "/page", PINGO_FOG_WEB_ANNOUNCE: "/dns4/fog.example/tcp/80/ws" },
])("%o is refused: half a setting, or no address that pages can dial", (env) => {
  expect(() => readConfig(env)).toThrow(/PINGO_FOG_(WEB|PAGE)/);
});
