/** Bills on a real chain that do not follow from their receipts, and the user's own program, which computes them again before it takes one. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { writeModel } from "@pingo/autograd";
import { jobEscrow } from "@pingo/contracts";
import {
  assert,
  assertDefined,
  type BillDocument,
  type EscrowInfo,
  encodeCanonical,
  type JobId,
  parseCid,
  parseShape,
  STOP_DOMAIN,
  signValue,
  zBillDocument,
  zJobEscrowView,
} from "@pingo/core";
import { encodeSafetensors, readFile as readStored, writeFile as writeStored } from "@pingo/storage";
import { createMemoryBlocks } from "@pingo/storage/testing";
import { Address, beginCell, type Cell } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { escrowAccount, providerAccount } from "../src/books/accounts.ts";
import { post } from "../src/books/post.ts";
import { openDatabase } from "../src/database/database.ts";
import { type LyingStation, startLyingStation } from "./lying-station.ts";
import { addressOf, type PaidFog, startPaidFog, until } from "./paid-fog.ts";
import { blocksOf, postCbor, tinyData, tinyModel, untilFinished } from "./tiny-job.ts";

const CLI = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));
const NANO = 1_000_000_000n;
const WINDOW_S = 3_600;
const ESCROW_PATH = /^\/v1\/jobs\/[^/]+\/escrow$/;
const JOB_FILE = `apiVersion: pingo/v1
kind: Train
name: tiny
model: model.onnx
data: { train: rows.safetensors, test: rows.safetensors }
objective: { loss: softmax-cross-entropy, target: label }
schedule: { rounds: 3, stepsPerRound: 4, batchSize: 8 }
workers: { min: 1, max: 1 }
budget: 3 PINGO
`;
const started = new AsyncDisposableStack();
let paid: PaidFog;
let station: LyingStation;
/** Of the user: the key that signs the job, and the wallet that pays. */
let home = "";
let jobFile = "";
/** After two of its three pieces. */
let stopped = "";

beforeAll(async () => {
  paid = started.use(await startPaidFog({}));
  station = started.use(await startLyingStation(() => paid.fog.url));
  home = await mkdtemp(joinPath(tmpdir(), "pingo-bill-"));
  started.defer(() => rm(home, { recursive: true, force: true }));
  const { endpoint, bookPath } = paid.devnet;
  await mkdir(joinPath(home, "devnet"));
  const chain = { kind: "pingo/local-chain/v1", endpoint, bookPath, adminPort: 1 };
  await writeFile(joinPath(home, "devnet", "local-chain.json"), JSON.stringify(chain));
  await writeFile(joinPath(home, "devnet", "wallet.key"), paid.keys.ownerWallet.seed);
  await writeFile(joinPath(home, "user.key"), `${Buffer.from(paid.keys.owner.seed).toString("hex")}\n`);
  await writeFile(joinPath(home, "model.onnx"), writeModel(tinyModel()));
  await writeFile(joinPath(home, "rows.safetensors"), encodeSafetensors(tinyData()));
  jobFile = joinPath(home, "job.yaml");
  await writeFile(jobFile, JOB_FILE);
});
afterAll(() => started.disposeAsync());

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function pingo(args: readonly string[], fogUrl = paid.fog.url): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { PATH: String(process.env["PATH"]), PINGO_HOME: home, PINGO_FOG: fogUrl },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { stdout, stderr, exitCode: Number(exitCode) };
}

function expectRefused({ exitCode, stderr }: Ran, code: string, ...parts: readonly string[]): void {
  expect(stderr).toContain(`(${code})`);
  expect(exitCode).toBe(1);
  for (const part of parts) expect(stderr).toContain(part);
}

async function escrowOf(path: string): Promise<EscrowInfo | null> {
  const answer = await (await fetch(`${paid.fog.url}${path}`)).json();
  return parseShape(zJobEscrowView, answer, "the escrow").escrow;
}

function saying(escrow: EscrowInfo): string {
  return JSON.stringify({ payment: "chain", escrow });
}

/** What a station shows in place of the receipts that its bill stands for. */
async function showInstead(change: (bill: BillDocument) => BillDocument): Promise<void> {
  const lies = createMemoryBlocks();
  const blocks = blocksOf(paid.fog.url);
  station.say = async (path) => {
    const named = /^\/ipfs\/(\w+)$/.exec(path)?.[1];
    if (named !== undefined) {
      const cid = parseCid(named);
      return (await lies.has(cid)) ? lies.get(cid) : undefined;
    }
    if (!ESCROW_PATH.test(path)) return undefined;
    const escrow = await escrowOf(path);
    if (escrow === null || escrow.bill === null) return undefined;
    const bytes = await readStored(blocks, escrow.bill, { sizeBytesMax: 1 << 20 });
    const honest = parseShape(zBillDocument, JSON.parse(new TextDecoder().decode(bytes)), "a bill");
    const told = new TextEncoder().encode(JSON.stringify(change(honest)));
    return saying({ ...escrow, bill: await writeStored(lies, told) });
  };
}

test("a station that bills one piece more than its receipts is refused, by how much is told, and the bill can be disputed", async () => {
  const { job, terms } = await paid.fundedJob(3n * NANO);
  stopped = job.id;
  await paid.work(2);
  await paid.kill("SIGKILL");
  {
    await using database = await openDatabase({ folder: joinPath(paid.home, "fog"), url: undefined });
    await post(database.sql, {
      ...{ key: "pay/of-nobody", kind: "pay", job: job.id, atUnixMs: 1 },
      entries: [
        [escrowAccount(job.id), -NANO],
        [providerAccount(paid.keys.provider.nodeId), NANO],
      ],
    });
  }
  await paid.start();
  const signed = signValue(STOP_DOMAIN, { job: job.id }, paid.keys.owner);
  expect((await postCbor(`${paid.fog.url}/v1/jobs/${job.id}/stop`, encodeCanonical(signed))).ok).toBe(true);
  await until(async () => (await paid.readEscrow(terms)).phase === "billed");
  expect(await paid.readEscrow(terms)).toMatchObject({ billedNano: 3n * NANO });
  const parts = ["billed 3 PINGO", "come to 2 PINGO, 1 PINGO less", `pingo job escrow dispute ${job.id}`];
  expectRefused(
    await pingo(["job", "escrow", "accept", job.id]),
    "BILL_REFUSED",
    "nothing was signed",
    ...parts,
  );
  expect(await paid.readEscrow(terms)).toMatchObject({ phase: "billed" });
  expect(await pingo(["job", "escrow", "dispute", job.id])).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await paid.readEscrow(terms)).toMatchObject({ phase: "disputed" });
});

test("receipts that are not those of the bill, or not all of them, are refused; the honest ones are taken", async () => {
  const { job, terms } = await paid.fundedJob(3n * NANO);
  await paid.work(3);
  await untilFinished(paid.fog.url, job);
  await until(async () => (await paid.readEscrow(terms)).phase === "billed");
  const accept = (): Promise<Ran> => pingo(["job", "escrow", "accept", job.id], station.url);
  const { receipts: others } = await billOfAnother();
  await showInstead((bill) => ({ ...bill, receipts: [...bill.receipts, ...others] }));
  expectRefused(await accept(), "BILL_REFUSED", "2 of its 5 receipts prove nothing", "it is of the job");
  await showInstead((bill) => ({ ...bill, receipts: bill.receipts.slice(1) }));
  expectRefused(await accept(), "BILL_REFUSED", "come to 2 PINGO, 1 PINGO less", "stands for other receipts");
  await showInstead((bill) => ({ ...bill, receipts: bill.receipts.toReversed() }));
  expectRefused(await accept(), "BILL_REFUSED", "come to 3 PINGO, as billed", "stands for other receipts");
  const honest = await escrowOf(`/v1/jobs/${job.id}/escrow`);
  station.say = async (path) =>
    ESCROW_PATH.test(path) && honest !== null ? saying({ ...honest, bill: null }) : undefined;
  expectRefused(await accept(), "BILL_REFUSED", "shows no receipts");
  // Its list is there, and a receipt of it is not to be had.
  station.say = async (path) => {
    if (path.startsWith("/ipfs/") && path !== `/ipfs/${honest?.bill}`) throw new Error("withheld");
    return undefined;
  };
  expectRefused(await accept(), "BILL_UNCHECKED", "nothing was signed", `job escrow dispute ${job.id}`);
  expect(await paid.readEscrow(terms)).toMatchObject({ phase: "billed" });
  station.say = async () => undefined;
  expect(await accept()).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await paid.readEscrow(terms)).toMatchObject({ phase: "closed", billedNano: 3n * NANO });
});

async function billOfAnother(): Promise<BillDocument> {
  const { bill } = assertDefined(await escrowOf(`/v1/jobs/${stopped}/escrow`), "it was billed");
  const bytes = await readStored(blocksOf(paid.fog.url), parseCid(bill ?? ""), { sizeBytesMax: 1 << 20 });
  return parseShape(zBillDocument, JSON.parse(new TextDecoder().decode(bytes)), "a bill");
}

test("train --follow has the model before it takes the bill, and refuses one with a receipt twice", async () => {
  await showInstead((bill) => ({ ...bill, receipts: [...bill.receipts, ...bill.receipts.slice(0, 1)] }));
  const [ran] = await Promise.all([pingo(["train", jobFile, "--follow"], station.url), paid.work(3)]);
  expectRefused(ran, "BILL_REFUSED", "billed 3 PINGO", "unit 0 of round 1 counts twice");
  expect(ran.stdout).toMatch(/^model .*model\.onnx$/m);
});

test("train --follow is told what the chain refuses, and that a bill was paid meanwhile", async () => {
  for (const isPaid of [true, false]) {
    let isMet = false;
    // Between the bill's receipts and the word that accepts it.
    station.say = async (path) => {
      if (!ESCROW_PATH.test(path) || isMet) return undefined;
      const escrow = await escrowOf(path);
      if (escrow === null || escrow.bill === null) return undefined;
      isMet = true;
      const at = Address.parseRaw(escrow.address);
      if (isPaid) {
        await paid.devnet.travel(WINDOW_S + 1);
        await until(async () => (await escrowOf(path))?.state === "closed");
      } else await paid.devnet.changeContract(at, ofAnotherUser);
      return undefined;
    };
    const [ran] = await Promise.all([pingo(["train", jobFile, "--follow"], station.url), paid.work(3)]);
    expect(isMet).toBe(true);
    if (isPaid)
      expect(ran).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("3 PINGO paid from escrow") });
    else expectRefused(ran, "REFUSED_ON_CHAIN", "the chain refused the acceptance of the bill");
  }
});

/** Of an escrow's data: the word of this user is one from anybody. */
function ofAnotherUser(data: Cell): Cell {
  const [terms, ...debts] = data.refs.toReversed();
  assert(terms !== undefined, "an escrow has terms");
  const termsSlice = terms.beginParse();
  const [code, parties] = [termsSlice.loadRef(), termsSlice.loadRef().beginParse()];
  parties.loadAddress();
  const changed = beginCell().storeAddress(addressOf(paid.keys.provider)).storeSlice(parties).endCell();
  const newTerms = beginCell().storeSlice(termsSlice).storeRef(code).storeRef(changed).endCell();
  const rest = beginCell().storeBits(data.bits);
  for (const debt of debts.toReversed()) rest.storeRef(debt);
  return rest.storeRef(newTerms).endCell();
}

test("nothing is paid into an escrow that is open for a minute, or for a century", async () => {
  const beforeNano = await paid.heldNano(paid.payer.address);
  for (const seconds of [60, 100 * 365 * 86_400]) {
    const deadlineUnixS = Math.min((await paid.devnet.client.nowUnixS()) + seconds, 0xffff_ffff);
    let id: JobId | undefined;
    station.say = async (path) => {
      if (!ESCROW_PATH.test(path)) return undefined;
      const escrow = await escrowOf(path);
      if (escrow === null) return undefined;
      id = parseCid(path.split("/")[3] ?? "");
      const address = jobEscrow({ ...(await paid.termsOf(id)), deadlineUnixS }).address.toRawString();
      return saying({ ...escrow, address, deadlineUnixS });
    };
    const ran = await pingo(["job", "submit", jobFile], station.url);
    expectRefused(ran, "ESCROW_DEADLINE", "less than an hour or more than 30 days", "use another fog node");
    expect(id).toBeDefined();
  }
  expect(await paid.heldNano(paid.payer.address)).toBe(beforeNano);
});
