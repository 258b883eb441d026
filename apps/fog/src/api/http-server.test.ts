/** The one port under what is no request, and under more connections than it takes: real sockets, no station behind. */
import { once } from "node:events";
import type { Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { LIMITS } from "@pingo/core";
import { createRecordedLog, type RecordedLog } from "@pingo/core/testing";
import { fastify } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answerClientError } from "./client-error.ts";
import { createHttpServer } from "./http-server.ts";

let api: ReturnType<typeof start>;
let log: RecordedLog;
let sockets: Socket[];

beforeEach(async () => {
  log = createRecordedLog();
  sockets = [];
  api = start();
  await api.listen({ host: "127.0.0.1", port: 0 });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await api.close();
});

function start() {
  const made = fastify<Server>({
    serverFactory: (control) => createHttpServer({ blocks: async () => false, control }, log),
    clientErrorHandler: answerClientError,
    forceCloseConnections: true,
  });
  made.get("/", async () => "here");
  return made;
}

function open(): Socket {
  // SAFETY: a server that listens on a port has an address of this kind.
  const { port } = api.server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1")
    .on("error", () => undefined) // a reset is a close as well
    .resume();
  sockets.push(socket);
  return socket;
}

async function answerTo(text: string): Promise<string> {
  const socket = open();
  let answer = "";
  socket.on("data", (chunk) => {
    answer += String(chunk);
  });
  socket.write(text);
  await once(socket, "close");
  return answer;
}

test.each([
  ["a method that is none", "FOO / HTTP/1.1\r\nhost: fog\r\n\r\n", 400, "REQUEST_MALFORMED"],
  ["what is not HTTP", "hello\r\n\r\n", 400, "REQUEST_MALFORMED"],
  [
    "too many headers",
    `GET / HTTP/1.1\r\nhost: fog\r\nx: ${"y".repeat(30_000)}\r\n\r\n`,
    431,
    "HEADERS_TOO_LARGE",
  ],
])("%s is answered in the shape of every other fault", async (_, text, status, code) => {
  const answer = await answerTo(text);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [A-Z]`));
  const [, body = ""] = answer.split("\r\n\r\n");
  expect(JSON.parse(body)).toEqual({ error: { code, message: expect.stringMatching(/^the [^\n]+$/) } });
});

test("so many connections and no more, until one leaves; that it is full is said once", async () => {
  let accepted = 0;
  api.server.on("connection", () => accepted++);
  // In parts: the system drops what comes faster than it is accepted.
  while (accepted < LIMITS.httpConnectionsMax) {
    const target = accepted + 256;
    for (let i = 0; i < 256; i++) open();
    await expect.poll(() => accepted, { interval: 1 }).toBe(target);
  }
  const count = (): number => log.entries.filter(({ event }) => event === "connections_full").length;
  for (let i = 0; i < 3; i++) await once(open(), "close");
  expect(count()).toBe(1);
  sockets[0]?.destroy();
  await expect
    .poll(() => answerTo("GET / HTTP/1.1\r\nhost: fog\r\nconnection: close\r\n\r\n"))
    .toMatch(/^HTTP\/1.1 200 .*here/s);
});
