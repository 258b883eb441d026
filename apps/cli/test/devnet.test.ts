/** `pingo devnet` as a person types it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@pingo/core/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectNothingLeft, expectRefused, pingo, type Running, startPingo } from "./pingo.ts";

const ADDRESS = `0:${"5".repeat(64)}`;
let home = "";
let port = 0;
let running: Running;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-cli-devnet-"));
  port = await freePort();
  running = startPingo(["devnet", "up", "--port", String(port)], { PINGO_HOME: home });
  await running.saw(`TON_ENDPOINT=http://127.0.0.1:${port}/api/v2/jsonRPC`);
});
afterAll(async () => {
  running.child.kill("SIGINT");
  await running.ended;
  await expectNothingLeft(home);
  await rm(home, { recursive: true });
});

const devnet = (...args: readonly string[]) =>
  pingo(["devnet", ...args, "--port", String(port + 1)], { PINGO_HOME: home });

async function balance(): Promise<unknown> {
  const url = `http://127.0.0.1:${port}/api/v2/getAddressBalance?address=${ADDRESS}`;
  return (await fetch(url)).json();
}

test("GRAM from the faucet is there when the command returns", async () => {
  const ran = await devnet("faucet", ADDRESS, "1.5", "--json");
  expect(JSON.parse(ran.stdout)).toMatchObject({ nano: "1500000000" });
  expect(await balance()).toEqual({ ok: true, result: "1500000000" });
});

test("time travels, and status tells how far", async () => {
  const travelled = await devnet("travel", "24h");
  expect(travelled.stdout).toMatch(/^block \d+ is of .* ahead of here\n$/);
  const told = await devnet("status", "--json");
  expect(JSON.parse(told.stdout)).toMatchObject({
    travelledS: 86_400,
    waiting: 0,
    devnet: { networkId: -3 },
  });
  expect((await devnet("status")).stdout).toMatch(/the faucet has \d+ GRAM/);
});

test("a snapshot is written once", async () => {
  const path = join(home, "snapshot.sqlite");
  expect((await devnet("snapshot", path)).stdout).toMatch(/the chain up to block \d+ is in/);
  expectRefused(await devnet("snapshot", path), "SNAPSHOT_EXISTS", [path]);
});

test("bad input gets a sentence", async () => {
  expectRefused(await devnet("faucet", ADDRESS, "many"), "OPTION_INVALID", ["many", "GRAM"]);
  expectRefused(await devnet("faucet", "nobody", "1"), "SHAPE_INVALID", ["address"]);
  expectRefused(await devnet("faucet", ADDRESS, "2000000"), "SHAPE_INVALID", ["1000000 GRAM"]);
  expectRefused(await devnet("travel", "back"), "QUANTITY_INVALID", ["back"]);
  const none = await pingo(["devnet", "status", "--port", String(await freePort())], { PINGO_HOME: home });
  expectRefused(none, "DEVNET_UNREACHABLE", ["pingo devnet up"]);
});

test("every command has help with examples", async () => {
  for (const name of ["up", "faucet", "travel", "status", "snapshot"])
    expect((await pingo(["devnet", name, "--help"])).stdout).toContain("Examples:");
});
