/** Payments that go wrong on a real chain: one payout that fails, a deposit that comes too late, and work that nobody billed in time. */
import { join as joinPath } from "node:path";
import { ESCROW_ASK_NANOGRAM, encodeFinish, encodeFunding, jobEscrow, PingoWallet } from "@pingo/contracts";
import {
  type BooksReport,
  type BooksView,
  type EscrowInfo,
  encodeCanonical,
  type JobView,
  type KeyPair,
  keyPairOfSeed,
  parseShape,
  STOP_DOMAIN,
  signValue,
  zBooksReport,
  zBooksView,
  zJobEscrowView,
} from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { Address } from "@ton/core";
import { sql as raw } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../src/database/database.ts";
import { addressOf, type PaidFog, startPaidFog, until } from "./paid-fog.ts";
import { acceptTinyJob, ONE_UNIT, postCbor, untilFinished } from "./tiny-job.ts";

const NANO = 1_000_000_000n;
const BUDGET_NANO = 3n * NANO;
/** Of one of three units. */
const EARNED_NANO = (NANO * 95n) / 100n;
const DAY_S = 86_400;
const newKey = (): KeyPair => keyPairOfSeed(systemPrng.bytes(32));
const second = newKey();
const secondWallet = newKey();
const started = new AsyncDisposableStack();
let paid: PaidFog;

beforeAll(async () => {
  paid = started.use(await startPaidFog({}));
  await paid.link(second, secondWallet);
});
afterAll(() => started.disposeAsync());

async function audit(): Promise<BooksReport> {
  return parseShape(zBooksReport, await (await fetch(`${paid.fog.url}/v1/audit`)).json(), "the audit");
}

async function booksOf({ nodeId }: KeyPair): Promise<BooksView> {
  return parseShape(
    zBooksView,
    await (await fetch(`${paid.fog.url}/v1/books/${nodeId}`)).json(),
    "the books",
  );
}

async function untilState({ id }: JobView, state: EscrowInfo["state"]): Promise<void> {
  await until(async () => {
    const answer = await (await fetch(`${paid.fog.url}/v1/jobs/${id}/escrow`)).json();
    return parseShape(zJobEscrowView, answer, "the escrow").escrow?.state === state;
  });
}

async function stop(job: JobView): Promise<void> {
  const signed = signValue(STOP_DOMAIN, { job: job.id }, paid.keys.owner);
  expect((await postCbor(`${paid.fog.url}/v1/jobs/${job.id}/stop`, encodeCanonical(signed))).ok).toBe(true);
}

/** @param by  who does each of its three units */
async function workedJob(by: readonly KeyPair[]): Promise<void> {
  const funded = await paid.fundedJob(BUDGET_NANO);
  for (const key of by) await paid.work(1, key);
  await untilFinished(paid.fog.url, funded.job);
  await paid.accept(funded);
}

test("a wallet that sends its payouts back keeps nobody else waiting, neither beside it nor afterwards", async () => {
  const { provider, providerWallet } = paid.keys;
  await workedJob([provider, provider, provider]);
  const wallet = addressOf(providerWallet);
  await until(async () => (await paid.heldNano(wallet)) === 3n * EARNED_NANO);
  {
    const minter = Address.parseRaw(String(paid.devnet.book["minter"]));
    await using _broken = await paid.devnet.breakContract(new PingoWallet(wallet, minter).address);
    await workedJob([provider, second, second]);
    await until(async () => (await paid.heldNano(addressOf(secondWallet))) === 2n * EARNED_NANO);
    await until(async () => BigInt((await audit()).chain?.backNano ?? "0") === EARNED_NANO);
    await workedJob([provider, second, second]);
    await until(async () => (await paid.heldNano(addressOf(secondWallet))) === 4n * EARNED_NANO);
    expect(await booksOf(second)).toMatchObject({ providerNano: "0" });
    expect(await booksOf(provider)).toMatchObject({ providerNano: (2n * EARNED_NANO).toString() });
    expect(await audit()).toMatchObject({ findings: [], differences: 0 });
  }
  // Mended: all that waited is paid at once, when its hour is over.
  await paid.devnet.travel(3_601);
  await until(async () => (await paid.heldNano(wallet)) === 5n * EARNED_NANO);
  await until(async () => (await booksOf(provider)).providerNano === "0");
  expect(await audit()).toMatchObject({ findings: [], differences: 0 });
});

test("what comes into the escrow of a job that was given up is no difference but a note, and its user's at the deadline", async () => {
  const job = await acceptTinyJob(paid.fog.url, paid.keys.owner, {
    ...ONE_UNIT,
    budgetNano: BUDGET_NANO.toString(),
  });
  const terms = await paid.termsOf(job.id);
  await stop(job);
  await paid.kill("SIGTERM");
  {
    // The station's own clock is the system's: it was down, and hours went by.
    await using database = await openDatabase({ folder: joinPath(paid.home, "fog"), url: undefined });
    const hoursMs = 2 * 3_600_000;
    await database.sql.execute(
      raw`update jobs set finished_unix_ms = finished_unix_ms - ${hoursMs} where id = ${job.id}`,
    );
  }
  await paid.start();
  await untilState(job, "abandoned");
  expect((await audit()).notes).toEqual([]);
  const beforeNano = await paid.heldNano(paid.payer.address);
  await paid.payer.send(encodeFunding(terms, BUDGET_NANO));
  const { address: to } = jobEscrow(terms);
  await until(async () => (await paid.devnet.client.account(to)).isActive);
  await until(async () => (await paid.readEscrow(terms)).depositedNano === BUDGET_NANO);
  const { notes, findings } = await audit();
  expect(findings).toEqual([]);
  expect(notes).toEqual([
    {
      code: "LATE_DEPOSIT",
      where: `escrow/${job.id}`,
      what: expect.stringContaining(`${BUDGET_NANO} nano-PINGO came`),
    },
  ]);
  await paid.devnet.travel(15 * DAY_S);
  await paid.payer.send([{ to, valueNanogram: ESCROW_ASK_NANOGRAM, body: encodeFinish() }]);
  await until(async () => (await paid.heldNano(paid.payer.address)) === beforeNano);
});

test("work on a job whose escrow closed unbilled, for its station was gone, is owed by the station and told by the audit", async () => {
  const { job, terms } = await paid.fundedJob(BUDGET_NANO);
  await paid.work(2);
  await paid.kill("SIGKILL");
  const heldNano = await paid.heldNano(addressOf(paid.keys.providerWallet));
  await paid.devnet.travel(15 * DAY_S);
  const { address: to } = jobEscrow(terms);
  await paid.payer.send([{ to, valueNanogram: ESCROW_ASK_NANOGRAM, body: encodeFinish() }]);
  await until(async () => (await paid.readEscrow(terms)).phase === "closed");
  await paid.start();
  await untilState(job, "closed");
  const { findings, differences } = await audit();
  expect(differences).toBe(1);
  expect(findings).toEqual([
    {
      code: "EARNINGS_NOT_COVERED",
      where: `escrow/${job.id}`,
      what: `receipts came to ${2n * NANO} nano-PINGO, and it was closed without a bill`,
    },
  ]);
  // It is in the books of who earned it, and not paid out of what others paid in.
  await systemClock.sleep(3_000); // several looks of the station
  expect(await booksOf(paid.keys.provider)).toMatchObject({ providerNano: (2n * EARNED_NANO).toString() });
  expect(await paid.heldNano(addressOf(paid.keys.providerWallet))).toBe(heldNano);
});
