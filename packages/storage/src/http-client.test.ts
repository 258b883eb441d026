import type { RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import { type Cid, type Clock, cidOfBytes, type Fetch, LIMITS } from "@pingo/core";
import { systemClock, systemFetch } from "@pingo/core/system";
import { createMemoryDisk, createTestClock, silentLog } from "@pingo/core/testing";
import { afterEach, expect, test } from "vitest";
import { createDiskBlocks } from "./disk-blocks.ts";
import { createHttpBlocks, type HttpBlocks } from "./http-client.ts";
import { createBlockHandler } from "./http-handler.ts";
import { blocksCompliance } from "./testing/blocks-compliance.ts";
import { startTestServer, type TestServer } from "./testing/http-server.ts";
import { createMemoryBlocks } from "./testing/memory-blocks.ts";
import { UploadRoom } from "./upload-room.ts";

const BYTES = Uint8Array.from({ length: 1000 }, (_, i) => i);
const CID = cidOfBytes(BYTES);

const servers: TestServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

/** Time passes at once where the client waits before it asks again; its deadlines stay real. */
const hastyClock: Clock = {
  ...systemClock,
  sleep: (ms, options) => systemClock.sleep(ms < 10_000 ? 0 : ms, options),
};

async function openAt(listener: RequestListener, fetch: Fetch = systemFetch): Promise<HttpBlocks> {
  const server = await startTestServer(listener);
  servers.push(server);
  return createHttpBlocks({ baseUrl: `${server.url}/`, fetch, clock: hastyClock });
}

blocksCompliance("a fog node over HTTP", async () => {
  const stored = createMemoryBlocks();
  const handle = createBlockHandler({ blocks: stored, log: silentLog });
  const blocks = await openAt((request, response) => void handle(request, response));
  return { blocks, corrupt: async (cid: Cid) => stored.corrupt(cid) };
});

test("bytes up and down are counted", async () => {
  const handle = createBlockHandler({ blocks: createMemoryBlocks(), log: silentLog });
  const blocks = await openAt((request, response) => void handle(request, response));
  await blocks.put(BYTES);
  await blocks.get(CID);
  await blocks.get(CID);
  expect([blocks.bytesUp, blocks.bytesDown]).toEqual([1000, 2000]);
});

test("bytes that are not the block are BLOCK_ALTERED", async () => {
  const altered = BYTES.slice();
  altered[500] = 0;
  const blocks = await openAt((_, response) => response.end(altered));
  await expect(blocks.get(CID)).rejects.toMatchObject({ code: "BLOCK_ALTERED", fault: { cid: CID } });
});

test("an endless answer is left at the limit of a block", async () => {
  const blocks = await openAt((_, response) => {
    const pour = (): void => {
      while (!response.destroyed && response.write(new Uint8Array(65_536)));
    };
    response.on("drain", pour);
    pour();
  });
  await expect(blocks.get(CID)).rejects.toMatchObject({ code: "BLOCK_TOO_LARGE" });
  expect(blocks.bytesDown).toBeLessThan(LIMITS.blockBytesMax + 1_000_000);
});

test("5xx, cut and truncated answers are asked again, and one good answer is enough", async () => {
  let asked = 0;
  const blocks = await openAt((request, response) => {
    asked += 1;
    if (asked === 1) response.writeHead(503).end();
    else if (asked === 2) request.socket.destroy();
    else if (asked === 3) {
      response.writeHead(200, { "content-length": 1000 });
      response.write(BYTES.subarray(0, 500), () => request.socket.destroy());
    } else response.end(BYTES);
  });
  expect(await blocks.get(CID)).toEqual(BYTES);
  expect(asked).toBe(4);
});

test("a 408 is asked again: the link was slow, not the request wrong", async () => {
  let asked = 0;
  const blocks = await openAt((_, response) => {
    asked += 1;
    if (asked === 1) response.writeHead(408, { connection: "close" }).end();
    else response.end(BYTES);
  });
  expect(await blocks.get(CID)).toEqual(BYTES);
  expect(asked).toBe(2);
});

test("many honest providers get their blocks through while stalled uploads fill the station", async () => {
  const clock = createTestClock();
  const room = new UploadRoom();
  const stored = createMemoryBlocks();
  const handle = createBlockHandler({ blocks: stored, log: silentLog, clock, room });
  const server = await startTestServer((request, response) => void handle(request, response));
  servers.push(server);
  const stalled: Socket[] = [];
  while (room.hasRoomFor(LIMITS.chunkBytesMax)) {
    const socket = connect(server.port, "127.0.0.1").on("error", () => undefined);
    socket.write(`PUT /ipfs/${CID} HTTP/1.1\r\nhost: fog\r\ncontent-length: ${LIMITS.chunkBytesMax}\r\n\r\n`);
    socket.write(new Uint8Array(LIMITS.chunkBytesMax - 10));
    stalled.push(socket.resume());
    await expect
      .poll(() => room.heldBytes, { interval: 1 })
      .toBeGreaterThan(stalled.length * (LIMITS.chunkBytesMax - 10));
  }

  // The waits between tries are the test's to end; the deadline of a try stays real.
  const waits = createTestClock();
  const patient: Clock = {
    ...systemClock,
    sleep: (ms, o) => (ms < 10_000 ? waits : systemClock).sleep(ms, o),
  };
  const options = { baseUrl: server.url, fetch: systemFetch, clock: patient };
  const chunks = Array.from({ length: 48 }, (_, i) => new Uint8Array(LIMITS.chunkBytesMax).fill(i));
  let ended = 0;
  const puts = chunks.map((chunk) =>
    createHttpBlocks(options)
      .put(chunk)
      .finally(() => ended++),
  );
  const settled = Promise.all(puts);
  settled.catch(() => undefined); // awaited below
  for (let tries = 1; tries <= 4; tries++) {
    await expect.poll(() => ended + waits.sleepers, { timeout: 20_000 }).toBe(chunks.length);
    if (tries === 1) expect(waits.sleepers).toBe(chunks.length);
    await clock.advance(3_000);
    await waits.advance(3_000);
  }
  for (const cid of await settled) expect(await stored.has(cid)).toBe(true);
  expect(room.heldBytes).toBe(0);
  for (const socket of stalled) socket.destroy();
});

test("a 4xx is an answer: asked once, and the fog node's own fault is passed on", async () => {
  let asked = 0;
  const blocks = await openAt((_, response) => {
    asked += 1;
    const body = { error: { code: "NOT_A_MEMBER", message: "join first" } };
    response.writeHead(403, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await expect(blocks.get(CID)).rejects.toMatchObject({ code: "NOT_A_MEMBER", message: "join first" });
  expect(asked).toBe(1);
});

test("an answer of something that is no fog node is FOG_REFUSED", async () => {
  const blocks = await openAt((_, response) => response.writeHead(403).end("<html>"));
  await expect(blocks.get(CID)).rejects.toMatchObject({ code: "FOG_REFUSED", fault: { status: 403 } });
  await expect(blocks.has(CID)).rejects.toMatchObject({ code: "FOG_REFUSED" });
});

test("a full fog node is asked once and its DISK_FULL is passed on", async () => {
  const full = createDiskBlocks({ folder: "/blocks", disk: createMemoryDisk(10) });
  const handle = createBlockHandler({ blocks: full, log: silentLog });
  const blocks = await openAt((request, response) => void handle(request, response));
  await expect(blocks.put(BYTES)).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(blocks.bytesUp).toBe(1000);
});

test("a fog node that is away is FOG_UNREACHABLE with its address and what to do", async () => {
  const server = await startTestServer(() => undefined);
  await server[Symbol.asyncDispose]();
  const blocks = createHttpBlocks({
    baseUrl: server.url,
    fetch: systemFetch,
    clock: hastyClock,
    retriesMax: 1,
  });
  const error = await blocks.get(CID).catch((caught: unknown) => caught);
  expect(error).toHaveProperty(
    "message",
    `no answer from ${server.url}/ipfs/${CID} (ECONNREFUSED); ` +
      "check that the fog node runs and that the address is right",
  );
});

test("silence ends at the deadline of each try, after which the next begins", async () => {
  const clock = createTestClock();
  let tries = 0;
  const silent: Fetch = (_, init) =>
    new Promise((_resolve, reject) => {
      tries += 1;
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    });
  const options = { baseUrl: "http://fog", fetch: silent, clock, timeoutMs: 1_000, retriesMax: 2 };
  const got = createHttpBlocks(options)
    .get(CID)
    .catch((caught: unknown) => caught);
  await clock.advance(10_000);
  expect(await got).toMatchObject({
    code: "FOG_UNREACHABLE",
    fault: { why: "nothing whole within 1000 ms" },
  });
  expect(tries).toBe(3);
  expect(clock.sleepers).toBe(0);
});

test("giving up ends the request and throws the reason", async () => {
  const abort = new AbortController();
  const blocks = await openAt(() => abort.abort(new Error("gave up")));
  await expect(blocks.get(CID, { signal: abort.signal })).rejects.toThrow("gave up");
});
