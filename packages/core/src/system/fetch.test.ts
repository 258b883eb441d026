import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { systemFetch } from "./fetch.ts";

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  // SAFETY: a server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/x`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function bytesOf(body: AsyncIterable<Uint8Array> | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("method, headers and body arrive, and what is answered comes back", async () => {
  await using server = await serve(async (request, response) => {
    const body = await buffer(request);
    response.writeHead(request.method === "PUT" ? 201 : 200, { "x-kind": String(request.headers["x-kind"]) });
    response.end(body);
  });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200_000 }), async (sent) => {
      const body = new Uint8Array(sent);
      const answer = await systemFetch(server.url, { method: "PUT", headers: { "x-kind": "a" }, body });
      expect([answer.ok, answer.status]).toEqual([true, 201]);
      expect(Buffer.compare(await bytesOf(answer.body), body)).toBe(0);
    }),
    { numRuns: 20 },
  );
  const head = await systemFetch(server.url, { method: "HEAD" });
  expect([head.status, (await bytesOf(head.body)).byteLength]).toEqual([200, 0]);
});

test("a status that is not 2xx is an answer, a redirect too", async () => {
  await using server = await serve((request, response) => {
    response.writeHead(Number(request.headers["x-status"]), { location: "/elsewhere" }).end("why");
  });
  for (const status of [302, 404, 507]) {
    const answer = await systemFetch(server.url, { headers: { "x-status": String(status) } });
    expect([answer.ok, answer.status]).toEqual([false, status]);
    expect(new TextDecoder().decode(await bytesOf(answer.body))).toBe("why");
  }
});

test("nobody there: the socket's code is the cause", async () => {
  const { url } = await (async () => {
    await using server = await serve(() => undefined);
    return server;
  })();
  await expect(systemFetch(url)).rejects.toMatchObject({
    name: "TypeError",
    cause: { code: "ECONNREFUSED" },
  });
});

test("an abort rejects with its reason, before the answer and in the middle of it", async () => {
  const arrived = Promise.withResolvers<void>();
  await using server = await serve((request, response) => {
    if (request.url === "/x?begin") response.write("begun");
    arrived.resolve();
  });
  const early = new AbortController();
  const waiting = systemFetch(server.url, { signal: early.signal });
  await arrived.promise;
  early.abort(new Error("no longer wanted"));
  await expect(waiting).rejects.toThrow("no longer wanted");

  const late = new AbortController();
  const { body } = await systemFetch(`${server.url}?begin`, { signal: late.signal });
  const reading = (async () => {
    for await (const _ of body ?? []) late.abort(new Error("enough"));
  })();
  await expect(reading).rejects.toThrow("enough");
  await expect(systemFetch(server.url, { signal: AbortSignal.abort(new Error("at once")) })).rejects.toThrow(
    "at once",
  );
});

test("an answer that breaks off is a fault, and leaving one hangs up", async () => {
  const hungUp = Promise.withResolvers<void>();
  await using server = await serve((request, response) => {
    if (request.url === "/x?endless") {
      response.on("close", () => hungUp.resolve());
      response.write("more");
      return;
    }
    response.writeHead(200, { "content-length": "10" });
    response.write("half", () => response.destroy());
  });
  const { body } = await systemFetch(server.url);
  await expect(bytesOf(body)).rejects.toMatchObject({ name: "TypeError", cause: { code: "ECONNRESET" } });
  const endless = await systemFetch(`${server.url}?endless`);
  for await (const _ of endless.body ?? []) break;
  await hungUp.promise;
});
