import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile as writeFileOnDisk } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  assert,
  type Cid,
  cidOfBytes,
  cidOfValue,
  decodeCanonical,
  JOB_DOMAIN,
  type JobView,
  keyPairOfSeed,
  type NumberedEvent,
  openSigned,
  parseShape,
  STOP_DOMAIN,
  zSignedJob,
  zSignedStop,
} from "@pingo/core";
import { systemClock, systemDisk, systemFetch, systemPrng } from "@pingo/core/system";
import { silentLog } from "@pingo/core/testing";
import { createBlockHandler, encodeSafetensors, writeFile } from "@pingo/storage";
import { createMemoryBlocks, type MemoryBlocks } from "@pingo/storage/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect, type FogClient } from "./fog-client.ts";
import { parseJobFile } from "./job-file.ts";
import type { SubmittedParts } from "./prepare-job.ts";

/** A fog node reduced to its answers: real HTTP, real blocks, canned views. */
interface Station {
  readonly server: Server;
  readonly url: string;
  readonly blocks: MemoryBlocks;
  readonly bodies: Uint8Array[];
  readonly lastEventIds: (string | undefined)[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

const key = keyPairOfSeed(new Uint8Array(32).fill(7));
const ports = { clock: systemClock, prng: systemPrng, disk: systemDisk, fetch: systemFetch };
const job = cidOfBytes(Uint8Array.of(1));
let station: Station;
let client: FogClient;
let folder = "";

const VIEW: JobView = {
  id: job,
  kind: "Train",
  name: "tiny",
  owner: key.nodeId,
  state: "queued",
  reason: null,
  round: 0,
  rounds: 2,
  steps: 0,
  rows: 0,
  loss: null,
  evaluation: null,
  providers: [],
  bytesUp: 0,
  bytesDown: 0,
  trainingMs: 0,
  createdAtUnixMs: 1,
  finishedAtUnixMs: null,
  result: null,
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-client-"));
  station = await startStation();
  client = connect(station.url, { ports, key });
});
afterEach(async () => {
  station.server.closeAllConnections();
  station.server.close();
  await rm(folder, { recursive: true });
});

async function startStation(): Promise<Station> {
  const blocks = createMemoryBlocks();
  const handle = createBlockHandler({ blocks, log: silentLog });
  const bodies: Uint8Array[] = [];
  const lastEventIds: (string | undefined)[] = [];
  const server = createServer((request, response) => void respond(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const made: Station = {
    server,
    url,
    blocks,
    bodies,
    lastEventIds,
    answer: (_, response) => void response.end("{}"),
  };
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (await handle(request, response)) return;
    if (request.url === "/v1/node") {
      response.end(JSON.stringify({ id: key.nodeId, addresses: [], httpUrl: url, version: "1" }));
      return;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    bodies.push(Buffer.concat(chunks));
    lastEventIds.push(request.headers["last-event-id"]?.toString());
    made.answer(request, response);
  }
  return made;
}

const answerJson =
  (value: unknown, status = 200) =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status).end(JSON.stringify(value));
  };

/** As a fog node does: the id of a job is that of what its owner signed. */
function admit(request: IncomingMessage, response: ServerResponse): void {
  const signed = decodeCanonical(station.bodies.at(-1) ?? new Uint8Array());
  answerJson({ ...VIEW, id: cidOfValue(signed) }, 201)(request, response);
}

function preparedJob(): SubmittedParts {
  const text = `{apiVersion: pingo/v1, kind: Train, name: tiny, model: m.onnx, data: {train: t.safetensors},
    objective: {loss: softmax-cross-entropy, target: label}, schedule: {rounds: 2, stepsPerRound: 1, batchSize: 1}}`;
  const label = { dtype: "int64", shape: [3], data: BigInt64Array.of(0n, 1n, 2n) } as const;
  const fields = [{ name: "label", dtype: "int64", rowShape: [] }] as const;
  return {
    file: parseJobFile(text, "job.yaml"),
    model: {
      path: "m.onnx",
      bytes: new Uint8Array(3_000_000).fill(3),
      graph: { name: "m", inputs: [], outputs: [], initializers: new Map(), nodes: [] },
    },
    signature: { parameters: [], fields: [], target: "label", batchSize: 1 },
    train: { path: "t.safetensors", rows: 3, fields, tensors: new Map([["label", label]]) },
    test: null,
    sizeBytes: 3_000_024,
  };
}

test("a submitted job is signed, its blocks arrive first, and what is there is not sent twice", async () => {
  station.answer = admit;
  const sent: number[] = [];
  const view = await client.submit(preparedJob(), { onProgress: ({ bytesSent }) => sent.push(bytesSent) });
  const signed = parseShape(zSignedJob, decodeCanonical(station.bodies[0] ?? new Uint8Array()), "the job");
  const { job: spec } = openSigned(JOB_DOMAIN, signed);
  expect(view.id).toBe(cidOfValue(signed));
  expect(signed.signer).toBe(key.nodeId);
  assert(spec.kind === "Train", "it is what was submitted");
  for (const cid of [spec.model, spec.data.train]) expect(await station.blocks.has(cid)).toBe(true);
  expect(sent.at(-1)).toBeGreaterThan(0);
  const again: number[] = [];
  await client.submit(preparedJob(), { onProgress: ({ bytesSent }) => again.push(bytesSent) });
  expect(again.at(-1)).toBe(0);
});

test("a fog node that answers with another job than the signed one is refused", async () => {
  station.answer = answerJson(VIEW, 201);
  await expect(client.submit(preparedJob())).rejects.toMatchObject({
    code: "FOG_ANSWER_INVALID",
    message: expect.stringContaining(`it names the job ${job}; what was signed is baf`),
  });
});

test("a stop is signed by the same key", async () => {
  station.answer = answerJson({ ...VIEW, state: "stopped" });
  expect((await client.stop(job)).state).toBe("stopped");
  const signed = parseShape(zSignedStop, decodeCanonical(station.bodies[0] ?? new Uint8Array()), "the stop");
  expect(openSigned(STOP_DOMAIN, signed)).toEqual({ job });
  const reader = connect(station.url, { ports });
  expect(() => reader.stop(job)).toThrow(expect.objectContaining({ code: "KEY_NEEDED" }));
});

test("the result of a job is written as three files", async () => {
  const store = (text: string): Promise<Cid> => writeFile(station.blocks, new TextEncoder().encode(text));
  const result = { model: await store("model"), metrics: await store("[]"), provenance: await store("{}") };
  station.answer = answerJson({ ...VIEW, state: "succeeded", result });
  const files = await client.fetchResult(job, folder);
  assert("model" in files, "it was trained");
  expect(await readFile(files.model, "utf8")).toBe("model");
  expect(await readFile(files.provenance, "utf8")).toBe("{}");
  station.answer = answerJson({ ...VIEW, state: "failed", reason: "no providers" });
  await expect(client.fetchResult(job, folder)).rejects.toMatchObject({
    code: "RESULT_NOT_READY",
    message: expect.stringContaining("it is failed (no providers)"),
  });
});

test("files go there and come back", async () => {
  const bytes = encodeSafetensors(new Map());
  expect(await client.getFile(await client.putFile(bytes))).toEqual(bytes);
});

test("a folder goes there, is not sent twice, and comes back where nothing is yet", async () => {
  const tree = join(folder, "tree");
  await mkdir(join(tree, "inner"), { recursive: true });
  await writeFileOnDisk(join(tree, "a"), "one");
  await writeFileOnDisk(join(tree, "inner", "b"), "two, longer");
  const sent: number[] = [];
  const onProgress = ({ bytesSent }: { bytesSent: number }): void => void sent.push(bytesSent);
  const stored = await client.upload(tree, { onProgress });
  expect(stored).toMatchObject({ files: 2, sizeBytes: 14 });
  expect((await client.upload(tree, { onProgress })).cid).toBe(stored.cid);
  expect(sent.at(-1)).toBe(0);
  const back = join(folder, "back");
  expect(await client.download(stored.cid, back)).toMatchObject({ files: 2, sizeBytes: 14 });
  expect(await readFile(join(back, "inner", "b"), "utf8")).toBe("two, longer");
  await expect(client.download(stored.cid, back)).rejects.toMatchObject({ code: "EXPORT_TARGET_EXISTS" });
});

test("a fault of the fog node reaches the caller unchanged; other answers are refused", async () => {
  station.answer = answerJson({ error: { code: "JOB_UNKNOWN", message: "there is no such job" } }, 404);
  await expect(client.show(job)).rejects.toMatchObject({
    code: "JOB_UNKNOWN",
    message: "there is no such job",
  });
  for (const answer of [answerJson({ id: 3 }), answerJson("x", 500), answerJson("x".repeat(3_000_000))]) {
    station.answer = answer;
    await expect(client.show(job)).rejects.toMatchObject({ code: "FOG_ANSWER_INVALID" });
  }
  station.answer = (_, response) => void response.end("<html>");
  await expect(client.list()).rejects.toMatchObject({ code: "FOG_ANSWER_INVALID" });
});

test("nobody at the address is one sentence that names it", async () => {
  const url = station.url;
  station.server.closeAllConnections();
  station.server.close();
  await once(station.server, "close");
  await expect(connect(url, { ports }).list()).rejects.toMatchObject({
    code: "FOG_UNREACHABLE",
    message: `no fog node answers at ${url} (the connection was refused); start one with "pingo up", or name another with --fog or PINGO_FOG`,
  });
  await expect(client.submit(preparedJob())).rejects.toMatchObject({ code: "FOG_UNREACHABLE" });
  for (const bad of ["localhost:4710", "ftp://x", "http://x/path", ""]) {
    expect(() => connect(bad, { ports })).toThrow(expect.objectContaining({ code: "FOG_URL_INVALID" }));
  }
});

const event = (sequence: number | null, type: "waiting" | "finished"): NumberedEvent =>
  type === "waiting"
    ? { sequence, atUnixMs: 1, event: { type, reason: `reason ${sequence}` } }
    : { sequence, atUnixMs: 1, event: { type, state: "succeeded", reason: null } };

const asMessage = (numbered: NumberedEvent): string =>
  `${numbered.sequence === null ? "" : `id: ${numbered.sequence}\n`}data: ${JSON.stringify(numbered)}\n\n`;

test("events survive broken connections: each once, in order, from where the last one stood", async () => {
  const connections = [
    [asMessage(event(1, "waiting")), ":keep-alive\n\n", asMessage(event(2, "waiting")).slice(0, 20)],
    [asMessage(event(1, "waiting")), asMessage(event(null, "waiting")), asMessage(event(2, "waiting"))],
    [asMessage(event(3, "finished")), asMessage(event(4, "waiting"))],
  ];
  station.answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const text of connections.shift() ?? []) response.write(text);
    if (connections.length === 2) setImmediate(() => response.destroy());
    else response.end();
  };
  const seen: (number | null)[] = [];
  for await (const numbered of client.events(job)) seen.push(numbered.sequence);
  expect(seen).toEqual([1, null, 2, 3]);
  expect(station.lastEventIds).toEqual([undefined, "1", "2"]);
});

test("a follower that asks about no job is told at once, and one that gives up frees its connection", async () => {
  station.answer = answerJson({ error: { code: "JOB_UNKNOWN", message: "no such job" } }, 404);
  await expect(client.events(job).next()).rejects.toMatchObject({ code: "JOB_UNKNOWN" });
  const closed = Promise.withResolvers<void>();
  station.answer = (request, response) => {
    request.socket.once("close", () => closed.resolve());
    response.writeHead(200).write(asMessage(event(1, "waiting")));
  };
  for await (const _ of client.events(job)) break;
  await closed.promise;
});
