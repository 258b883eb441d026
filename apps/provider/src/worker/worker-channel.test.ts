import { Duplex } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openChannel } from "./worker-channel.ts";

function listening(lineBytesMax: number) {
  const values: unknown[] = [];
  const overs: (string | null)[] = [];
  const said: string[] = [];
  const pipe = new Duplex({
    read: () => undefined,
    write: (chunk, _, done) => {
      said.push(String(chunk));
      done();
    },
  });
  const channel = openChannel(pipe, {
    lineBytesMax,
    onValue: (value) => values.push(value),
    onOver: (why) => overs.push(why),
  });
  return { pipe, channel, values, overs, said };
}

test("values come whole and in order, however their bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue(), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      (values, cuts) => {
        const expected: unknown[] = JSON.parse(JSON.stringify(values));
        const { pipe, values: heard } = listening(100_000);
        const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
        for (let at = 0, i = 0; at < bytes.byteLength; i++) {
          const length = cuts[i % cuts.length] ?? 1;
          pipe.emit("data", bytes.subarray(at, at + length));
          at += length;
        }
        expect(heard).toEqual(expected);
      },
    ),
  );
});

test("a line without an end is the last that is heard, and nothing of it is kept", () => {
  const { pipe, channel, values, overs } = listening(1_000);
  pipe.emit("data", Buffer.from('{"a":1}\n'));
  for (let i = 0; i < 10_000; i++) pipe.emit("data", Buffer.alloc(100, 0xff));
  pipe.emit("data", Buffer.from('\n{"a":2}\n'));
  expect(values).toEqual([{ a: 1 }]);
  expect(overs).toEqual(["it said more than 1000 bytes in one line"]);
  expect(channel.isOver).toBe(true);
  expect(pipe.destroyed).toBe(true);
});

test("what is no JSON ends it, also in the middle of what came at once", () => {
  const { pipe, values, overs } = listening(1_000);
  pipe.emit("data", Buffer.from('1\nnull\n{"type":\n3\n'));
  expect(values).toEqual([1, null]);
  expect(overs).toEqual(["it said what is no JSON"]);
});

test("an end that is gone is told once, and nothing is said to it", () => {
  const { pipe, channel, overs, said } = listening(1_000);
  channel.say({ a: 1 });
  pipe.emit("error", new Error("EPIPE"));
  pipe.emit("close");
  channel.say({ a: 2 });
  expect([overs, said]).toEqual([[null], ['{"a":1}\n']]);
});
