/** Uploads over real sockets that crowd, trickle and fall silent; the station's memory is the room they hold. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { cidOfBytes, formatBytes, LIMITS } from "@pingo/core";
import { createTestClock, silentLog, type TestClock } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBlockHandler } from "./http-handler.ts";
import { startTestServer, type TestServer } from "./testing/http-server.ts";
import { createMemoryBlocks } from "./testing/memory-blocks.ts";
import { UploadRoom } from "./upload-room.ts";

const BLOCK = new Uint8Array(LIMITS.blockBytesMax).fill(7);
const CID = cidOfBytes(BLOCK);
/** As the flood that filled a station did: all but the end of it. */
const UNFINISHED = BLOCK.subarray(0, -10);

let server: TestServer;
let clock: TestClock;
let room: UploadRoom;
let sockets: Socket[];
/** The station's ends, by the port at ours. */
let served: Map<number | undefined, Socket>;

beforeEach(async () => {
  clock = createTestClock();
  room = new UploadRoom();
  sockets = [];
  served = new Map();
  const handle = createBlockHandler({ blocks: createMemoryBlocks(), log: silentLog, clock, room });
  server = await startTestServer((request, response) => {
    served.set(request.socket.remotePort, request.socket);
    void handle(request, response);
  });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await server[Symbol.asyncDispose]();
});

interface Upload {
  readonly socket: Socket;
  /** All that was answered so far. */
  answer(): string;
}

function upload(body: Uint8Array, length = `content-length: ${BLOCK.byteLength}`): Upload {
  const socket = connect(server.port, "127.0.0.1").setNoDelay();
  sockets.push(socket);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += String(chunk);
  });
  socket.on("error", () => undefined); // a reset is seen in what was not answered
  socket.write(`PUT /ipfs/${CID} HTTP/1.1\r\nhost: fog\r\n${length}\r\n\r\n`);
  socket.write(body);
  return { socket, answer: () => answer };
}

/** The flood: as many stalled uploads as fill the room, and more; nothing of theirs is on its way any more. */
async function crowd(): Promise<readonly Upload[]> {
  const fitting = Math.floor(LIMITS.uploadsHeldBytesMax / BLOCK.byteLength);
  const uploads = Array.from({ length: fitting + 8 }, () => upload(UNFINISHED));
  const refused = (): number => uploads.filter(({ answer }) => answer() !== "").length;
  await expect.poll(refused, { timeout: 20_000 }).toBeGreaterThanOrEqual(8);
  const isStalled = ({ socket, answer }: Upload): boolean =>
    answer() !== "" || served.get(socket.localPort)?.bytesRead === socket.bytesWritten;
  await expect.poll(() => uploads.every(isStalled), { timeout: 20_000 }).toBe(true);
  return uploads;
}

test("a crowd of stalled uploads holds what all may hold; the others are told to come again", async () => {
  const uploads = await crowd();
  expect(room.heldBytes).toBeLessThanOrEqual(LIMITS.uploadsHeldBytesMax);
  for (const { answer } of uploads.filter((one) => one.answer() !== "")) {
    expect(answer()).toMatch(/^HTTP\/1.1 503 .*retry-after: 3\r\n.*"code":"UPLOADS_TOO_MANY"/s);
    expect(answer()).toContain(
      `the uploads under way fill the ${formatBytes(LIMITS.uploadsHeldBytesMax)} that are kept for them`,
    );
  }
});

test("those who have fallen silent are cut off, and their room is free again", async () => {
  const uploads = await crowd();
  await clock.advance(LIMITS.uploadSilenceMsMax);
  await expect.poll(() => uploads.every(({ answer }) => answer() !== "")).toBe(true);
  for (const { answer } of uploads) {
    expect(answer()).toMatch(/^HTTP\/1.1 (503 .*UPLOADS_TOO_MANY|408 .*UPLOAD_SILENT)/s);
  }
  expect(room.heldBytes).toBe(0);
  expect(clock.sleepers).toBe(0);
  const { answer } = upload(BLOCK);
  await expect.poll(answer).toMatch(/^HTTP\/1.1 201 /);
  expect(room.heldBytes).toBe(0);
});

test("an upload that does not say how long it is finds the same limit", async () => {
  const fillers = await crowd();
  const part = Buffer.concat([Buffer.from(`${UNFINISHED.byteLength.toString(16)}\r\n`), UNFINISHED]);
  const { answer } = upload(part, "transfer-encoding: chunked");
  await expect.poll(answer).toMatch(/^HTTP\/1.1 503 /);
  expect(room.heldBytes).toBeLessThanOrEqual(LIMITS.uploadsHeldBytesMax);
  for (const { socket } of fillers) socket.destroy();
  await expect.poll(() => room.heldBytes).toBe(0);
});

/** Each byte is counted with what its chunk costs. */
test("one that sends a little now and then is not silent, and ends at the deadline of the whole", async () => {
  const { socket, answer } = upload(BLOCK.subarray(0, 1));
  for (let sent = 1; sent <= 6; sent++) {
    await expect.poll(() => room.heldBytes).toBe(sent * 257);
    await clock.advance(9_900);
    expect(answer()).toBe("");
    socket.write(BLOCK.subarray(0, 1));
  }
  await clock.advance(600);
  await expect.poll(answer).toMatch(/^HTTP\/1.1 408 .*UPLOAD_TOO_SLOW/s);
  expect(room.heldBytes).toBe(0);
});

test("the sender of a refused upload gets the answer and may go on with its connection", async () => {
  const fillers = await crowd();
  const refused = upload(BLOCK);
  await expect.poll(refused.answer).toMatch(/^HTTP\/1.1 503 /);
  expect(refused.answer()).not.toMatch(/connection: close/i);
  for (const { socket } of fillers) socket.destroy();
  await expect.poll(() => room.heldBytes).toBe(0);
  refused.socket.write(`HEAD /ipfs/${CID} HTTP/1.1\r\nhost: fog\r\n\r\n`);
  await expect.poll(refused.answer).toMatch(/HTTP\/1.1 404 /);
  refused.socket.end();
  await once(refused.socket, "close");
});
