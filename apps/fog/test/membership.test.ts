/** A closed gate on a real chain: refused, works, is checked, earns the certificate, is let in, pays with what it earned. */
import { mkdir, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { Certificate } from "@pingo/contracts";
import {
  type BooksView,
  cidOfBytes,
  decodeCanonical,
  encodeCanonical,
  encodeUploadTicket,
  type JobView,
  type KeyPair,
  keyPairOfSeed,
  type MembershipView,
  parseShape,
  signValue,
  TICKET_HEADER,
  type TrainJob,
  type UploadTicket,
  WALLET_DOMAIN,
  type WalletLink,
  type WalletStatement,
  zBooksReport,
  zBooksView,
  zErrorBody,
  zMembershipView,
  zRefutedWorks,
  zVerdictBlock,
} from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { createTestClock, silentLog } from "@pingo/core/testing";
import type { HttpBlocks } from "@pingo/storage";
import { ToncenterError, walletContract } from "@pingo/ton";
import { Address } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../src/database/database.ts";
import { CHAIN_DOWN_MS_MAX, certificateOf, INVALID_MS, VALID_MS } from "../src/membership/certificates.ts";
import { type DevnetChain, startDevnetChain } from "./devnet-chain.ts";
import { type FogPlace, type FogProcess, makePlace, startFog } from "./fog-process.ts";
import { join, type ScriptedProvider } from "./scripted-provider.ts";
import {
  acceptTinyJob,
  blocksOf,
  ONE_UNIT,
  postCbor,
  signJob,
  submit,
  untilFinished,
  uploadTinyJob,
} from "./tiny-job.ts";

const newKey = (): KeyPair => keyPairOfSeed(systemPrng.bytes(32));
const started = new AsyncDisposableStack();
const founder = newKey();
const BUDGET_NANO = 3_000_000_000n;
let place: FogPlace;
let devnet: DevnetChain;
let fog: FogProcess;

beforeAll(async () => {
  const fogKey = newKey();
  const plain = await makePlace();
  const home = String(plain.env["PINGO_HOME"]);
  await mkdir(joinPath(home, "fog"), { recursive: true });
  await writeFile(joinPath(home, "fog", "key"), fogKey.seed);
  started.use(plain);
  devnet = started.use(await startDevnetChain(home, fogKey));
  await devnet.fund(fogKey);
  place = {
    ...plain,
    env: {
      ...plain.env,
      PINGO_FOG_GATE: "certificate",
      PINGO_FOG_PAYMENT: "prepaid",
      PINGO_FOG_FOUNDERS: founder.nodeId,
      PINGO_FOG_ADDRESS_BOOK: devnet.bookPath,
      TON_ENDPOINT: devnet.endpoint,
    },
  };
  fog = started.use(await startFog(place));
});
afterAll(() => started.disposeAsync());

function linkOf(node: KeyPair, wallet: KeyPair, change: Partial<WalletStatement> = {}): WalletLink {
  const statement = {
    node: node.nodeId,
    address: walletContract(wallet.publicKey, -3).address.toRawString(),
    network: -3,
    atUnixMs: Date.now(),
    ...change,
  };
  return {
    byNode: signValue(WALLET_DOMAIN, statement, node),
    byWallet: signValue(WALLET_DOMAIN, statement, wallet),
  };
}

async function answerTo(link: unknown): Promise<string> {
  const answer = await postCbor(`${fog.url}/v1/wallets`, encodeCanonical(link));
  const body: unknown = await answer.json();
  return answer.status === 201 ? "linked" : parseShape(zErrorBody, body, "the refusal").error.code;
}

async function membershipOf({ nodeId }: KeyPair): Promise<MembershipView> {
  return parseShape(
    zMembershipView,
    await (await fetch(`${fog.url}/v1/membership/${nodeId}`)).json(),
    "membership",
  );
}

async function booksOf({ nodeId }: KeyPair): Promise<BooksView> {
  return parseShape(zBooksView, await (await fetch(`${fog.url}/v1/books/${nodeId}`)).json(), "the books");
}

async function refusalOf(
  owner: KeyPair,
  budgetNano: bigint,
): Promise<{ readonly code: string; readonly message: string }> {
  const job = await uploadTinyJob(
    fog.url,
    { ...ONE_UNIT, budgetNano: budgetNano.toString() },
    {},
    blocksBy(founder),
  );
  const answer = await submit(fog.url, signJob(job, owner));
  return parseShape(zErrorBody, await answer.json(), "the refusal").error;
}

function blocksBy(key: KeyPair): HttpBlocks {
  return blocksOf(fog.url, { key, fog: fog.node.id });
}

function accept(owner: KeyPair, change: Partial<TrainJob>): Promise<JobView> {
  return acceptTinyJob(fog.url, owner, change, blocksBy(owner));
}

async function untilMember(key: KeyPair): Promise<MembershipView> {
  for (;;) {
    const view = await membershipOf(key);
    if (view.isMember) return view;
    await systemClock.sleep(100);
  }
}

async function workOn(provider: ScriptedProvider, job: JobView, units: number): Promise<void> {
  for (let done = 0; done < units; done++)
    await provider.send(await provider.work(await provider.nextLease()));
  await untilFinished(fog.url, job);
}

test("a stranger is told how to become a contributor, works, is checked, let in, and pays with what it earned", async () => {
  const user = newKey();
  const wallet = newKey();
  const stranger = await refusalOf(user, 0n);
  expect(stranger).toMatchObject({
    code: "WALLET_NOT_LINKED",
    message: expect.stringContaining("pingo membership join"),
  });
  await using provider = await join(fog);
  expect(await answerTo(linkOf(user, wallet))).toBe("linked");
  expect(await answerTo(linkOf(provider.key, wallet))).toBe("linked");
  expect(await refusalOf(user, 0n)).toMatchObject({
    code: "NOT_MEMBER",
    message: expect.stringContaining("pingo node join"),
  });
  expect(await membershipOf(user)).toMatchObject({ isMember: false, state: "none", worksVerified: 0 });

  // Nobody is a member yet: the founder has the first job, on credit.
  const first = await accept(founder, { ...ONE_UNIT, budgetNano: BUDGET_NANO.toString() });
  await workOn(provider, first, 3);
  const member = await untilMember(user);
  expect(member).toMatchObject({ state: "valid", worksVerified: 1 });
  const certificate = new Certificate(
    walletContract(wallet.publicKey, -3).address,
    Address.parseRaw(String(devnet.book["certificates"])),
  );
  const onChain = await devnet.client.open(certificate).getView();
  expect(onChain).toMatchObject({
    millicores: 1_000n,
    revokedAtUnixS: 0,
    validUntilUnixS: member.validUntilUnixS,
  });
  expect(member.validUntilUnixS ?? 0).toBeGreaterThan(Date.now() / 1000 + 20 * 86_400);

  // What its provider earned is what its owner may spend, and no more.
  const earnedNano = (BUDGET_NANO * 95n) / 100n;
  expect(await refusalOf(user, earnedNano + 1n)).toMatchObject({ code: "FUNDS_MISSING" });
  const own = await accept(user, { ...ONE_UNIT, budgetNano: earnedNano.toString() });
  await using worker = await join(fog);
  await provider.ask({ type: "goodbye" });
  await workOn(worker, own, 3);
  const paid = parseShape(
    zBooksView,
    await (await fetch(`${fog.url}/v1/books/${worker.key.nodeId}`)).json(),
    "the books",
  );
  expect(BigInt(paid.providerNano)).toBeGreaterThan((earnedNano * 94n) / 100n);
  const report = parseShape(zBooksReport, await (await fetch(`${fog.url}/v1/audit`)).json(), "the audit");
  expect(report).toMatchObject({ jobs: 2, receipts: 6, differences: 0 });
});

test("blocks are stored for contributors and providers at work alone, by a ticket for this fog node and this time", async () => {
  const bytes = systemPrng.bytes(100);
  const put = async (ticket: string | undefined): Promise<string> => {
    const headers: Record<string, string> = ticket === undefined ? {} : { [TICKET_HEADER]: ticket };
    const answer = await fetch(`${fog.url}/ipfs/${cidOfBytes(bytes)}`, {
      method: "PUT",
      body: bytes.slice(),
      headers,
    });
    return answer.ok ? "stored" : parseShape(zErrorBody, await answer.json(), "the refusal").error.code;
  };
  const untilUnixMs = Date.now() + 60_000;
  const ticketOf = (key: KeyPair, change: Partial<UploadTicket> = {}): string =>
    encodeUploadTicket(key, { fog: fog.node.id, untilUnixMs, ...change });
  expect(await put(undefined)).toBe("TICKET_NEEDED");
  expect(await put("no ticket")).toMatch(/VALUE_MALFORMED|SHAPE_INVALID/);
  expect(await put("x".repeat(2_000))).toBe("TICKET_NEEDED");
  expect(await put(ticketOf(newKey()))).toBe("WALLET_NOT_LINKED");
  expect(await put(ticketOf(founder, { fog: founder.nodeId }))).toBe("TICKET_REFUSED");
  expect(await put(ticketOf(founder, { untilUnixMs: Date.now() - 1 }))).toBe("TICKET_REFUSED");
  expect(await put(ticketOf(founder, { untilUnixMs: Date.now() + 1e9 }))).toBe("TICKET_REFUSED");
  const forged = `${ticketOf(founder).slice(0, -6)}000000`;
  expect(await put(forged)).toMatch(/SIGNATURE_INVALID|VALUE_MALFORMED|SHAPE_INVALID/);
  await using provider = await join(fog);
  expect(await put(ticketOf(provider.key))).toBe("stored");
  expect(await put(ticketOf(founder))).toBe("stored");
  expect((await fetch(`${fog.url}/ipfs/${cidOfBytes(bytes)}`)).status).toBe(200);
});

test("work that does not come out the same earns no certificate and no pay, and its user has all of it back", async () => {
  await using cheat = await join(fog);
  expect(await answerTo(linkOf(cheat.key, newKey()))).toBe("linked");
  const before = await booksOf(founder);
  const job = await accept(founder, {
    ...ONE_UNIT,
    budgetNano: BUDGET_NANO.toString(),
    schedule: { rounds: 1, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
  });
  await cheat.send(await cheat.claim(await cheat.nextLease(), new Float32Array(6).fill(0.01)));
  await untilFinished(fog.url, job);
  while (!fog.logged().includes('"verdict":"other"')) await systemClock.sleep(50);
  expect(await membershipOf(cheat.key)).toMatchObject({ isMember: false, state: "none", worksVerified: 0 });
  // Half of the steps were claimed, and what was paid for those is taken back.
  const paidNano = BUDGET_NANO / 2n;
  const shareNano = ((paidNano * 95n) / 100n).toString();
  expect(await booksOf(cheat.key)).toMatchObject({
    ...{ earnedNano: "0", providerNano: "0", takenBackNano: shareNano, owedNano: "0" },
  });
  const { ownerNano, spentNano } = await booksOf(founder);
  expect([ownerNano, spentNano]).toEqual([before.ownerNano, before.spentNano]);
  const answer = await (await fetch(`${fog.url}/v1/jobs/${job.id}/refuted`)).json();
  const [found, ...others] = parseShape(zRefutedWorks, answer, "the refuted work").refuted;
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    ...{ job: job.id, round: 1, unit: 0, provider: cheat.key.nodeId },
    ...{ totalNano: paidNano.toString(), providerNano: shareNano },
  });
  const verdict = parseShape(
    zVerdictBlock,
    decodeCanonical(await blocksOf(fog.url).get(found?.verdict ?? job.id)),
    "the verdict",
  );
  expect(verdict).toMatchObject({ receipt: found?.receipt, steps: 1, tolerance: 0.05 });
  const report = parseShape(zBooksReport, await (await fetch(`${fog.url}/v1/audit`)).json(), "the audit");
  expect(report).toMatchObject({ differences: 0, refuted: 1, takenBackNano: paidNano.toString() });
});

test("a wallet is linked only by both keys, to its own address, for this network, and by the latest statement", async () => {
  const [node, wallet, other] = [newKey(), newKey(), newKey()];
  const link = linkOf(node, wallet);
  expect(await answerTo({ ...link, byWallet: link.byNode })).toBe("WALLET_LINK_MISMATCH");
  expect(await answerTo({ ...link, byWallet: linkOf(other, wallet).byWallet })).toBe("WALLET_LINK_MISMATCH");
  expect(await answerTo({ ...link, byNode: { ...link.byNode, signer: other.nodeId } })).toBe(
    "SIGNATURE_INVALID",
  );
  const elsewhere = walletContract(other.publicKey, -3).address.toRawString();
  expect(await answerTo(linkOf(node, wallet, { address: elsewhere }))).toBe("WALLET_NOT_AT_ADDRESS");
  expect(await answerTo(linkOf(node, wallet, { network: -239 }))).toBe("WRONG_NETWORK");
  expect(await answerTo(linkOf(node, wallet, { network: 7 }))).toBe("SHAPE_INVALID");
  expect(await answerTo(linkOf(node, wallet, { atUnixMs: Date.now() + 86_400_000 }))).toBe("STATEMENT_AHEAD");
  expect(await answerTo(link)).toBe("linked");
  expect(await answerTo(link)).toBe("linked");
  expect(await answerTo(linkOf(node, other, { atUnixMs: 1 }))).toBe("STATEMENT_OLD");
  expect(await answerTo(linkOf(node, other, { atUnixMs: Date.now() + 1 }))).toBe("linked");
});

test("a member keeps working while the chain is down, a revoked one does not, and nobody new is let in", async () => {
  await using scratch = await makePlace();
  await using database = await openDatabase({ folder: String(scratch.env["PINGO_HOME"]), url: undefined });
  const clock = createTestClock();
  const nowUnixS = (): number => Math.floor(clock.nowUnixMs() / 1000);
  const address = `0:${"1".repeat(64)}`;
  let validUntilUnixS = nowUnixS() + 30 * 86_400;
  let reads = 0;
  let isDown = false;
  const options = {
    sql: database.sql,
    clock,
    log: silentLog,
    chain: {
      async read() {
        reads += 1;
        if (isDown)
          throw new ToncenterError({
            code: "CHAIN_UNREACHABLE",
            endpoint: "http://chain",
            why: "it is down",
          });
        return { validUntilUnixS };
      },
      issue: () => Promise.reject(new Error("nothing is issued here")),
    },
  };
  const isIn = async (who = address): Promise<boolean> => (await certificateOf(who, options)).isValid;
  expect(await isIn()).toBe(true);
  expect(await isIn()).toBe(true);
  expect(reads).toBe(1);
  isDown = true;
  await clock.advance(VALID_MS + 1);
  expect(await isIn()).toBe(true);
  await clock.advance(CHAIN_DOWN_MS_MAX);
  await expect(isIn()).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
  await expect(isIn(`0:${"2".repeat(64)}`)).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
  isDown = false;
  expect(await isIn()).toBe(true);
  validUntilUnixS = 0; // revoked
  expect(await isIn()).toBe(true);
  await clock.advance(VALID_MS + 1);
  expect(await isIn()).toBe(false);
  validUntilUnixS = nowUnixS() + 60;
  await clock.advance(INVALID_MS + 1);
  expect(await isIn()).toBe(true);
  isDown = true;
  await clock.advance(61_000);
  await expect(isIn()).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
});

test("when the chain is gone, whoever was let in still is", async () => {
  await devnet.kill();
  expect((await accept(founder, ONE_UNIT)).state).toMatch(/queued|running/);
  const unknown = newKey();
  expect(await answerTo(linkOf(unknown, newKey()))).toBe("linked");
  expect((await refusalOf(unknown, 0n)).code).toBe("CHAIN_UNREACHABLE");
});
