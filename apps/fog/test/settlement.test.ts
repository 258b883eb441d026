/** Jobs that are paid on a real chain: funded, worked on, billed, paid out, and what the books and the chain say of it. */
import { mkdir, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import {
  ESCROW_ASK_NANOGRAM,
  encodeFinish,
  encodeFunding,
  encodeTransfer,
  jobEscrow,
  PingoWallet,
} from "@pingo/contracts";
import {
  type BooksReport,
  type BooksView,
  digestOfCid,
  type EscrowInfo,
  encodeCanonical,
  type JobView,
  type KeyPair,
  keyPairOfSeed,
  parseShape,
  STOP_DOMAIN,
  signValue,
  WALLET_DOMAIN,
  zBooksReport,
  zBooksView,
  zJobEscrowView,
} from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { createWalletSender, type WalletSender, walletContract } from "@pingo/ton";
import { Address } from "@ton/core";
import { sql as raw } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { auditBooks } from "../src/books/audit.ts";
import { openDatabase } from "../src/database/database.ts";
import type { Sql } from "../src/database/schema.ts";
import { type Find, reconcile } from "../src/settlement/reconcile.ts";
import { createSettlementChain } from "../src/settlement/settlement-chain.ts";
import { type DevnetChain, startDevnetChain } from "./devnet-chain.ts";
import { type FogPlace, type FogProcess, makePlace, startFog } from "./fog-process.ts";
import { join, type ScriptedProvider } from "./scripted-provider.ts";
import {
  acceptTinyJob,
  ONE_UNIT,
  postCbor,
  signJob,
  submit,
  untilFinished,
  uploadTinyJob,
} from "./tiny-job.ts";

const NETWORK = -3;
const NANO = 1_000_000_000n;
const BUDGET_NANO = 3n * NANO;
const WINDOW_S = 3_600;
const newKey = (): KeyPair => keyPairOfSeed(systemPrng.bytes(32));
const started = new AsyncDisposableStack();
const fogKey = newKey();
const owner = newKey();
const ownerWallet = newKey();
const providerKey = newKey();
const providerWallet = newKey();
let place: FogPlace;
let devnet: DevnetChain;
let fog: FogProcess;
let payer: WalletSender;

beforeAll(async () => {
  const plain = started.use(await makePlace());
  const home = String(plain.env["PINGO_HOME"]);
  await mkdir(joinPath(home, "fog"), { recursive: true });
  await writeFile(joinPath(home, "fog", "key"), fogKey.seed);
  devnet = started.use(await startDevnetChain(home, fogKey, ownerWallet));
  await devnet.fund(fogKey);
  await devnet.fund(ownerWallet);
  const more = {
    PINGO_FOG_PAYMENT: "chain",
    PINGO_FOG_ADDRESS_BOOK: devnet.bookPath,
    TON_ENDPOINT: devnet.endpoint,
  };
  place = { ...plain, env: { ...plain.env, ...more } };
  fog = await startFog(place);
  payer = createWalletSender({
    chain: devnet.client,
    key: ownerWallet,
    network: NETWORK,
    clock: systemClock,
  });
  await link(owner, ownerWallet);
  await link(providerKey, providerWallet);
});
afterAll(async () => {
  await fog[Symbol.asyncDispose]();
  await started.disposeAsync();
});

function addressOf(key: KeyPair): Address {
  return walletContract(key.publicKey, NETWORK).address;
}

async function link(node: KeyPair, wallet: KeyPair): Promise<void> {
  const address = addressOf(wallet).toRawString();
  const statement = { node: node.nodeId, address, network: NETWORK, atUnixMs: Date.now() };
  const byNode = signValue(WALLET_DOMAIN, statement, node);
  const link = { byNode, byWallet: signValue(WALLET_DOMAIN, statement, wallet) };
  expect((await postCbor(`${fog.url}/v1/wallets`, encodeCanonical(link))).status).toBe(201);
}

async function heldNano(address: Address): Promise<bigint> {
  const minter = Address.parseRaw(String(devnet.book["minter"]));
  return devnet.client.open(new PingoWallet(address, minter)).getBalanceNano();
}

async function until<T>(look: () => Promise<T | undefined | null | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await systemClock.sleep(50);
  }
}

async function infoOf(job: JobView): Promise<EscrowInfo | null> {
  const answer = await (await fetch(`${fog.url}/v1/jobs/${job.id}/escrow`)).json();
  const view = parseShape(zJobEscrowView, answer, "the escrow");
  expect(view.payment).toBe("chain");
  return view.escrow;
}

function untilState(job: JobView, state: EscrowInfo["state"]): Promise<EscrowInfo> {
  return until(async () => {
    const info = await infoOf(job);
    return info?.state === state && info;
  });
}

async function termsOf(job: JobView): Promise<Parameters<typeof jobEscrow>[0]> {
  const { address, deadlineUnixS } = await until(() => infoOf(job));
  const terms = {
    minter: Address.parseRaw(String(devnet.book["minter"])),
    quorum: Address.parseRaw(String(devnet.book["quorum"])),
    user: payer.address,
    fog: addressOf(fogKey),
    job: digestOfCid(job.id),
    deadlineUnixS,
  };
  expect(jobEscrow(terms).address.toRawString()).toBe(address);
  return terms;
}

async function fund(job: JobView, amountNano = BUDGET_NANO): Promise<void> {
  await payer.send(encodeFunding(await termsOf(job), amountNano));
}

/** The user takes the bill as it is. */
async function acceptBill(job: JobView): Promise<void> {
  const escrow = jobEscrow(await termsOf(job));
  await until(async () => (await devnet.client.open(escrow).getView()).phase === "billed");
  await payer.send([{ to: escrow.address, valueNanogram: ESCROW_ASK_NANOGRAM, body: encodeFinish() }]);
}

async function workOn(provider: ScriptedProvider, units: number): Promise<void> {
  for (let done = 0; done < units; done++)
    await provider.send(await provider.work(await provider.nextLease()));
}

async function stop(job: JobView): Promise<void> {
  const signed = signValue(STOP_DOMAIN, { job: job.id }, owner);
  expect((await postCbor(`${fog.url}/v1/jobs/${job.id}/stop`, encodeCanonical(signed))).ok).toBe(true);
}

async function audit(): Promise<BooksReport> {
  return parseShape(zBooksReport, await (await fetch(`${fog.url}/v1/audit`)).json(), "the audit");
}

async function providerBooks(): Promise<BooksView> {
  const answer = await (await fetch(`${fog.url}/v1/books/${providerKey.nodeId}`)).json();
  return parseShape(zBooksView, answer, "the books");
}

async function earnedInBooks(): Promise<bigint> {
  return BigInt((await providerBooks()).providerNano);
}

function accept(budgetNano = BUDGET_NANO): Promise<JobView> {
  return acceptTinyJob(fog.url, owner, { ...ONE_UNIT, budgetNano: budgetNano.toString() });
}

test("nobody works before the escrow is funded; the bill is what receipts came to, and what was earned is paid out once, whatever is killed", async () => {
  const stranger = newKey();
  const job = await uploadTinyJob(fog.url, { ...ONE_UNIT, budgetNano: "1" });
  expect(await (await submit(fog.url, signJob(job, stranger))).json()).toMatchObject({
    error: { code: "WALLET_NOT_LINKED" },
  });

  const first = await accept();
  const startNano = await heldNano(payer.address);
  {
    await using provider = await join(fog, { key: providerKey });
    await untilState(first, "awaited");
    let isEarly = true;
    const worked = workOn(provider, 3).finally(() => {
      isEarly = false;
    });
    await fund(first, BUDGET_NANO - 1n);
    const escrow = devnet.client.open(jobEscrow(await termsOf(first)));
    await until(async () => (await escrow.getView()).depositedNano === BUDGET_NANO - 1n);
    await systemClock.sleep(3_000); // several looks of the station: less than the budget is not the budget
    expect([isEarly, (await infoOf(first))?.state]).toEqual([true, "awaited"]);
    await fund(first, 5n);
    await worked;
    await untilFinished(fog.url, first);
  }
  await fog.kill("SIGKILL");
  fog = await startFog(place);
  await untilState(first, "billed");
  const escrow = devnet.client.open(jobEscrow(await termsOf(first)));
  expect(await escrow.getView()).toMatchObject({ phase: "billed", billedNano: BUDGET_NANO });
  // The user is silent: when the window is over the station has the bill paid.
  await devnet.travel(WINDOW_S + 1);
  await untilState(first, "closed");
  await fog.kill("SIGKILL");
  fog = await startFog(place);
  const paidNano = (BUDGET_NANO * 95n) / 100n;
  await until(async () => (await heldNano(addressOf(providerWallet))) >= paidNano);
  const paid = paidNano.toString();
  expect(await providerBooks()).toMatchObject({ providerNano: "0", earnedNano: paid, paidOutNano: paid });
  expect(await heldNano(payer.address)).toBe(startNano - BUDGET_NANO);
  expect(await heldNano(addressOf(fogKey))).toBe(BUDGET_NANO - paidNano);

  // Orders that may still be executed are waited for; then nothing is sent again.
  await until(async () => (await audit()).chain?.outNano === paidNano.toString());
  await devnet.travel(600);
  await systemClock.sleep(3_000); // several looks of the station
  expect(await heldNano(addressOf(providerWallet))).toBe(paidNano);
  expect(await audit()).toMatchObject({
    differences: 0,
    findings: [],
    chain: { escrows: 1, payouts: 1, inNano: BUDGET_NANO.toString(), outNano: paidNano.toString() },
  });
});

test("what was not used goes back: all of it where nothing was done, the rest where a job was stopped; an accepted bill is paid at once", async () => {
  const before = await heldNano(payer.address);
  const unworked = await accept();
  await fund(unworked);
  await untilState(unworked, "funded");
  await stop(unworked);
  await untilState(unworked, "closed");
  await until(async () => (await heldNano(payer.address)) === before);

  const started = await accept();
  await fund(started);
  {
    await using provider = await join(fog, { key: providerKey });
    await workOn(provider, 1);
    await stop(started);
  }
  await acceptBill(started);
  await untilState(started, "closed");
  await until(async () => (await heldNano(payer.address)) === before - BUDGET_NANO / 3n);

  // Stopped before anything came: what comes late is given back as well.
  const late = await accept();
  await untilState(late, "awaited");
  await stop(late);
  await fund(late);
  await untilState(late, "closed");
  await until(async () => (await heldNano(payer.address)) === before - BUDGET_NANO / 3n);
  await until(async () => (await earnedInBooks()) === 0n);
  expect(await audit()).toMatchObject({ findings: [], differences: 0, chain: { escrows: 4 } });
});

test("a payout that the wallet could not take is written back and paid again, not at once and not twice", async () => {
  const wallet = addressOf(providerWallet);
  const beforeNano = await heldNano(wallet);
  const paidBefore = (await audit()).chain?.payouts ?? 0;
  const shareNano = (BUDGET_NANO * 95n) / 100n;
  {
    const minter = Address.parseRaw(String(devnet.book["minter"]));
    await using _broken = await devnet.breakContract(new PingoWallet(wallet, minter).address);
    const job = await accept();
    await fund(job);
    {
      await using provider = await join(fog, { key: providerKey });
      await workOn(provider, 3);
      await untilFinished(fog.url, job);
    }
    await acceptBill(job);
    await until(async () => (await audit()).chain?.backNano === shareNano.toString());
    await until(async () => (await earnedInBooks()) === shareNano);
    const { earnedNano, paidOutNano } = await providerBooks();
    expect(BigInt(earnedNano) - BigInt(paidOutNano)).toBe(shareNano);
    await systemClock.sleep(3_000); // several looks of the station: the wallet is left alone for a while
    expect(await audit()).toMatchObject({ findings: [], differences: 0, chain: { payouts: paidBefore + 1 } });
  }
  await devnet.travel(3_601);
  await until(async () => (await heldNano(wallet)) === beforeNano + shareNano);
  await until(async () => (await earnedInBooks()) === 0n);
  await devnet.travel(90_000);
  await systemClock.sleep(3_000); // several looks of the station
  expect(await heldNano(wallet)).toBe(beforeNano + shareNano);
  expect(await audit()).toMatchObject({
    differences: 0,
    findings: [],
    chain: { payouts: paidBefore + 2, backNano: shareNano.toString() },
  });
});

/** What somebody with the database in hand could do, and what it is called. */
const ALTERATIONS: readonly (readonly [string, string])[] = [
  ["update payouts set amount_nano = amount_nano + 1", "PAYOUT_DIFFERS"],
  ["update payouts set address = '0:' || repeat('5', 64)", "PAYOUT_DIFFERS"],
  ["delete from payouts", "PAYOUT_NOT_IN_BOOKS"],
  [
    "insert into payouts (node, address, amount_nano, seen_lt) select node, address, 7, 1 from payouts limit 1",
    "PAYOUT_NOT_ON_CHAIN",
  ],
  [
    "delete from entries where transfer in (select id from transfers where key like 'payout/%')",
    "PAYOUT_WITHOUT_ENTRY",
  ],
  ["delete from escrows", "ESCROW_NOT_NAMED"],
  ["update payouts set returned_unix_s = null", "RETURNED_NOT_IN_BOOKS"],
  ["update payouts set returned_unix_s = 1", "RETURNED_NOT_ON_CHAIN"],
  [
    "delete from entries where transfer in (select id from transfers where key like 'payout-returned/%')",
    "RETURNED_DIFFERS",
  ],
  [
    "update entries set amount_nano = amount_nano - 1 where account like 'world/escrow/%' and amount_nano < 0",
    "DEPOSIT_NOT_ON_CHAIN",
  ],
  [
    "delete from entries where transfer in (select id from transfers where key like 'deposit/%')",
    "DEPOSIT_NOT_IN_BOOKS",
  ],
  [
    "delete from entries where transfer in (select id from transfers where key like 'billed/%')",
    "BILL_DIFFERS",
  ],
  [
    "delete from entries where transfer in (select id from transfers where key like 'returned/%')",
    "RETURN_DIFFERS",
  ],
];

test("the audit names every difference between the books and the chain, in both directions", async () => {
  const purse = new PingoWallet(addressOf(fogKey), Address.parseRaw(String(devnet.book["minter"]))).address;
  await fog.kill("SIGTERM");
  const { signal } = new AbortController();
  const client = devnet.client;
  const wallet = createWalletSender({ chain: client, key: fogKey, network: NETWORK, clock: systemClock });
  const book = { minter: "", quorum: "", certificates: "", ...devnet.book };
  const chain = createSettlementChain({ client, wallet, book, network: NETWORK, registry: null }, signal);
  const folder = joinPath(String(place.env["PINGO_HOME"]), "fog");
  {
    await using database = await openDatabase({ folder, url: undefined });
    let notes: readonly string[] = [];
    const auditAltered = async (alteration: string | undefined): Promise<readonly string[]> => {
      let codes: readonly string[] = [];
      const undone = database.sql.transaction(async (tx: Sql) => {
        await tx.execute(raw`alter table entries disable trigger user`);
        if (alteration !== undefined) await tx.execute(raw.raw(alteration));
        const settlement = {
          reconcile: (...told: readonly [find: Find, note: Find]) => reconcile({ sql: tx, chain }, ...told),
        };
        const report = await auditBooks({
          sql: tx,
          fog: fogKey.nodeId,
          signal,
          settlement,
          emission: undefined,
        });
        codes = report.findings.map(({ code }) => code);
        notes = report.notes.map(({ code }) => code);
        throw new RangeError("undone");
      });
      await expect(undone).rejects.toThrow("undone");
      return codes;
    };
    expect(await auditAltered(undefined)).toEqual([]);
    for (const [alteration, code] of ALTERATIONS)
      expect(await auditAltered(alteration), alteration).toContain(code);

    // Past the books: from the station's wallet, and into it.
    const note = { to: purse, valueNanogram: NANO / 20n };
    const stray = encodeTransfer({
      queryId: 77n,
      amountNano: 5n,
      to: payer.address,
      excessesTo: wallet.address,
    });
    await wallet.send([{ ...note, body: stray }]);
    const gift = encodeTransfer({ amountNano: 9n, to: wallet.address, excessesTo: payer.address });
    const own = new PingoWallet(payer.address, Address.parseRaw(book.minter)).address;
    await payer.send([{ ...note, to: own, body: gift }]);
    await until(async () => (await chain.moves(0n)).some(({ amountNano }) => amountNano === 9n));
    expect(await auditAltered(undefined)).toEqual(["PAYOUT_NOT_IN_BOOKS"]);
    expect(notes).toEqual(["GIFT"]);
  }
});
