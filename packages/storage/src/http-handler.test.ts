import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { cidOfBytes, LIMITS, parseShape, zErrorBody } from "@pingo/core";
import {
  createMemoryDisk,
  createRecordedLog,
  createTestClock,
  type MemoryDisk,
  type TestClock,
} from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDiskBlocks, type DiskBlocks } from "./disk-blocks.ts";
import { createBlockHandler, type Transfer } from "./http-handler.ts";
import { startTestServer, type TestServer } from "./testing/http-server.ts";

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);
const CID = cidOfBytes(BYTES);

let server: TestServer;
let clock: TestClock;
let transfers: Transfer[];
let log: ReturnType<typeof createRecordedLog>;
let disk: MemoryDisk;
let blocks: DiskBlocks;

beforeEach(async () => {
  disk = createMemoryDisk();
  blocks = createDiskBlocks({ folder: "/blocks", disk });
  clock = createTestClock();
  transfers = [];
  log = createRecordedLog();
  const onTransfer = (transfer: Transfer): void => void transfers.push(transfer);
  const handle = createBlockHandler({ blocks, log, clock, onTransfer, uploadTimeoutMs: 1_000 });
  server = await startTestServer(async (request, response) => {
    if (!(await handle(request, response))) response.writeHead(418).end();
  });
});

afterEach(() => server[Symbol.asyncDispose]());

const urlOf = (cid: string): string => `${server.url}/ipfs/${cid}`;

async function codeOf(response: Response): Promise<string> {
  return parseShape(zErrorBody, await response.json(), "the answer").error.code;
}

/** A PUT by hand, so that it can stall or be cut. */
function sendRaw(head: readonly string[], body: Uint8Array): Socket {
  const socket = connect(server.port, "127.0.0.1");
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.write(body);
  return socket;
}

test("GET answers the raw block with headers that let any cache keep it for ever", async () => {
  await blocks.put(BYTES);
  const response = await fetch(urlOf(CID));
  expect(response.status).toBe(200);
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(BYTES);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "application/vnd.ipld.raw",
    "content-length": "100",
    "cache-control": "public, max-age=29030400, immutable",
    etag: `"${CID}"`,
  });
  await expect.poll(() => transfers).toEqual([{ cid: CID, direction: "down", bytes: 100 }]);
});

test("HEAD answers the same headers and no body", async () => {
  await blocks.put(BYTES);
  const response = await fetch(urlOf(CID), { method: "HEAD" });
  expect([response.status, response.headers.get("content-length")]).toEqual([200, "100"]);
  expect((await fetch(urlOf(cidOfBytes(new Uint8Array(5))), { method: "HEAD" })).status).toBe(404);
  expect(transfers).toEqual([]);
});

test.each([
  ["bytes=0-9", 206, "bytes 0-9/100", 10],
  ["bytes=90-", 206, "bytes 90-99/100", 10],
  ["bytes=-1", 206, "bytes 99-99/100", 1],
  ["bytes=-1000", 206, "bytes 0-99/100", 100],
  ["bytes=50-1000", 206, "bytes 50-99/100", 50],
  ["bytes=100-", 416, "bytes */100", 0],
  ["bytes=-0", 416, "bytes */100", 0],
  ["bytes=9-1", 200, null, 100],
  ["bytes=0-1,5-6", 200, null, 100],
  ["lines=1-2", 200, null, 100],
])("Range %s is %d", async (range, status, contentRange, length) => {
  await blocks.put(BYTES);
  const response = await fetch(urlOf(CID), { headers: { range } });
  expect([response.status, response.headers.get("content-range")]).toEqual([status, contentRange]);
  const body = new Uint8Array(await response.arrayBuffer());
  const first = Number(/bytes (\d+)-/.exec(contentRange ?? "")?.[1] ?? 0);
  expect(body).toEqual(BYTES.subarray(first, first + length));
});

test("If-None-Match is 304 for a block that is here", async () => {
  await blocks.put(BYTES);
  for (const tag of [`"${CID}"`, `W/"${CID}"`, `"other", "${CID}"`, "*"]) {
    expect((await fetch(urlOf(CID), { headers: { "if-none-match": tag } })).status).toBe(304);
  }
  expect((await fetch(urlOf(CID), { headers: { "if-none-match": '"other"' } })).status).toBe(200);
});

test("faults are coded JSON", async () => {
  const missing = await fetch(urlOf(CID));
  expect([missing.status, await codeOf(missing)]).toEqual([404, "BLOCK_NOT_FOUND"]);
  const bad = await fetch(urlOf("QmNotACid"));
  expect([bad.status, await codeOf(bad)]).toEqual([400, "CID_INVALID"]);
  const post = await fetch(urlOf(CID), { method: "POST", body: BYTES });
  expect([post.status, await codeOf(post)]).toEqual([405, "METHOD_NOT_ALLOWED"]);
  expect(post.headers.get("allow")).toBe("GET, HEAD, PUT");
});

test("a path that is not its own is left alone", async () => {
  expect((await fetch(`${server.url}/v1/node`)).status).toBe(418);
});

test("a block altered on the disk is 404, gone and logged", async () => {
  await blocks.put(BYTES);
  disk.corrupt(blocks.pathOf(CID), 0);
  const response = await fetch(urlOf(CID));
  expect([response.status, await codeOf(response)]).toEqual([404, "BLOCK_CORRUPT"]);
  expect(await blocks.has(CID)).toBe(false);
  expect(log.entries).toMatchObject([{ level: "error", event: "block_request_failed" }]);
});

test("PUT stores a block once: 201, then 200", async () => {
  expect((await fetch(urlOf(CID), { method: "PUT", body: BYTES })).status).toBe(201);
  expect((await fetch(urlOf(CID), { method: "PUT", body: BYTES })).status).toBe(200);
  expect(await blocks.get(CID)).toEqual(BYTES);
  expect(transfers).toHaveLength(2);
});

test("PUT of bytes that are not the block is 400 and stores nothing", async () => {
  const response = await fetch(urlOf(CID), { method: "PUT", body: BYTES.subarray(1) });
  expect([response.status, await codeOf(response)]).toEqual([400, "UPLOAD_MISMATCH"]);
  expect(disk.files.size).toBe(0);
});

test("PUT over the limit is 413, announced or streamed", async () => {
  const announced = sendRaw(
    [`PUT /ipfs/${CID} HTTP/1.1`, "host: fog", `content-length: ${LIMITS.blockBytesMax + 1}`],
    new Uint8Array(),
  );
  const [refusal] = await once(announced, "data");
  expect(String(refusal)).toMatch(/^HTTP\/1.1 413 .*UPLOAD_TOO_LARGE/s);
  announced.destroy();
  const socket = sendRaw(
    [`PUT /ipfs/${CID} HTTP/1.1`, "host: fog", "transfer-encoding: chunked"],
    Buffer.concat([
      Buffer.from(`${(LIMITS.blockBytesMax + 1).toString(16)}\r\n`),
      new Uint8Array(LIMITS.blockBytesMax + 1),
    ]),
  );
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1.1 413 /);
  socket.destroy();
  expect(disk.files.size).toBe(0);
});

test("PUT on a full disk is 507 and leaves nothing", async () => {
  disk.capacityBytes = 50;
  const response = await fetch(urlOf(CID), { method: "PUT", body: BYTES });
  expect([response.status, await codeOf(response)]).toEqual([507, "DISK_FULL"]);
  expect(disk.files.size).toBe(0);
  expect(await blocks.usedBytes()).toBe(0);
});

test("an upload that stalls is 408 at its deadline and leaves nothing", async () => {
  const socket = sendRaw(
    [`PUT /ipfs/${CID} HTTP/1.1`, "host: fog", "content-length: 100"],
    BYTES.subarray(0, 50),
  );
  await expect.poll(() => clock.sleepers).toBe(1);
  await clock.advance(1_000);
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1.1 408 /);
  expect(disk.files.size).toBe(0);
  socket.destroy();
});

test("an upload that is cut leaves nothing, and its timer ends", async () => {
  const socket = sendRaw(
    [`PUT /ipfs/${CID} HTTP/1.1`, "host: fog", "content-length: 100"],
    BYTES.subarray(0, 50),
  );
  await expect.poll(() => clock.sleepers).toBe(1);
  socket.destroy();
  await expect.poll(() => clock.sleepers).toBe(0);
  expect(disk.files.size).toBe(0);
});
