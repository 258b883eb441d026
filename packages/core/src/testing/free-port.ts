import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Below what systems hand to connections that go out (Linux from 32768): a port stays free while its server restarts. */
const FIRST = 10_000;
const LAST = 32_000;
const TRIES = 100;

/** A port of the loopback that nothing listens on. It is even, and its successor is left to whoever asked. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = 2 * randomInt(FIRST / 2, LAST / 2);
    if ((await canListen(port)) && (await canListen(port + 1))) return port;
  }
  throw new Error(`${TRIES} ports between ${FIRST} and ${LAST} are taken`);
}

function canListen(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  return once(server, "listening").then(
    () => closed(server),
    () => false,
  );
}

async function closed(server: Server): Promise<true> {
  server.close();
  await once(server, "close");
  return true;
}
