/** How a stake is lost, on a real chain: who signs two results of one lease, and whose result does not come out again. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import {
  encodeRegister,
  encodeTransfer,
  PingoWallet,
  RegistryAt,
  Stake,
  signRegistration,
} from "@pingo/contracts";
import {
  assert,
  encodeCanonical,
  type JobView,
  type KeyPair,
  keyPairOfSeed,
  parseShape,
  signValue,
  WALLET_DOMAIN,
  zCases,
} from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { readFile as readStored } from "@pingo/storage";
import { createWalletSender, keyOfWalletFile, parseWalletFile, walletContract } from "@pingo/ton";
import { type UnitRecord, zProvenance } from "@pingo/training";
import { Address } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DevnetChain, startDevnetChain } from "./devnet-chain.ts";
import { type FogProcess, makePlace, startFog } from "./fog-process.ts";
import { join } from "./scripted-provider.ts";
import { acceptTinyJob, blocksOf, ONE_UNIT, postCbor, untilFinished } from "./tiny-job.ts";

const CLI = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));
const NETWORK = -3;
const NANOGRAM = 1_000_000_000n;
const STAKE_NANO = 100_000_000_000n;
const PASSPHRASE = "a passphrase of the test";
const ONE_ROUND = {
  ...ONE_UNIT,
  schedule: { rounds: 1, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
};
const newKey = (): KeyPair => keyPairOfSeed(systemPrng.bytes(32));
const started = new AsyncDisposableStack();
const [fogKey, secondKey, user, staker, twice, liar, honest] = [
  newKey(),
  newKey(),
  newKey(),
  newKey(),
  newKey(),
  newKey(),
  newKey(),
];
let devnet: DevnetChain;
let fog: FogProcess;
/** Of the fog node, and of another member of the quorum; and of a stranger, who has neither wallet nor key. */
let home = "";
let secondHome = "";
let strangerHome = "";
let operator: KeyPair;

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function pingo(args: readonly string[], of = home): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: {
      PATH: String(process.env["PATH"]),
      PINGO_HOME: of,
      PINGO_FOG: fog?.url ?? "",
      PINGO_WALLET_PASSPHRASE: PASSPHRASE,
      PINGO_FOG_ADDRESS_BOOK: devnet.bookPath,
      TON_ENDPOINT: devnet.endpoint,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { stdout, stderr, exitCode: Number(exitCode) };
}

async function told(args: readonly string[], of = home): Promise<Readonly<Record<string, unknown>>> {
  const { stdout, stderr } = await pingo([...args, "--json"], of);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

async function makeHome(key?: KeyPair): Promise<string> {
  const made = await mkdtemp(joinPath(tmpdir(), "pingo-slash-"));
  started.defer(() => rm(made, { recursive: true, force: true }));
  if (key === undefined) return made;
  await mkdir(joinPath(made, "fog"), { recursive: true });
  await writeFile(joinPath(made, "fog", "key"), key.seed);
  return made;
}

/** Registered for the staker's wallet, and with so much at stake. */
async function stake(node: KeyPair): Promise<Stake> {
  const { client, book } = devnet;
  const registry = new RegistryAt(Address.parseRaw(String(book["registry"])));
  const { rules } = await client.open(registry).getView();
  const at = new Stake(registry.address, node.publicKey, "provider", rules);
  const wallet = createWalletSender({ chain: client, key: staker, network: NETWORK, clock: systemClock });
  const body = encodeRegister(
    { millicores: 1_000n, bytes: 1n },
    signRegistration(node, at.address, NETWORK, wallet.address),
  );
  const purse = new PingoWallet(wallet.address, rules.minter).address;
  const forwardNanogram = NANOGRAM / 500n;
  const pledge = { amountNano: STAKE_NANO, to: at.address, excessesTo: wallet.address, forwardNanogram };
  await wallet.send([
    { to: at.address, valueNanogram: NANOGRAM / 10n, init: at.init, body },
    { to: purse, valueNanogram: NANOGRAM / 10n, body: encodeTransfer(pledge) },
  ]);
  while ((await client.open(at).getView())?.stakedNano !== STAKE_NANO) await systemClock.sleep(50);
  return at;
}

async function recordOf(job: JobView): Promise<UnitRecord & { readonly statement: string }> {
  const { result } = await untilFinished(fog.url, job);
  assert(result !== null && "model" in result, "it was trained");
  const json = await readStored(blocksOf(fog.url), result.provenance, { sizeBytesMax: 1e6 });
  const { rounds } = parseShape(zProvenance, JSON.parse(new TextDecoder().decode(json)), "provenance.json");
  const record = rounds[0]?.units[0];
  assert(record?.statement !== undefined, "the unit has a statement");
  return { ...record, statement: record.statement };
}

async function cases() {
  return parseShape(zCases, await told(["fog", "cases"]), "the cases").cases;
}

beforeAll(async () => {
  const place = started.use(await makePlace());
  home = String(place.env["PINGO_HOME"]);
  await mkdir(joinPath(home, "fog"), { recursive: true });
  await writeFile(joinPath(home, "fog", "key"), fogKey.seed);
  [secondHome, strangerHome] = [await makeHome(secondKey), await makeHome()];
  devnet = started.use(await startDevnetChain(home, [fogKey, secondKey], staker));
  await devnet.fund(staker);
  expect((await pingo(["wallet", "create"])).stderr).toBe("");
  const path = joinPath(home, "wallet.json");
  operator = await keyOfWalletFile(
    parseWalletFile(JSON.parse(await readFile(path, "utf8")), path),
    PASSPHRASE,
  );
  await devnet.fund(operator);
  await cp(path, joinPath(secondHome, "wallet.json"));
  const chain = { PINGO_FOG_ADDRESS_BOOK: devnet.bookPath, TON_ENDPOINT: devnet.endpoint };
  fog = started.use(await startFog({ ...place, env: { ...place.env, ...chain } }));
}, 180_000);
afterAll(() => started.disposeAsync());

test("who signs two results of one lease loses all to whoever shows both, and no quorum is asked", async () => {
  const at = await stake(twice);
  {
    await using provider = await join(fog, { key: twice });
    const job = await acceptTinyJob(fog.url, user, ONE_ROUND);
    const lease = await provider.nextLease();
    await provider.send(await provider.work(lease));
    const other = await provider.claim(lease, new Float32Array(6).fill(0.01));
    await expect(provider.send(other)).rejects.toMatchObject({ code: "EQUIVOCATION" });
    expect((await untilFinished(fog.url, job)).state).toBe("succeeded");
  }
  const [found] = await cases();
  expect(found).toMatchObject({ kind: "equivocation", provider: twice.nodeId, unit: 0, deviation: null });
  const [one = "", other = ""] = found?.statements ?? [];
  expect(found?.statements).toHaveLength(2);
  expect((await pingo(["fog", "cases"])).stdout).toContain(`pingo fog slash ${one} ${other}`);
  expect((await pingo(["fog", "slash", one, one])).stderr).toMatch(/they say the same.*\(NO_EQUIVOCATION\)/);
  expect(await told(["fog", "slash", one, other])).toMatchObject({
    ...{ provider: twice.nodeId, stake: at.address.toRawString(), isSent: true, isBarred: true },
    ...{ lostNano: String(STAKE_NANO), leftNano: "0" },
  });
  const { rules } = await devnet.client
    .open(new RegistryAt(Address.parseRaw(String(devnet.book["registry"]))))
    .getView();
  const reward = new PingoWallet(walletContract(operator.publicKey, NETWORK).address, rules.minter);
  const rewardNano = () => devnet.client.open(reward).getBalanceNano();
  while ((await rewardNano()) === 0n) await systemClock.sleep(50);
  expect(await rewardNano()).toBe(STAKE_NANO / 20n);
  expect((await pingo(["fog", "slash", one, other])).stderr).toMatch(/barred already.*\(KEY_BARRED\)/);
});

test("a result that does not come out again costs a part, by as many signatures as the quorum asks for, once", async () => {
  const at = await stake(liar);
  await using provider = await join(fog, { key: liar });
  const statement = {
    ...{ node: liar.nodeId, address: walletContract(staker.publicKey, NETWORK).address.toRawString() },
    ...{ network: NETWORK, atUnixMs: Date.now() },
  };
  const link = {
    byNode: signValue(WALLET_DOMAIN, statement, liar),
    byWallet: signValue(WALLET_DOMAIN, statement, staker),
  };
  expect((await postCbor(`${fog.url}/v1/wallets`, encodeCanonical(link))).status).toBe(201);
  const job = await acceptTinyJob(fog.url, user, { ...ONE_ROUND, budgetNano: "2000000000" });
  await provider.send(await provider.claim(await provider.nextLease(), new Float32Array(6).fill(0.01)));
  const record = await recordOf(job);
  // The fog node finds it by itself; a stranger finds the same without its database.
  while ((await cases()).every(({ kind }) => kind !== "refuted")) await systemClock.sleep(100);
  expect((await cases())[0]).toMatchObject({
    ...{ kind: "refuted", provider: liar.nodeId, statements: [record.statement] },
    deviation: expect.any(Number),
  });
  const found = String((await cases())[0]?.verdict);
  expect((await pingo(["audit", "verdict", found], strangerHome)).exitCode).toBe(1);
  expect((await pingo(["job", "show", job.id])).stdout).toMatch(
    new RegExp(`1 PINGO are taken back for you; case ${found}\\n.*since round 1 `),
  );
  expect((await pingo(["audit", "verify"])).stdout).toContain("1 verdict that took 1 PINGO back");
  const verdict = await pingo(["audit", "verdict", record.statement, "--json"], strangerHome);
  expect(verdict).toMatchObject({ exitCode: 1, stderr: "" });
  expect(JSON.parse(verdict.stdout)).toMatchObject({
    ...{ provider: liar.nodeId, isContradicted: true, tolerance: 0.05, claimed: { update: record.update } },
    statement: record.statement,
  });
  const alone = await pingo(["audit", "verdict", record.receipt], strangerHome);
  expect(alone).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("✗ contradicted") });

  const order = joinPath(strangerHome, "verdict.json");
  expect((await pingo(["fog", "slash", record.statement])).stderr).toMatch(
    /2 signatures.*\(ORDER_FILE_NEEDED\)/,
  );
  expect((await pingo(["fog", "slash", record.receipt, "--order", order])).stderr).toContain(
    "(NOT_A_RESULT)",
  );
  expect((await pingo(["fog", "slash", record.statement, "--order", order], strangerHome)).stderr).toMatch(
    /\((NO_WALLET|NO_FOG_KEY)\)/,
  );
  const asked = ["fog", "slash", record.statement, "--order", order];
  expect((await pingo([...asked, "--millionths", "100001"])).stderr).toContain("(VERDICT_TOO_MUCH)");
  const first = { isSent: false, signatures: 1, threshold: 2, lostNano: "0", convictions: 0 };
  expect(await told(asked)).toMatchObject(first);
  expect(await told(asked)).toMatchObject(first); // its own signature counts once
  const { evidence } = JSON.parse(await readFile(order, "utf8"));
  expect((await pingo(["audit", "verdict", evidence], strangerHome)).exitCode).toBe(1);
  const lostNano = STAKE_NANO / 10n;
  expect(await told(asked, secondHome)).toMatchObject({
    ...{ isSent: true, signatures: 2, isBarred: false, convictions: 1, stake: at.address.toRawString() },
    ...{ lostNano: String(lostNano), leftNano: String(STAKE_NANO - lostNano) },
  });
  expect((await pingo(asked)).stderr).toMatch(/another order since.*\(ORDER_STALE\)/);
  await rm(order);
  expect(await told(asked)).toMatchObject({ ...first, convictions: 1 });
  expect((await pingo(asked, secondHome)).stderr).toMatch(
    /exit code 291\): there is a verdict on this slot already.*\(REFUSED_ON_CHAIN\)/,
  );
});

test("nobody is convicted for honest work, nor for what is no result", async () => {
  await stake(honest);
  await using provider = await join(fog, { key: honest });
  const job = await acceptTinyJob(fog.url, user, ONE_ROUND);
  const lease = await provider.nextLease();
  await provider.send(await provider.work(lease));
  const record = await recordOf(job);
  const verdict = await pingo(["audit", "verdict", record.statement], strangerHome);
  expect(verdict).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("✓ the same work") });
  const order = joinPath(strangerHome, "honest.json");
  expect((await pingo(["fog", "slash", record.statement, "--order", order])).stderr).toMatch(
    /nobody is convicted for that \(NOT_CONTRADICTED\)/,
  );
  expect((await pingo(["audit", "verdict", job.id])).stderr).toContain("(NOT_A_RESULT)");
  expect((await pingo(["audit", "verdict", `bafyrei${"a".repeat(52)}`])).stderr).toContain(
    "(BLOCK_NOT_FOUND)",
  );
  expect((await pingo(["audit", "verdict", "x"])).stderr).toContain("(CID_INVALID)");
  expect((await cases()).map(({ provider: by }) => by)).not.toContain(honest.nodeId);
});

test("what a wallet sent back of a stake is owed, and collected once the wallet takes it again", async () => {
  const own = walletContract(operator.publicKey, NETWORK).address;
  const purse = new PingoWallet(own, Address.parseRaw(String(devnet.book["minter"])));
  const balanceNano = () => devnet.client.open(purse).getBalanceNano();
  const registry = new RegistryAt(Address.parseRaw(String(devnet.book["registry"])));
  const { rules } = await devnet.client.open(registry).getView();
  const at = new Stake(registry.address, fogKey.publicKey, "fog", rules);
  const beforeNano = await balanceNano();
  expect((await pingo(["fog", "collect"])).stderr).toMatch(/not registered.*\(STAKE_NOT_OWNED\)/);
  await told(["fog", "register", "--stake", "2"]);
  await told(["fog", "unbond", "2"]);
  await devnet.travel(700_001);
  {
    await using _ = await devnet.breakContract(purse.address);
    expect(await told(["fog", "collect"])).toMatchObject({ unbondingNano: "0" });
    while ((await devnet.client.open(at).getView())?.owedNano !== 2n * NANOGRAM) await systemClock.sleep(50);
  }
  expect(await balanceNano()).toBe(beforeNano - 2n * NANOGRAM);
  expect(await told(["fog", "collect"])).toMatchObject({ owedNano: "0" });
  while ((await balanceNano()) !== beforeNano) await systemClock.sleep(50);
  expect((await pingo(["fog", "collect"])).stderr).toMatch(/\(NOTHING_UNBONDS\)/);
});
