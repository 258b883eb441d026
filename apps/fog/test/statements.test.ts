/** A station that knows a registry: results come with statements about them, and whoever signs two of one lease has proven it. */
import { writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import {
  assert,
  assertStatementOf,
  decodeCanonical,
  isRunUnit,
  keyPairOfSeed,
  openSigned,
  parseShape,
  RECEIPT_ACK_DOMAIN,
  RECEIPT_DOMAIN,
  type Receipt,
  type RegistryRef,
  type SignedStatement,
  signStatement,
  signValue,
  zSignedReceipt,
  zSignedStatement,
  zWorkUnit,
} from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { readFile } from "@pingo/storage";
import { zProvenance } from "@pingo/training";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FogProcess, fogOfFile, makePlace, startFog } from "./fog-process.ts";
import { join } from "./scripted-provider.ts";
import { acceptTinyJob, blocksOf, ONE_UNIT, untilFinished } from "./tiny-job.ts";

const owner = keyPairOfSeed(systemPrng.bytes(32));
const REGISTRY: RegistryRef = { address: `0:${"5".repeat(64)}`, network: -3 };
const ONE_ROUND = {
  ...ONE_UNIT,
  schedule: { rounds: 1, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
};
const started = new AsyncDisposableStack();
const withoutChain = fogOfFile();
let fog: FogProcess;

beforeAll(async () => {
  const place = started.use(await makePlace());
  const path = joinPath(String(place.env["PINGO_HOME"]), "address-book.json");
  const addresses = { registry: REGISTRY.address, minter: `0:${"1".repeat(64)}` };
  const others = { quorum: `0:${"2".repeat(64)}`, certificates: `0:${"3".repeat(64)}` };
  const book = { kind: "pingo/address-book/v1", network: -3, genesis: "0".repeat(64) };
  await writeFile(path, JSON.stringify({ ...book, addresses: { ...addresses, ...others } }));
  // Nobody asks the chain for anything here, and none is there.
  const chain = { PINGO_FOG_ADDRESS_BOOK: path, TON_ENDPOINT: "http://127.0.0.1:1/jsonRPC" };
  fog = started.use(await startFog({ ...place, env: { ...place.env, ...chain } }));
});
afterAll(() => started.disposeAsync());

test("a stranger finds receipt, statement, unit and inputs from the provenance, by what they are named", async () => {
  await using provider = await join(fog);
  const job = await acceptTinyJob(fog.url, owner, ONE_ROUND);
  const lease = await provider.nextLease();
  expect(lease.registry).toEqual(REGISTRY);
  await provider.send(await provider.work(lease));
  const { result } = await untilFinished(fog.url, job);
  assert(result !== null && "model" in result, "it was trained");
  const blocks = blocksOf(fog.url);
  const json = await readFile(blocks, result.provenance, { sizeBytesMax: 1e6 });
  const provenance = parseShape(zProvenance, JSON.parse(new TextDecoder().decode(json)), "provenance.json");
  const { statement: cid, receipt, update } = provenance.rounds[0]?.units[0] ?? {};
  assert(cid !== undefined && receipt !== undefined, "the unit has both");
  const statement = parseShape(
    zSignedStatement,
    decodeCanonical(await blocks.get(cid)),
    "the statement's block",
  );
  expect(statement.receipt).toBe(receipt);
  const signed = parseShape(
    zSignedReceipt,
    decodeCanonical(await blocks.get(receipt)),
    "the receipt's block",
  );
  expect(openSigned(RECEIPT_DOMAIN, signed)).toMatchObject({ lease: lease.id, update });
  assertStatementOf(statement, signed, REGISTRY);
  const unit = parseShape(zWorkUnit, decodeCanonical(await blocks.get(signed.body.unit)), "the unit's block");
  expect(unit).toEqual(lease.unit);
  assert(!isRunUnit(unit), "it was training");
  for (const input of [unit.program, unit.weights, ...unit.shards.map((shard) => shard.cid)])
    expect(await blocks.has(input)).toBe(true);
});

test("a result without its statement, or with one that is not its own, is told so and is still welcome with it", async () => {
  await using provider = await join(fog);
  const job = await acceptTinyJob(fog.url, owner, ONE_ROUND);
  const receipt = await provider.work(await provider.nextLease());
  const other = keyPairOfSeed(systemPrng.bytes(32));
  const signed = signValue(RECEIPT_DOMAIN, receipt, provider.key);
  const altered =
    (change: Partial<SignedStatement>) =>
    (statement: SignedStatement | null): SignedStatement | null =>
      statement && { ...statement, ...change };
  for (const [code, alteration] of [
    ["STATEMENT_MISSING", () => null],
    ["STATEMENT_MISMATCH", () => signStatement(other, REGISTRY, signed)],
    ["STATEMENT_MISMATCH", () => signStatement(provider.key, { ...REGISTRY, network: -239 }, signed)],
    ["STATEMENT_MISMATCH", altered({ slot: new Uint8Array(32) })],
    ["STATEMENT_MISMATCH", altered({ commitment: new Uint8Array(32) })],
    ["STATEMENT_MISMATCH", altered({ receipt: job.id })],
    ["SIGNATURE_INVALID", altered({ signature: new Uint8Array(64) })],
    ["SHAPE_INVALID", altered({ slot: new Uint8Array(31) })],
  ] as const)
    await expect(provider.send(receipt, provider.key, alteration)).rejects.toMatchObject({ code });
  // As a provider of before statements sends it.
  const old = { type: "result", receipt: signed };
  await expect(provider.channel.request(old)).rejects.toMatchObject({ code: "SHAPE_INVALID" });
  await expect(provider.send({ ...receipt, issuedAtUnixMs: 1 })).rejects.toMatchObject({
    code: "UNIT_MISMATCH",
  });
  const acknowledged = await provider.send(receipt);
  expect(openSigned(RECEIPT_ACK_DOMAIN, acknowledged).counted).toBe(true);
  expect(await provider.send(receipt)).toEqual(acknowledged);
  expect((await untilFinished(fog.url, job)).state).toBe("succeeded");
});

test("a provider of another protocol is told which one is spoken", async () => {
  await using provider = await join(fog);
  const offer = { ...{ provider: provider.key.nodeId, slots: 1, cpuMillicores: 1, memoryBytes: 1 } };
  const hello = {
    ...{ type: "hello", version: 1, instance: "scripted-provider", held: [] },
    offer: { ...offer, diskBytes: 1, gflops: 1, measuredAtUnixMs: 1 },
  };
  await expect(provider.channel.request(hello)).rejects.toMatchObject({
    code: "VERSION_UNSUPPORTED",
    message: expect.stringContaining("version 2"),
  });
});

test("a station without a registry asks for no statement, and takes none", async () => {
  await using provider = await join(withoutChain.fog);
  const job = await acceptTinyJob(withoutChain.fog.url, owner, ONE_ROUND);
  const lease = await provider.nextLease();
  expect(lease.registry).toBeNull();
  const receipt = await provider.work(lease);
  const signed = signValue(RECEIPT_DOMAIN, receipt, provider.key);
  const unasked = provider.send(receipt, provider.key, () => signStatement(provider.key, REGISTRY, signed));
  await expect(unasked).rejects.toMatchObject({ code: "STATEMENT_MISMATCH" });
  await provider.send(receipt);
  expect((await untilFinished(withoutChain.fog.url, job)).state).toBe("succeeded");
});

test("two results of one lease are seen, one after the other or side by side; what counted first goes on counting", async () => {
  for (const isSideBySide of [false, true]) {
    await using provider = await join(fog);
    const job = await acceptTinyJob(fog.url, owner, ONE_ROUND);
    const lease = await provider.nextLease();
    const honest = await provider.work(lease);
    const other: Receipt = {
      ...(await provider.claim(lease, new Float32Array(6).fill(0.01))),
      steps: 2,
      rows: 16,
    };
    const answers: PromiseSettledResult<unknown>[] = [];
    if (isSideBySide)
      answers.push(...(await Promise.allSettled([provider.send(honest), provider.send(other)])));
    // Another account of the same answer is no second one.
    else
      for (const receipt of [honest, { ...honest, cpuMs: 9 }, other])
        answers.push(...(await Promise.allSettled([provider.send(receipt)])));
    const refused = answers.filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused)
      expect(answer).toMatchObject({
        reason: { code: "EQUIVOCATION", message: expect.stringContaining("pingo fog cases") },
      });
    expect(fog.logged()).toContain(`"lease":"${lease.id}"`);
    if (isSideBySide) continue;
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ value: { body: { counted: true } } });
    expect((await untilFinished(fog.url, job)).state).toBe("succeeded");
  }
});
