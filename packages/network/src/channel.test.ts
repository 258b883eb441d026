import { encodeCanonical, keyPairOfSeed } from "@pingo/core";
import { createTestClock, silentLog } from "@pingo/core/testing";
import { expect, test } from "vitest";
import { createChannel } from "./channel.ts";
import { createFrameReader, encodeFrame, type Frame } from "./frame.ts";
import { CHANNEL_LIMITS, type Channel } from "./peer-host.ts";
import type { Pipe, PipeListener } from "./pipe.ts";

const PEER = keyPairOfSeed(new Uint8Array(32).fill(3)).nodeId;

/** The far end by hand: a peer that may say anything. */
function createRawPeer(sendRoom = Number.POSITIVE_INFINITY): {
  channel: Channel;
  say(bytes: Uint8Array): void;
  lose(): void;
  drain(): void;
  readonly heard: Frame[];
  readonly heardBytes: number;
} {
  let listener: PipeListener | undefined;
  let heardBytes = 0;
  let drained = Promise.withResolvers<void>();
  const heard: Frame[] = [];
  const reader = createFrameReader(2 ** 24);
  const pipe: Pipe = {
    send: (bytes) => {
      heardBytes += bytes.byteLength;
      heard.push(...reader.push(bytes).frames);
      return heardBytes < sendRoom;
    },
    drained: () => drained.promise,
    open: (it) => {
      listener = it;
    },
    close: async () => undefined,
    abort: () => undefined,
  };
  const channel = createChannel(pipe, {
    peer: PEER,
    clock: createTestClock(),
    log: silentLog,
    limits: { ...CHANNEL_LIMITS, requestsInFlightMax: 4 },
  });
  return {
    channel,
    heard,
    get heardBytes() {
      return heardBytes;
    },
    say: (bytes) => listener?.received(bytes),
    lose: () => listener?.ended("ECONNRESET"),
    drain: () => {
      drained.resolve();
      drained = Promise.withResolvers();
    },
  };
}

function raw(value: unknown): Uint8Array {
  const body = encodeCanonical(value);
  return Buffer.concat([Uint8Array.of(0, 0, body.byteLength >> 8, body.byteLength & 255), body]);
}

test.each<[string, Uint8Array, string]>([
  ["declares a frame over the limit", Uint8Array.of(0xff, 0xff, 0xff, 0xff), "FRAME_TOO_LARGE"],
  ["sends bytes that are no value", Uint8Array.of(0, 0, 0, 1, 0xff), "FRAME_MALFORMED"],
  ["sends an empty frame", Uint8Array.of(0, 0, 0, 0), "FRAME_MALFORMED"],
  ["sends a value that is no frame", raw(["hello"]), "FRAME_MALFORMED"],
  ["answers what was never asked", raw({ id: 7, answer: 1 }), "FRAME_UNEXPECTED"],
  [
    "asks twice under one id",
    Buffer.concat([raw({ id: 1, request: 1 }), raw({ id: 1, request: 1 })]),
    "FRAME_UNEXPECTED",
  ],
])("a peer that %s is told why and cut off", async (_, bytes, code) => {
  const peer = createRawPeer();
  const asked = peer.channel.request("pending").catch((error: unknown) => error);
  peer.say(bytes);
  expect(await peer.channel.closed).toMatchObject({ code });
  expect(await asked).toMatchObject({ code: "CHANNEL_CLOSED" });
  expect(peer.heard.at(-1)).toMatchObject({ end: { code } });
});

test("a channel that was cut off says what the peer said", async () => {
  const peer = createRawPeer();
  peer.say(encodeFrame({ end: { code: "FRAME_TOO_LARGE", message: "too large" } }));
  expect(await peer.channel.closed).toMatchObject({
    code: "CUT_OFF",
    message: expect.stringContaining("too large"),
  });
});

test("a broken connection fails every pending request", async () => {
  const peer = createRawPeer();
  const asked = [1, 2, 3].map((body) => peer.channel.request(body).catch((error: unknown) => error));
  peer.lose();
  for (const outcome of await Promise.all(asked)) expect(outcome).toMatchObject({ code: "CHANNEL_CLOSED" });
  expect(await peer.channel.closed).toMatchObject({ code: "CONNECTION_LOST" });
});

test("a peer that asks more than the limit at once gets a fault, not memory", async () => {
  const peer = createRawPeer();
  peer.channel.serve(() => new Promise(() => undefined));
  for (let id = 1; id <= 5; id++) peer.say(encodeFrame({ id, request: null }));
  expect(peer.heard).toMatchObject([{ id: 5, fault: { code: "TOO_MANY_REQUESTS" } }]);
});

test("nothing is sent to a peer that takes nothing", async () => {
  const peer = createRawPeer(1);
  peer.channel.serve(async () => new Uint8Array(1_000_000));
  for (let id = 1; id <= 4; id++) peer.say(encodeFrame({ id, request: null }));
  await new Promise((resolve) => setImmediate(resolve));
  expect(peer.heard).toHaveLength(1);
  for (let i = 0; i < 4; i++) {
    peer.drain();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(peer.heard).toHaveLength(4);
});

test.each<[string, (id: number) => unknown]>([
  ["pings", (id) => ({ ping: id })],
  ["requests beyond the limit", (id) => ({ id, request: "x" })],
])("a peer that floods with %s and never reads is cut off, and little is kept", async (_, frameOf) => {
  const peer = createRawPeer(1); // the first byte fills its pipe
  peer.channel.serve(() => new Promise(() => undefined));
  const flood = Buffer.concat(Array.from({ length: 10_000 }, (__, id) => raw(frameOf(id + 1))));
  peer.say(flood);
  expect(await peer.channel.closed).toMatchObject({ code: "FRAME_UNEXPECTED" });
  expect(peer.heardBytes).toBeLessThan(1024 * 1024);
});
