/** `pingo vote` against a devnet in processes: a builder and user proposes, votes, carries out; every refusal is a sentence. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  encodeExecute,
  encodeIssue,
  encodeLapse,
  encodeQuorumCall,
  encodeRelease,
  GLOBAL_ID,
  Proposal,
  parseGenesisFile,
  planDeployment,
  QuorumAt,
  signCell,
} from "@pingo/contracts";
import { testGenesis } from "@pingo/contracts/testing";
import { type KeyPair, keyPairOfSeed } from "@pingo/core";
import { systemClock, systemFetch, systemPrng } from "@pingo/core/system";
import { freePort } from "@pingo/core/testing";
import {
  createToncenter,
  createWalletSender,
  keyOfWalletFile,
  parseWalletFile,
  type TransactionView,
} from "@pingo/ton";
import { Address, beginCell } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { runErrand } from "../src/local/errand.ts";
import { expectNothingLeft, expectRefused, pingo, type Running, startPingo } from "./pingo.ts";

const PASSPHRASE = "a passphrase of the test";
const NANOGRAM = 1_000_000_000n;
const HOUR_SECONDS = 3600;
const QUORUM_KEY = keyPairOfSeed(systemPrng.bytes(32));
let home = "";
let endpoint = "";
let port = 0;
let devnet: Running;
let address = "";
let genesis: Readonly<Record<string, unknown>> = {};

const zProposal = z.object({
  number: z.int(),
  state: z.string(),
  asks: z.array(z.string()),
  isCarried: z.boolean(),
  builders: z.object({ for: z.int(), against: z.int(), min: z.int() }),
  users: z.object({ forNano: z.string(), againstNano: z.string(), minNano: z.string() }),
});
const zList = z.object({
  proposals: z.array(zProposal),
  of: z.int(),
  parameters: z.record(z.string(), z.string()),
});

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-cli-vote-"));
  port = await freePort();
  devnet = startPingo(["devnet", "up", "--port", String(port)], { PINGO_HOME: home });
  endpoint = `http://127.0.0.1:${port}/api/v2/jsonRPC`;
  await devnet.saw(endpoint);
  const made = await pingo(["wallet", "create", "--json"], env());
  address = z.object({ raw: z.string() }).parse(JSON.parse(made.stdout)).raw;
  await admin(["faucet", address, "20"]);
  const rules = { voteSeconds: HOUR_SECONDS, timelockSeconds: 600, buildersMin: 1, usersMinPingo: 1 };
  genesis = testGenesis(address, QUORUM_KEY.publicKey, { governance: rules });
  const path = join(home, "genesis.json");
  await writeFile(path, JSON.stringify(genesis));
  expect((await vote([], ["chain", "deploy", "--genesis", path])).exitCode).toBe(0);
});
afterAll(async () => {
  devnet.child.kill("SIGINT");
  await devnet.ended;
  await expectNothingLeft(home);
  await rm(home, { recursive: true });
});

function env(more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return { PINGO_HOME: home, PINGO_WALLET_PASSPHRASE: PASSPHRASE, TON_ENDPOINT: endpoint, ...more };
}

async function admin(args: readonly string[]): Promise<void> {
  const ended = await pingo(["devnet", ...args, "--port", String(port + 1)], env());
  expect(ended.stderr).toBe("");
}

async function vote(args: readonly string[], command: readonly string[] = ["vote"]) {
  return await pingo([...command, ...args], env());
}

async function told<T>(schema: z.ZodType<T>, args: readonly string[]): Promise<T> {
  const ended = await vote([...args, "--json"]);
  expect(ended.stderr).toBe("");
  return schema.parse(JSON.parse(ended.stdout));
}

async function ownKey(): Promise<KeyPair> {
  const file = parseWalletFile(JSON.parse(await readFile(join(home, "wallet.json"), "utf8")), "wallet.json");
  return keyOfWalletFile(file, PASSPHRASE);
}

/** What others would do: the quorum issues a certificate to the wallet, or to somebody for less long, and a vault pays it PINGO. */
async function makeContributor(of?: Address, validDays = 90): Promise<void> {
  const key = await ownKey();
  const chain = createToncenter({ endpoint, fetch: systemFetch });
  const sender = createWalletSender({ chain, key, network: -3, clock: systemClock });
  const { addressBook } = planDeployment(parseGenesisFile(genesis));
  const at = (name: string) => Address.parseRaw(String(addressBook[name]));
  const quorum = new QuorumAt(at("quorum"));
  const { seqno: before } = await chain.open(quorum).getView();
  const nowUnixS = await chain.nowUnixS();
  const contribution = {
    millicores: 1_000n,
    bytes: 1n,
    tier: 1,
    validUntilUnixS: nowUnixS + validDays * 24 * HOUR_SECONDS,
  };
  const call = encodeQuorumCall({
    quorum: at("quorum"),
    globalId: GLOBAL_ID.testnet,
    seqno: before,
    validUntilUnixS: nowUnixS + HOUR_SECONDS,
    valueMinNanogram: NANOGRAM / 4n,
    target: at("certificates"),
    order: encodeIssue(of ?? sender.address, contribution),
  });
  const body = encodeExecute(call, new Map([[0, signCell(QUORUM_KEY, call)]]));
  await sender.send([
    { to: at("quorum"), valueNanogram: NANOGRAM / 4n, body },
    ...(of ? [] : [{ to: at("investors-1"), valueNanogram: NANOGRAM / 4n, body: encodeRelease() }]),
  ]);
  while ((await chain.open(quorum).getView()).seqno === before) await systemClock.sleep(100);
}

test("a parameter changes by a vote of both chambers, from the proposal to the PINGO that comes home", async () => {
  const before = await told(zList, ["list"]);
  expect(before).toMatchObject({ proposals: [], of: 0, parameters: { "provider-stake-min": "0 PINGO" } });
  expectRefused(await vote(["show", "0"]), "NO_SUCH_PROPOSAL", ["pingo vote propose"]);
  const asked = ["propose", "provider-stake-min", "50", "--about", "stakes that new members can afford"];
  expectRefused(await vote(asked), "NOT_A_BUILDER", ["no certificate", "pingo node join"]);
  await makeContributor();

  const proposed = await told(zProposal, asked);
  expect(proposed).toMatchObject({ number: 0, state: "open", asks: ["provider-stake-min 50 PINGO"] });
  expectRefused(await vote(["execute", "0"]), "VOTE_GOES_ON", ["proposal 0 goes on until"]);
  expectRefused(await vote(["unlock"]), "NOTHING_LOCKED", ["--lock"]);
  const tooMuch = await vote(["yes", "0", "--lock", "999999999"]);
  expectRefused(tooMuch, "LOCK_PINGO_MISSING", ["999999999", "150000000"]);

  const yes = await vote(["yes", "0", "--lock", "100"]);
  expect(yes.stderr).toBe("");
  expect(yes.stdout).toContain("voted for proposal 0, as a builder");
  expect(yes.stdout).toContain("voted for proposal 0 with 100 PINGO");
  expectRefused(await vote(["no", "0"]), "VOTED_ALREADY", ["cast once"]);
  expectRefused(await vote(["unlock"]), "STILL_LOCKED", ["100 PINGO", "stays locked until"]);
  const shown = await pingo(["wallet", "show"], env());
  expect(shown.stdout).toMatch(/\d GRAM, \d+ PINGO, and 100 PINGO locked in votes/);
  expect(shown.stdout).toContain("certificate: valid until");
  const down = await pingo(
    ["wallet", "show", "--json"],
    env({ TON_ENDPOINT: "http://127.0.0.1:9/api/v2/jsonRPC" }),
  );
  expect(JSON.parse(down.stdout)).toMatchObject({
    raw: address,
    unknown: expect.stringContaining("does not answer"),
  });
  expect(await told(zProposal, ["show", "0"])).toMatchObject({
    isCarried: true,
    builders: { for: 1, against: 0, min: 1 },
    users: { forNano: "100000000000", againstNano: "0" },
  });

  await admin(["travel", "61m"]);
  expectRefused(await vote(["no", "0"]), "VOTE_OVER", ["ended on"]);
  expectRefused(await vote(["execute", "0"]), "TIMELOCKED", ["takes effect from"]);
  await admin(["travel", "10m"]);
  expect((await vote(["pause", "1"])).stdout).toContain("governance is held up until");
  expectRefused(await vote(["execute", "0"]), "GOVERNANCE_PAUSED", ["the guardian holds decisions up"]);
  await admin(["travel", "25h"]);
  expect(await told(zProposal, ["execute", "0"])).toMatchObject({ state: "carried-out" });
  const after = await told(zList, ["list"]);
  expect(after).toMatchObject({ of: 1, parameters: { "provider-stake-min": "50 PINGO" } });
  expectRefused(await vote(["execute", "0"]), "ENACTED", ["carried out already"]);
  expect((await vote(["unlock"])).stdout).toContain("100 PINGO is in your wallet again");
  expectRefused(await vote(["unlock"]), "NOTHING_LOCKED", []);
});

test("what its target refuses is told with its exit code as a sentence, and can be tried again", async () => {
  const asked = ["propose", "vote-seconds", "60", "--about", "votes of a minute"];
  expect(await told(zProposal, asked)).toMatchObject({ number: 1, asks: ["vote-seconds 60"] });
  expect((await vote(["yes", "1", "--lock", "5"])).exitCode).toBe(0);
  await admin(["travel", "72m"]);
  for (let tries = 0; tries < 2; tries++)
    expectRefused(await vote(["execute", "1"]), "REFUSED_ON_CHAIN", ["exit code 309", "rules of voting"]);
  expect((await vote(["list"])).stdout).toContain("pingo vote execute 1");
});

test("bad input gets a sentence, and nothing is sent", async () => {
  expectRefused(await vote(["propose", "prices", "1", "--about", "x"]), "NO_SUCH_PARAMETER", [
    "vote-seconds",
  ]);
  expectRefused(await vote(["propose", "users-min", "many", "--about", "x"]), "OPTION_INVALID", [
    "PINGO, such as",
  ]);
  expectRefused(await vote(["propose", "guardian", "me", "--about", "x"]), "OPTION_INVALID", ["basechain"]);
  expectRefused(await vote(["propose", "users-min", "1"]), "USAGE", ["--about"]);
  expectRefused(await vote(["yes", "first"]), "OPTION_INVALID", ["a proposal's number"]);
  expectRefused(await vote(["yes", "7"]), "NO_SUCH_PROPOSAL", ["numbered from 0 to 1"]);
  expectRefused(await vote(["pause", "8"]), "OPTION_INVALID", ["1 to 7"]);
  const paused = JSON.parse((await vote(["pause", "1", "--of", "compute", "--json"])).stdout);
  expect(paused).toMatchObject({ paused: "compute", days: 1, untilUnixS: expect.any(Number) });
  // Again within 30 days: refused by its contract, and not told as done.
  expectRefused(await vote(["pause", "1", "--of", "compute"]), "REFUSED_ON_CHAIN", [
    "the pause",
    "30 days after the last one began",
  ]);
  expectRefused(await vote(["pause", "1", "--of", "minter"]), "OPTION_INVALID", ["governance, compute"]);
  const other = await mkdtemp(join(tmpdir(), "pingo-cli-vote-other-"));
  const elsewhere = env({ PINGO_HOME: other });
  expectRefused(await pingo(["vote", "list"], elsewhere), "NO_ADDRESS_BOOK", ["pingo chain deploy"]);
  await writeFile(join(other, "address-book.json"), await readFile(join(home, "address-book.json")));
  expectRefused(await pingo(["vote", "yes", "1"], elsewhere), "NO_WALLET", ["pingo wallet create"]);
  await pingo(["wallet", "create"], elsewhere);
  expectRefused(await pingo(["vote", "pause", "1"], elsewhere), "NOT_THE_GUARDIAN", [address]);
  expectRefused(await pingo(["vote", "yes", "1"], elsewhere), "VOTE_OVER", []);
  await rm(other, { recursive: true });
});

test("a wallet without GRAM is told how much is missing before anything is sent; a stranger's word is no refusal", async () => {
  const key = keyPairOfSeed(systemPrng.bytes(32));
  const other = await mkdtemp(join(tmpdir(), "pingo-cli-vote-poor-"));
  await writeFile(join(other, "address-book.json"), await readFile(join(home, "address-book.json")));
  const elsewhere = env({ PINGO_HOME: other });
  const made = await pingo(["wallet", "create", "--json"], elsewhere);
  const own = z.object({ raw: z.string(), address: z.string() }).parse(JSON.parse(made.stdout));
  await admin(["faucet", own.raw, "0.05"]);
  expectRefused(await pingo(["vote", "execute", "1"], elsewhere), "GRAM_MISSING", [
    "the order takes 0.27 GRAM",
    `${own.address} has 0.05 GRAM: send it 0.22 GRAM more ("pingo devnet faucet ${own.address} 1"`,
  ]);
  await rm(other, { recursive: true });

  const chain = createToncenter({ endpoint, fetch: systemFetch });
  const sender = createWalletSender({ chain, key, network: -3, clock: systemClock });
  await admin(["faucet", sender.address.toRawString(), "1"]);
  const { addressBook } = planDeployment(parseGenesisFile(genesis));
  const proposal = new Proposal(1, Address.parseRaw(String(addressBook["governance"])));
  const errand = (seen: (answers: readonly TransactionView[]) => Promise<boolean>) =>
    runErrand(
      { ports: { clock: systemClock }, signal: new AbortController().signal },
      { chain, sender },
      {
        what: "the order",
        // Some GRAM for its rent, which nothing answers; then what it refuses.
        messages: [{ to: proposal.address, valueNanogram: NANOGRAM / 100n }],
        look: async (answers) => (await seen(answers)) || undefined,
      },
    );
  const deployer = createWalletSender({ chain, key: await ownKey(), network: -3, clock: systemClock });
  const lie = beginCell().storeUint(0x50470101, 32).storeUint(0, 64).storeInt(309, 32).endCell();
  const messages = [{ to: sender.address, valueNanogram: NANOGRAM / 100n, bounce: false, body: lie }];
  let isSaid = false;
  await errand(async (answers) => {
    if (!isSaid) await deployer.send(messages);
    isSaid = true;
    return answers.some(({ inMessage }) => inMessage?.from?.equals(deployer.address));
  });
  const before = await chain.account(sender.address);
  const refused = runErrand(
    { ports: { clock: systemClock }, signal: new AbortController().signal },
    { chain, sender },
    {
      what: "the order",
      messages: [{ to: proposal.address, valueNanogram: NANOGRAM / 4n, body: encodeLapse() }],
      look: async () => undefined,
    },
  );
  await expect(refused).rejects.toMatchObject({ code: "REFUSED_ON_CHAIN", fault: { exitCode: 65535 } });
  expect(before.balanceNanogram - (await chain.account(sender.address)).balanceNanogram).toBeLessThan(
    NANOGRAM / 50n,
  );
});

test("a certificate lapses by anyone's word, is revoked by the quorum's, and given up by its owner's", async () => {
  const certificates = ["membership"];
  const other = new Address(0, Buffer.from(systemPrng.bytes(32)));
  const of = other.toString({ bounceable: false, testOnly: true });
  expectRefused(await vote(["lapse", "--owner", of], certificates), "NO_CERTIFICATE_OF", ["pingo node join"]);
  expectRefused(await vote(["lapse", "--owner", "me"], certificates), "OPTION_INVALID", ["UQ…"]);
  await makeContributor(other, 1);
  await expect
    .poll(async () => (await vote(["lapse", "--owner", of], certificates)).stderr)
    .toContain("(CERTIFICATE_STANDS)");
  await admin(["travel", "25h"]);
  const lapsed = JSON.parse((await vote(["lapse", "--owner", of, "--json"], certificates)).stdout);
  expect(lapsed).toEqual({ owner: other.toRawString(), revokedAtUnixS: expect.any(Number) });
  expectRefused(await vote(["lapse", "--owner", of], certificates), "CERTIFICATE_REVOKED", ["already"]);

  expect((await vote(["excess"], certificates)).stdout).toMatch(/keeps 0\.\d+ GRAM for its rent/);
  const withdraw = (...args: readonly string[]) => vote(["withdraw", address, ...args], ["fog"]);
  expectRefused(await withdraw("--sign"), "NO_FOG_KEY", ["pingo fog serve"]);
  expectRefused(await withdraw(), "SIGNATURES_MISSING", [`pingo fog withdraw ${address} --sign`]);
  expectRefused(await withdraw("--signature", "mine"), "OPTION_INVALID", ["PLACE:HEX"]);
  await mkdir(join(home, "fog"), { recursive: true });
  await writeFile(join(home, "fog", "key"), systemPrng.bytes(32));
  expectRefused(await withdraw("--sign"), "QUORUM_NOT_OURS", ["not in the quorum"]);
  // As another member's: the one who sends has no key.
  await writeFile(join(home, "fog", "key"), QUORUM_KEY.seed);
  const signature = (await withdraw("--sign")).stdout.trim();
  expect(signature).toMatch(/^0:[0-9a-f]{128}$/);
  await rm(join(home, "fog"), { recursive: true });
  expectRefused(await withdraw("--signature", `0:${"0".repeat(128)}`), "SIGNATURES_MISSING", ["0 of the 1"]);
  expect((await withdraw("--signature", signature)).stdout).toContain("is revoked as of");
  expectRefused(await withdraw("--signature", signature), "CERTIFICATE_REVOKED", []);

  expectRefused(await vote(["leave"], certificates), "USAGE", ["--yes"]);
  expect((await vote(["leave", "--yes"], certificates)).stdout).toContain("has given its certificate up");
  expectRefused(await vote(["leave", "--yes"], certificates), "NO_CERTIFICATE_OF", []);
  expectRefused(await vote(["propose", "compute-root", "perhaps", "--about", "x"]), "OPTION_INVALID", [
    "upheld or falls",
  ]);
  expectRefused(await vote(["propose", "compute-root", "falls", "--about", "x"]), "ROOT_NOT_CHALLENGED", [
    "pingo fog epoch show",
  ]);
});
