/** What stands before a server of the network and lets everything pass, but for what a test has it say in place of that server. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import { buffer } from "node:stream/consumers";

export interface LyingStation extends AsyncDisposable {
  readonly url: string;
  /** Answered with these bytes in place of the server's own answer; undefined: it passes. */
  say: (path: string, body: Buffer) => Promise<Uint8Array | string | undefined>;
}

/** @param before  the origin of what it stands before, by now */
export async function startLyingStation(before: () => string): Promise<LyingStation> {
  const server = createServer((asked, answer) => {
    const pass = (body: Buffer): void => {
      const { method, headers } = asked;
      const passed = request(new URL(asked.url ?? "/", before()), { method, headers }, (from) => {
        answer.writeHead(from.statusCode ?? 502, from.headers);
        from.pipe(answer);
      });
      passed.on("error", () => answer.destroy()); // as if it were the server that broke off
      answer.on("close", () => passed.destroy());
      passed.end(body);
    };
    const hear = async (): Promise<void> => {
      const body = await buffer(asked);
      const said = await station.say(asked.url ?? "/", body);
      if (said === undefined) pass(body);
      else answer.end(said);
    };
    hear().catch(() => answer.destroy()); // who asks is told by a connection that breaks
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a listening server has a port");
  const station: LyingStation = {
    url: `http://127.0.0.1:${address.port}`,
    say: async () => undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return station;
}
