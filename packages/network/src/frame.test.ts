import { encodeCanonical } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createFrameReader, encodeFrame, type Frame } from "./frame.ts";

const arbFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ id: fc.nat(), request: fc.string() }),
  fc.record({ id: fc.nat(), answer: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ id: fc.nat(), fault: fc.record({ code: fc.string({ maxLength: 64 }), message: fc.string() }) }),
  fc.record({ ping: fc.nat() }),
  fc.record({ pong: fc.nat() }),
  fc.record({ end: fc.record({ code: fc.string({ maxLength: 64 }), message: fc.string() }) }),
);

test("frames survive however the stream is cut into chunks", () => {
  fc.assert(
    fc.property(
      fc.array(arbFrame, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (frames, cuts) => {
        const stream = Buffer.concat(frames.map(encodeFrame));
        const reader = createFrameReader(10_000);
        const places = [...new Set(cuts.map((cut) => cut % (stream.byteLength + 1)))].sort((a, b) => a - b);
        const read = [0, ...places].flatMap((from, i) => {
          const { frames: some, fault } = reader.push(stream.subarray(from, places[i] ?? stream.byteLength));
          expect(fault).toBeNull();
          return some;
        });
        expect(read).toEqual(frames);
      },
    ),
  );
});

test("a frame over the limit is refused by its head alone", () => {
  const head = Uint8Array.of(0, 0, 4, 1);
  expect(createFrameReader(1_024).push(head).fault).toMatchObject({ code: "FRAME_TOO_LARGE" });
});

test.each<[string, unknown]>([
  ["a list", [1, 2]],
  ["an unknown kind", { id: 1, shout: true }],
  ["a key too many", { id: 1, request: 1, extra: 1 }],
  ["a negative id", { id: -1, request: 1 }],
  ["an id that is no integer", { id: 1.5, request: 1 }],
  ["a fault without a code", { id: 1, fault: { message: "x" } }],
  ["a fault with a long message", { id: 1, fault: { code: "X", message: "x".repeat(3_000) } }],
  ["a ping with a body", { ping: "x" }],
])("%s is not a frame", (_, value) => {
  const body = encodeCanonical(value);
  const bytes = Buffer.concat([Uint8Array.of(0, 0, body.byteLength >> 8, body.byteLength & 255), body]);
  expect(createFrameReader(10_000).push(bytes).fault).toMatchObject({ code: "FRAME_MALFORMED" });
});

test("arbitrary bytes never crash the reader", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const framed = Buffer.concat([Uint8Array.of(0, 0, 0, bytes.byteLength), bytes]);
      createFrameReader(1_000).push(framed);
    }),
  );
});
