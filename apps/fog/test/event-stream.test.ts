/** Followers that do not read: real database, real sockets, and a clock that the test moves. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cidOfValue, type JobEvent, keyPairOfSeed } from "@pingo/core";
import { createRecordedLog, createTestClock, type RecordedLog, type TestClock } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createEventStreams, type EventStreams } from "../src/api/event-stream.ts";
import { type Database, openDatabase } from "../src/database/database.ts";
import { appendEvent } from "../src/database/event-store.ts";
import { insertJob } from "../src/database/job-store.ts";
import { createEventHub, type EventHub } from "../src/jobs/event-hub.ts";

const job = cidOfValue("a job");
/** Many of these are more than any socket buffers. */
const LONG: JobEvent = { type: "waiting", reason: "x".repeat(64 * 1024) };
/** Far more than a kernel holds for two ends of a connection. */
const EVENTS_MANY = 400;

let folder = "";
let database: Database;
let hub: EventHub;
let clock: TestClock;
let log: RecordedLog;
let streams: EventStreams;
let server: Server;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-events-"));
  database = await openDatabase({ folder, url: undefined });
  await insertJob(database.sql, {
    id: job,
    owner: keyPairOfSeed(new Uint8Array(32)).nodeId,
    name: "tiny",
    envelope: Uint8Array.of(1),
    state: "queued",
    program: job,
    rounds: 1,
    createdUnixMs: 1,
  });
  hub = createEventHub();
  clock = createTestClock();
  log = createRecordedLog();
  streams = createEventStreams({ sql: database.sql, hub, clock, log, clientsMax: 2 });
  server = createServer((_, response) => streams.open(job, 0, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  streams.closeAll();
  server.closeAllConnections();
  server.close();
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** A follower that asks and, unless it is given someone to tell, reads no more than one buffer. */
async function follow(): Promise<Socket> {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a listening server has a port");
  const socket = connect(address.port, "127.0.0.1");
  await once(socket, "connect");
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  return socket;
}

/** A connection that is reset is as closed as one that ends. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket
      .on("error", () => undefined)
      .once("close", () => resolve())
      .resume();
  });
}

const cutOffs = (): number => log.entries.filter(({ event }) => event === "follower_cut_off").length;

test("one that reads too slowly is cut off, and one that reads gets everything", async () => {
  const [slow, quick] = [await follow(), await follow()];
  let bytes = 0;
  quick.on("data", (chunk) => {
    bytes += chunk.byteLength;
  });
  await expect.poll(() => clock.sleepers).toBeGreaterThanOrEqual(2); // both wait for what happens
  let sequence = 0;
  while (cutOffs() === 0 && sequence < 10_000) {
    hub.publish(job, { sequence: ++sequence, atUnixMs: 1, event: LONG });
    const isThere = (): boolean => bytes > sequence * LONG.reason.length;
    await expect.poll(isThere, { interval: 1, timeout: 20_000 }).toBe(true);
  }
  expect(cutOffs()).toBe(1);
  await closed(slow);
  expect(quick.destroyed).toBe(false);
  quick.destroy();
});

test("one that never takes what is stored is cut off when its time is over", async () => {
  for (let i = 0; i < EVENTS_MANY; i++) await appendEvent(database.sql, job, 1, LONG);
  const stuck = await follow();
  await expect.poll(() => clock.sleepers).toBe(1); // it waits for the follower
  expect(cutOffs()).toBe(0);
  await clock.advance(60_000);
  await expect.poll(cutOffs).toBe(1);
  await closed(stuck);
});

test("one that takes too little while too much happens is cut off before it fills the memory", async () => {
  for (let i = 0; i < EVENTS_MANY; i++) await appendEvent(database.sql, job, 1, LONG);
  const stuck = await follow();
  await expect.poll(() => clock.sleepers).toBe(1);
  for (let i = 0; i <= 10_000; i++) hub.publish(job, { sequence: null, atUnixMs: 1, event: LONG });
  expect(cutOffs()).toBe(1);
  await closed(stuck);
});

test("there is room for so many, and for another once one has left", async () => {
  const [first] = [await follow(), await follow()];
  await expect.poll(() => clock.sleepers).toBe(2);
  expect(() => streams.checkRoom()).toThrow(expect.objectContaining({ code: "FOLLOWERS_TOO_MANY" }));
  first.destroy();
  await expect.poll(() => clock.sleepers).toBe(1);
  expect(() => streams.checkRoom()).not.toThrow();
});
