/**
 * What lies between providers and their fog node, as a test may cut it: their HTTP and their channels go through it.
 *
 * A fog node tells its address, at which it would be reached beside the link: in its answers that address becomes the link's.
 */
import { once } from "node:events";
import { createServer, type Server, Socket } from "node:net";
import type { FogNodeView } from "@pingo/core";

/** Silent: what is sent is lost, and nobody is told. Reset: every connection breaks, and no new one comes about. */
type Cut = "silent" | "reset";

export class SeverableLink implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #cut: Cut | null = null;
  #url = "";

  static async to({ httpUrl, addresses }: FogNodeView): Promise<SeverableLink> {
    const link = new SeverableLink();
    const peerPort = Number(/\/tcp\/(\d+)/.exec(addresses[0] ?? "")?.[1]);
    const ownPeerPort = await link.#carry(peerPort, (chunk) => chunk);
    const [told, own] = [peerPort, ownPeerPort].map((port) => `/tcp/${port}`);
    // Of the same length, so that nothing else of an answer changes.
    if (told === undefined || told.length !== own?.length) throw new Error(`${told} cannot become ${own}`);
    const httpPort = await link.#carry(Number(new URL(httpUrl).port), (chunk) =>
      chunk.includes(told) ? Buffer.from(chunk.toString("latin1").replaceAll(told, own), "latin1") : chunk,
    );
    link.#url = `http://127.0.0.1:${httpPort}`;
    return link;
  }

  /** What providers are to take for the fog node. */
  get url(): string {
    return this.#url;
  }

  /** Connections that are there when it is silent stay silent for ever. */
  cut(how: Cut): void {
    this.#cut = how;
    for (const socket of this.#sockets) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.removeAllListeners("data").removeAllListeners("end").removeAllListeners("close").resume();
    }
  }

  mend(): void {
    this.#cut = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => once(server.close(), "close")));
  }

  async #carry(port: number, change: (chunk: Buffer) => Buffer): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (near) => {
      this.#keep(near);
      if (this.#cut === "reset") near.resetAndDestroy();
      if (this.#cut === "silent") near.resume();
      if (this.#cut !== null) return;
      const far = new Socket({ allowHalfOpen: true }).connect(port, "127.0.0.1");
      this.#keep(far);
      forward(near, far, (chunk) => chunk);
      forward(far, near, change);
    });
    this.#servers.push(server.listen(0, "127.0.0.1"));
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("a listening server has a port");
    return address.port;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined); // the other end of the pair hears of it by its close
  }
}

function forward(from: Socket, to: Socket, change: (chunk: Buffer) => Buffer): void {
  from.on("data", (chunk: Buffer) => to.write(change(chunk)));
  from.on("end", () => to.end());
  from.on("close", () => to.destroy());
}
