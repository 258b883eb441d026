import fc from "fast-check";
import { expect, test } from "vitest";
import { UploadRoom } from "./upload-room.ts";

test("what is held never passes the limit, and all of it comes back", () => {
  const arbChunks = fc.array(fc.nat({ max: 4_000 }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.nat({ max: 20_000 }), arbChunks, (bytesMax, chunks) => {
      const room = new UploadRoom(bytesMax);
      const taken: number[] = [];
      for (const bytes of chunks) {
        const before = room.heldBytes;
        const one = room.take(bytes);
        if (one === undefined) expect(room.heldBytes).toBe(before);
        else taken.push(one);
        expect(room.heldBytes).toBeGreaterThanOrEqual(taken.length * 256);
        expect(room.heldBytes).toBeLessThanOrEqual(bytesMax);
      }
      for (const one of taken) room.giveBack(one);
      expect(room.heldBytes).toBe(0);
    }),
  );
});

test("to give back more than was taken is a bug", () => {
  expect(() => new UploadRoom(1_000).giveBack(1)).toThrow("more room than it took");
});
