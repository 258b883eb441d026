/** Rewards on a network of this machine: an epoch that is checked, claimed for oneself and for others, and a wrong root that is stopped. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ClaimTree,
  encodeExecute,
  encodePostRoot,
  encodeQuorumCall,
  GLOBAL_ID,
  QuorumAt,
  signCell,
} from "@pingo/contracts";
import { keyPairOfSeed, zAddressBookFile, zEmissionView, zRewardsView } from "@pingo/core";
import { systemClock, systemFetch } from "@pingo/core/system";
import { freePort } from "@pingo/core/testing";
import { createToncenter, createWalletSender, walletContract } from "@pingo/ton";
import { Address } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { expectNothingLeft, expectRefused, pingo, type Ran, type Running, startPingo } from "./pingo.ts";
import { writeTinyJob } from "./tiny-job.ts";

const TIMEOUT_MS = 300_000;
const NETWORK = GLOBAL_ID.testnet;
const NANOGRAM = 1_000_000_000n;
const zPlace = z.object({ endpoint: z.string(), bookPath: z.string(), adminPort: z.int() });
const zEarnings = z.object({ rewards: zRewardsView });
let home = "";
let env: Readonly<Record<string, string>> = {};
let up: Running;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-emission-"));
  const port = String(await freePort());
  env = { PINGO_HOME: home, PINGO_FOG: `http://127.0.0.1:${port}` };
  const jobFile = await writeTinyJob(home, { rounds: 1, budget: "8 PINGO" });
  up = startPingo(["up", "--job", jobFile, "--port", port, "--providers", "1"], env);
  await up.saw("Ctrl-C");
}, TIMEOUT_MS);
afterAll(async () => {
  up.child.kill("SIGINT");
  await up.ended;
  await expectNothingLeft(home);
  await rm(home, { recursive: true });
}, TIMEOUT_MS);

function ask(...args: readonly string[]): Promise<Ran> {
  return pingo(args, env);
}

async function jsonOf(...args: readonly string[]): Promise<unknown> {
  const { stdout, stderr } = await ask(...args, "--json");
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

async function devnet() {
  return zPlace.parse(JSON.parse(await readFile(join(home, "devnet", "local-chain.json"), "utf8")));
}

async function travel(duration: string): Promise<void> {
  const gone = await ask("devnet", "travel", duration, "--port", String((await devnet()).adminPort));
  expect(gone.stderr).toBe("");
}

async function emission() {
  return zEmissionView.parse(await jsonOf("fog", "epoch", "show"));
}

/** Of the two pools, for this home's wallet. */
async function rewards() {
  return zEarnings.parse(await jsonOf("earnings")).rewards.pools;
}

async function untilWaiting(): Promise<void> {
  const waiting = async () => (await emission()).pools.map((pool) => pool.waiting !== null);
  await expect.poll(waiting, { timeout: TIMEOUT_MS }).toEqual([true, true]);
}

test(
  "an epoch is checked by anyone and claimed when its window is over: for oneself, for somebody else, each once",
  async () => {
    expect(up.stdout()).toContain("rewards beside it when the epoch ends");
    // The running epoch's, before it is over. A job of 8 PINGO has fees of 0.4.
    expect(
      (await rewards()).every(({ givenNano, runningNano }) => givenNano === "0" && runningNano !== "0"),
    ).toBe(true);
    expectRefused(await ask("earnings", "claim"), "NOTHING_TO_CLAIM", ["the epoch that runs would give"]);
    expectRefused(await ask("fog", "epoch", "check"), "NO_EPOCH", ["has closed no epoch yet"]);
    expectRefused(await ask("fog", "epoch", "challenge", "--pool", "fog"), "NO_ROOT_WAITS", []);
    expectRefused(await ask("fog", "epoch", "challenge", "--pool", "both"), "OPTION_INVALID", [
      "compute or fog",
    ]);
    await travel("1h");
    await untilWaiting();
    const checked = await ask("fog", "epoch", "check");
    expect(checked.stdout).toContain("is what its receipts come to");
    expect([checked.exitCode, checked.stderr]).toEqual([0, ""]);
    expectRefused(await ask("fog", "epoch", "challenge", "--pool", "compute"), "ROOT_IS_RIGHT", ["bond"]);
    expectRefused(await ask("fog", "epoch", "sign", "--pool", "compute"), "ROOT_POSTED", []);
    expectRefused(await ask("earnings", "claim"), "NOTHING_TO_CLAIM", ["wait for a root to come into force"]);
    expect((await ask("earnings")).stdout).toContain("a root waits until");

    await travel("11m");
    await expect
      .poll(async () => (await rewards()).every(({ proof }) => proof !== null), { timeout: TIMEOUT_MS })
      .toBe(true);
    const [compute, fog] = await rewards();
    const claimed = await jsonOf("earnings", "claim");
    expect(claimed).toMatchObject({
      pools: [
        { pool: "compute", nano: compute?.givenNano },
        { pool: "fog", nano: fog?.givenNano },
      ],
    });
    expectRefused(await ask("earnings", "claim"), "NOTHING_TO_CLAIM", []);
    // The fog node's own, by this home's wallet.
    const key = keyPairOfSeed(new Uint8Array(await readFile(join(home, "fog", "key"))));
    const other = walletContract(key.publicKey, NETWORK).address.toString({ bounceable: false });
    expect((await ask("earnings", "claim", "--owner", other)).stdout).toContain("for serving and using");
    expectRefused(await ask("earnings", "claim", "--owner", other), "NOTHING_TO_CLAIM", []);
    expectRefused(await ask("earnings", "claim", "--owner", "nobody"), "OPTION_INVALID", [
      "an address of a wallet",
    ]);
    await expect
      .poll(async () => (await rewards()).every(({ givenNano, claimedNano }) => givenNano === claimedNano), {
        timeout: TIMEOUT_MS,
      })
      .toBe(true);
    expect((await ask("wallet", "show")).stdout).toContain("for computing and models");
    const audited = await ask("audit", "verify");
    expect(audited.stdout).toMatch(/✓ balanced.*rewards of 1 epoch, /);
  },
  TIMEOUT_MS,
);

test(
  "a root that does not follow from receipts is named and stopped in its window",
  async () => {
    await travel("1h");
    const { running, pools } = await emission();
    const { endpoint, bookPath } = await devnet();
    const client = createToncenter({ endpoint, fetch: systemFetch });
    const { addresses } = zAddressBookFile.parse(JSON.parse(await readFile(bookPath, "utf8")));
    const quorum = Address.parseRaw(String(addresses["quorum"]));
    const key = keyPairOfSeed(new Uint8Array(await readFile(join(home, "fog", "key"))));
    const wallet = keyPairOfSeed(new Uint8Array(await readFile(join(home, "devnet", "wallet.key"))));
    const sender = createWalletSender({ chain: client, key: wallet, network: NETWORK, clock: systemClock });
    const tree = new ClaimTree([
      { owner: sender.address.hash, cumulativeNano: BigInt(pools[0]?.active?.totalNano ?? "0") + 1_000n },
    ]);
    const call = encodeQuorumCall({
      ...{ quorum, globalId: NETWORK, seqno: (await client.open(new QuorumAt(quorum)).getView()).seqno },
      validUntilUnixS: (await client.nowUnixS()) + 60,
      valueMinNanogram: NANOGRAM / 5n,
      target: Address.parseRaw(String(addresses["compute"])),
      order: encodePostRoot({ epoch: running - 1, root: tree.root, totalNano: tree.totalNano }),
    });
    const body = encodeExecute(call, new Map([[0, signCell(key, call)]]));
    await sender.send([{ to: quorum, valueNanogram: NANOGRAM / 5n, body }]);
    await expect
      .poll(async () => (await emission()).pools[0]?.waiting?.epoch, { timeout: TIMEOUT_MS })
      .toBe(running - 1);

    const checked = await ask("fog", "epoch", "check");
    expect(checked.exitCode).toBe(1);
    expect(checked.stdout).toContain(`publishes no file for epoch ${running - 1}`);
    expect(checked.stdout).toContain("pingo fog epoch challenge --pool compute");
    const audited = await ask("audit", "verify");
    expect(audited.stdout).toContain("ROOT_NOT_IN_BOOKS");
    expect(await jsonOf("fog", "epoch", "challenge", "--pool", "compute")).toMatchObject({ how: "bond" });
    expectRefused(await ask("fog", "epoch", "challenge", "--pool", "compute"), "ROOT_CHALLENGED", []);
    // Nobody upholds it: it falls with what is waited for, and nothing was paid by it.
    expect((await ask("fog", "epoch", "show")).stdout).toContain("is challenged and waits for governance");
    expectRefused(await ask("fog", "epoch", "drop", "--pool", "fog"), "ROOT_NOT_CHALLENGED", []);
    expectRefused(await ask("fog", "epoch", "drop", "--pool", "compute"), "ROOT_IN_DECISION", [
      "pingo vote propose compute-root",
    ]);
    // Its owner is a builder, and asks governance for its word; governance is silent, and anyone lets it fall.
    const proposed = await jsonOf("vote", "propose", "compute-root", "falls", "--about", "no receipts");
    expect(proposed).toMatchObject({
      asks: [expect.stringMatching(/^the challenged root [0-9a-f]{64} falls$/)],
    });
    await travel("241h");
    expect(await jsonOf("fog", "epoch", "drop", "--pool", "compute")).toEqual({
      pool: "compute",
      epoch: running - 1,
    });
  },
  TIMEOUT_MS,
);
