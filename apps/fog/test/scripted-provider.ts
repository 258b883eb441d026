/** A provider over real libp2p that does what a test tells it to; the honest part is really trained. */
import { openTrainer, type Trainer } from "@pingo/autograd";
import {
  type AcknowledgedReceipt,
  assert,
  type Cid,
  CONTROL_PROTOCOL,
  cidOfValue,
  decodeCanonical,
  type FogRequest,
  isRunUnit,
  type KeyPair,
  keyPairOfSeed,
  type Lease,
  type LeaseId,
  LIMITS,
  type Offer,
  type ProviderAnswers,
  type ProviderRequest,
  parseShape,
  RECEIPT_DOMAIN,
  type Receipt,
  type RegistryRef,
  type RunUnit,
  type Signed,
  type SignedStatement,
  signStatement,
  signValue,
  WIRE_VERSION,
  zDatasetField,
  zFogRequest,
  zProviderAnswers,
} from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { silentLog } from "@pingo/core/testing";
import { type Channel, createLibp2pHost } from "@pingo/network";
import { linksOf, readFile, readShards, writeFile } from "@pingo/storage";
import { decodeVector, encodeVector, runUnit, weightsLength, zStoredProgram } from "@pingo/training";
import { runStoredPiece } from "@pingo/wasm";
import { z } from "zod";
import type { FogProcess } from "./fog-process.ts";
import { blocksOf } from "./tiny-job.ts";

export interface ScriptedProvider extends AsyncDisposable {
  readonly key: KeyPair;
  readonly channel: Channel;
  readonly greeting: ProviderAnswers["hello"];
  /** The next lease granted; waits for one. */
  nextLease(): Promise<Lease>;
  readonly revoked: readonly LeaseId[];
  /** Trains the unit and uploads the update. */
  work(lease: Lease): Promise<Receipt>;
  /** Runs the piece, or one that differs from it in this, and uploads the result under the lease. */
  runPiece(lease: Lease, change?: Partial<RunUnit>): Promise<Receipt>;
  /** Uploads these numbers as the update of an otherwise honest receipt. */
  claim(lease: Lease, update: Float32Array): Promise<Receipt>;
  /** With the statement that its lease asked for, or what `altered` makes of it. */
  send(
    receipt: Receipt,
    signer?: KeyPair,
    altered?: (statement: SignedStatement | null) => SignedStatement | null,
  ): Promise<Signed<AcknowledgedReceipt>>;
  ask(request: ProviderRequest): Promise<unknown>;
}

export interface JoinOptions {
  readonly key?: KeyPair;
  readonly held?: readonly LeaseId[];
  readonly slots?: number;
  /** Train alone unless given. */
  readonly kinds?: Offer["kinds"];
  /** Of the process; unless given, all scripted providers of one key are one process that comes back. */
  readonly instance?: string;
}

export async function join(fog: FogProcess, options: JoinOptions = {}): Promise<ScriptedProvider> {
  const key = options.key ?? keyPairOfSeed(systemPrng.bytes(32));
  const host = await createLibp2pHost({ key, listen: [], log: silentLog, clock: systemClock });
  const address = fog.node.addresses[0];
  if (!address) throw new Error("the fog node has an address");
  const channel = await host.dial(address, CONTROL_PROTOCOL);
  const leases: Lease[] = [];
  const takers: ((lease: Lease) => void)[] = [];
  const revoked: LeaseId[] = [];
  channel.serve(async (body) => {
    const request: FogRequest = parseShape(zFogRequest, body, "the request");
    if (request.type === "revoke") revoked.push(request.lease);
    else if (takers.length > 0) takers.shift()?.(request.lease);
    else leases.push(request.lease);
    return {};
  });
  const ask = (request: ProviderRequest): Promise<unknown> => channel.request(request);
  const offer = { ...offerOf(key, options.slots ?? 1), ...(options.kinds && { kinds: options.kinds }) };
  const { instance = "scripted-provider", held: holding = [] } = options;
  const hello = await ask({ type: "hello", version: WIRE_VERSION, instance, offer, held: holding });
  const held = new Set<LeaseId>(options.held);
  const registryByLease = new Map<LeaseId, RegistryRef | null>();
  const beating = setInterval(() => {
    const progress = [...held].map((lease) => ({ lease, step: 1, loss: 0.5 }));
    ask({ type: "heartbeat", sequence: 1, progress }).catch(() => clearInterval(beating));
  }, 500);
  const blocks = () => blocksOf(fog.url, { key, fog: fog.node.id });
  const deliver = (lease: Lease, update: Cid, done = { steps: 1, rows: 1, lossMean: 0.5 }): Receipt => ({
    lease: lease.id,
    unit: cidOfValue(lease.unit),
    issuedAtUnixMs: lease.issuedAtUnixMs,
    provider: key.nodeId,
    ...done,
    cpuMs: 1,
    update,
    startedAtUnixMs: 1,
    endedAtUnixMs: 2,
  });
  const claim = async (lease: Lease, update: Float32Array, done?: Parameters<typeof deliver>[2]) =>
    deliver(lease, await writeFile(blocks(), encodeVector(update)), done);
  return {
    key,
    channel,
    revoked,
    greeting: parseShape(zProviderAnswers.hello, hello, "the answer to hello"),
    ask,
    claim: (lease, update) => claim(lease, update),
    async runPiece(lease, change = {}) {
      const { unit } = lease;
      assert(isRunUnit(unit), "it is a piece");
      const leaves = new Map<Cid, Uint8Array>();
      const from = blocks();
      const read = async (cid: Cid): Promise<Uint8Array> => {
        const bytes = await from.get(cid);
        leaves.set(cid, bytes);
        return bytes;
      };
      const changed = { ...unit, ...change };
      if (changed.input) for await (const cid of linksBelow(changed.input.cid, read)) await read(cid);
      const readLeaf = (cid: Cid): Uint8Array => leaves.get(cid) ?? new Uint8Array();
      const update = await runStoredPiece({ unit: changed, blocks: from, readLeaf, result: from });
      return deliver(lease, update, { steps: 1, rows: 1, lossMean: 0 });
    },
    async nextLease() {
      const lease = leases.shift() ?? (await new Promise<Lease>((resolve) => takers.push(resolve)));
      held.add(lease.id);
      registryByLease.set(lease.id, lease.registry);
      return lease;
    },
    async work(lease) {
      const { update, ...done } = await train(fog.url, lease);
      return claim(lease, update, done);
    },
    async send(body, signer = key, altered = (statement) => statement) {
      const receipt = signValue(RECEIPT_DOMAIN, body, signer);
      const registry = registryByLease.get(body.lease) ?? null;
      const statement = altered(registry && signStatement(signer, registry, receipt));
      const answer = await ask({ type: "result", receipt, statement });
      held.delete(body.lease);
      return parseShape(zProviderAnswers.result, answer, "the answer to a result").acknowledged;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(beating);
      await host[Symbol.asyncDispose]();
    },
  };
}

async function* linksBelow(root: Cid, read: (cid: Cid) => Promise<Uint8Array>): AsyncGenerator<Cid> {
  for (const cid of linksOf(root, await read(root))) {
    yield cid;
    yield* linksBelow(cid, read);
  }
}

async function train(
  url: string,
  { unit }: Lease,
): Promise<{
  readonly steps: number;
  readonly rows: number;
  readonly lossMean: number;
  readonly update: Float32Array;
}> {
  assert(!isRunUnit(unit), "pieces are run by runPiece");
  const blocks = blocksOf(url);
  const stored = parseShape(zStoredProgram, decodeCanonical(await blocks.get(unit.program)), "the program");
  const { signature } = stored;
  const graph = await readFile(blocks, stored.graph, { sizeBytesMax: LIMITS.modelBytesMax });
  const length = weightsLength(signature);
  const weights = decodeVector(await readFile(blocks, unit.weights, { sizeBytesMax: 4 * length }), length);
  const rows = unit.shards.reduce((sum, shard) => sum + shard.rows, 0);
  const datasetFields = parseShape(z.array(zDatasetField), signature.fields, "the fields");
  const fields = await readShards(
    blocks,
    { kind: "pingo/dataset/v1", rows, fields: datasetFields, shards: unit.shards },
    unit.shards,
  );
  await using trainer: Trainer = await openTrainer({ graph, signature });
  await trainer.setFields(fields);
  return await runUnit(unit, { trainer, weights, rows }, { clock: systemClock });
}

function offerOf(key: KeyPair, slots: number): Offer {
  return {
    provider: key.nodeId,
    slots,
    cpuMillicores: 1_000 * slots,
    memoryBytes: 1_000_000_000 * slots,
    diskBytes: 1_000_000_000,
    gflops: 1,
    measuredAtUnixMs: 1,
  };
}
