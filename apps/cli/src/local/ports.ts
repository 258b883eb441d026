/** TCP ports of this machine's loopback. */
import { once } from "node:events";
import { createServer } from "node:net";
import { CliError } from "../cli-error.ts";

const LOOPBACK = "127.0.0.1";

/** @throws {CliError} PORT_IN_USE */
export async function assertPortFree(port: number): Promise<void> {
  await listenOnce(port).catch((cause: unknown) => {
    throw new CliError({ code: "PORT_IN_USE", port }, { cause });
  });
}

export async function isPortFree(port: number): Promise<boolean> {
  return listenOnce(port).then(
    () => true,
    () => false,
  );
}

/** Ports that nothing listens on right now, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      servers.map(async (server) => {
        server.listen(0, LOOPBACK);
        await once(server, "listening");
        const address = server.address();
        return typeof address === "object" && address !== null ? address.port : 0;
      }),
    );
  } finally {
    for (const server of servers) server.close();
  }
}

async function listenOnce(port: number): Promise<void> {
  const server = createServer();
  server.listen(port, LOOPBACK);
  await once(server, "listening");
  server.close();
  await once(server, "close");
}
