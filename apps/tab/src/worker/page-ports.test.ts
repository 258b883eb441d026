import { once } from "node:events";
import { createServer } from "node:http";
import { assert } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pageClock, pageFetch, pagePrng } from "./page-ports.ts";

test("draws are within their bounds, whatever the bound", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 32 }), (below) => {
      const drawn = pagePrng.int(below);
      expect(Number.isInteger(drawn) && drawn >= 0 && drawn < below).toBe(true);
    }),
  );
  expect(pagePrng.bytes(32)).toHaveLength(32);
  expect(pagePrng.bytes(32)).not.toEqual(pagePrng.bytes(32));
});

test("a sleep that is given up rejects with the reason, before and while it sleeps", async () => {
  const reason = new Error("enough");
  await expect(pageClock.sleep(60_000, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const giving = new AbortController();
  const sleeping = pageClock.sleep(60_000, { signal: giving.signal });
  giving.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
});

test("leaving a body before its end hangs up, and a whole one is whole", async () => {
  const hungUp = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    if (request.url === "/whole") {
      response.writeHead(201).end("all of it");
      return;
    }
    response.on("close", () => hungUp.resolve());
    response.write("the first of very much");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(address !== null && typeof address === "object", "a listening server has an address");
  const url = `http://127.0.0.1:${address.port}`;
  try {
    const whole = await pageFetch(`${url}/whole`);
    const pieces: Uint8Array[] = [];
    for await (const piece of whole.body ?? []) pieces.push(piece);
    expect([whole.ok, whole.status, Buffer.concat(pieces).toString()]).toEqual([true, 201, "all of it"]);
    for await (const _piece of (await pageFetch(`${url}/endless`)).body ?? []) break;
    await hungUp.promise;
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
