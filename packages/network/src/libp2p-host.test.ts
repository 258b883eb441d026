import { connect } from "node:net";
import { LIMITS as CORE_LIMITS, type KeyPair, keyPairOfSeed } from "@pingo/core";
import { systemClock } from "@pingo/core/system";
import { createRecordedLog, silentLog } from "@pingo/core/testing";
import { describe, expect, test } from "vitest";
import { createLibp2pHost, isForPages } from "./libp2p-host.ts";
import { createPageHost } from "./page-host.ts";
import type { Channel, PeerHost } from "./peer-host.ts";
import { PEER_HOST_CASES } from "./testing/compliance.ts";

const LIMITS = { messageBytesMax: 300_000, requestsInFlightMax: 32 };
const LOCAL = "/ip4/127.0.0.1/tcp/0";
const FOR_PAGES = "/ip4/127.0.0.1/tcp/0/ws";
const A = keyPairOfSeed(new Uint8Array(32).fill(11));
const B = keyPairOfSeed(new Uint8Array(32).fill(12));

const startHost = (key: KeyPair, listen: readonly string[] = [LOCAL]): Promise<PeerHost> =>
  createLibp2pHost({ key, listen, log: silentLog, clock: systemClock, limits: LIMITS });

describe.each([
  ["TCP", LOCAL, "/ip4/127.0.0.1/tcp/1"],
  ["WebSockets", FOR_PAGES, "/ip4/127.0.0.1/tcp/1/ws"],
])("the libp2p host is a peer network over %s", (_, listen, dead) => {
  for (const { name, run } of PEER_HOST_CASES) {
    test(name, () =>
      run({
        ...LIMITS,
        host: (key) => startHost(key, [listen]),
        deadAddress: (peer) => `${dead}/p2p/${peer}`,
      }),
    );
  }
});

describe("a page's host", () => {
  const startPageHost = (key: KeyPair) => createPageHost({ key, log: silentLog, clock: systemClock });

  test("dials a station that also listens for pages, and both ask", async () => {
    await using server = await startHost(B, [LOCAL, FOR_PAGES]);
    await using page = await startPageHost(A);
    const accepted = Promise.withResolvers<Channel>();
    server.handle("/pingo/test/1.0.0", accepted.resolve);
    const address = server.addresses.find(isForPages) ?? "";
    const channel = await page.dial(address, "/pingo/test/1.0.0");
    channel.serve(async (body) => ({ echoed: body }));
    const back = await accepted.promise;
    expect(back.peer).toBe(A.nodeId);
    expect(channel.peer).toBe(B.nodeId);
    expect(await back.request(1)).toEqual({ echoed: 1 });
    expect(page.addresses).toEqual([]);
  });

  test("refuses a station with another key than the address names", async () => {
    await using server = await startHost(B, [FOR_PAGES]);
    await using page = await startPageHost(A);
    const other = keyPairOfSeed(new Uint8Array(32).fill(13)).nodeId;
    const strange = (server.addresses[0] ?? "").replace(B.nodeId, other);
    await expect(page.dial(strange, "/pingo/test/1.0.0")).rejects.toMatchObject({ code: "PEER_ID_MISMATCH" });
  });

  test("stays away from TCP", async () => {
    await using server = await startHost(B);
    await using page = await startPageHost(A);
    await expect(page.dial(server.addresses[0] ?? "", "/pingo/test/1.0.0")).rejects.toMatchObject({
      code: "PEER_UNREACHABLE",
    });
  });
});

describe("listening", () => {
  test("a port that is taken is named, with what to do", async () => {
    await using first = await startHost(A);
    const taken = (first.addresses[0] ?? "").replace(/\/p2p\/.*/, "");
    await expect(startHost(B, [taken])).rejects.toMatchObject({ code: "PORT_IN_USE" });
    await expect(startHost(B, [taken])).rejects.toThrow(taken);
  });

  test("an address of another machine is refused", async () => {
    await expect(startHost(A, ["/ip4/203.0.113.9/tcp/4000"])).rejects.toMatchObject({
      code: "LISTEN_FAILED",
    });
  });

  test("text that is no address is refused", async () => {
    await expect(startHost(A, ["4711"])).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
  });

  test("a host that listens nowhere can dial and be asked", async () => {
    await using server = await startHost(B);
    await using client = await startHost(A, []);
    const accepted = Promise.withResolvers<Channel>();
    server.handle("/pingo/test/1.0.0", accepted.resolve);
    const channel = await client.dial(server.addresses[0] ?? "", "/pingo/test/1.0.0");
    channel.serve(async (body) => ({ echoed: body }));
    const back = await accepted.promise;
    expect(await back.request(1)).toEqual({ echoed: 1 });
    expect(client.addresses).toEqual([]);
  });

  test("noise from a stranger's socket does not harm the host", async () => {
    await using server = await startHost(B);
    const port = Number(/tcp\/(\d+)/.exec(server.addresses[0] ?? "")?.[1]);
    await new Promise<void>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.end(Buffer.alloc(4_096, 0xff)));
      socket
        .on("error", () => undefined)
        .on("close", () => resolve())
        .resume();
    });
    await using client = await startHost(A, []);
    server.handle("/pingo/test/1.0.0", (channel) => channel.serve(async (body) => body));
    const channel = await client.dial(server.addresses[0] ?? "", "/pingo/test/1.0.0");
    expect(await channel.request("ok")).toBe("ok");
  });

  test("a peer has so many channels and no more, and those it has go on", async () => {
    await using server = await startHost(B);
    await using client = await startHost(A, []);
    const protocol = "/pingo/test/1.0.0";
    server.handle(protocol, (channel) => channel.serve(async (body) => body));
    const dial = (): Promise<Channel> => client.dial(server.addresses[0] ?? "", protocol);
    const channels: Channel[] = [];
    for (let i = 0; i < CORE_LIMITS.channelsPerPeerMax; i++) channels.push(await dial());
    await expect(dial()).rejects.toMatchObject({ code: "TOO_MANY_CHANNELS" });
    const asked = channels.map((channel, i) => channel.request(i));
    expect(await Promise.all(asked)).toEqual(channels.map((_, i) => i));
    await channels.pop()?.[Symbol.asyncDispose]();
    const next = await dial();
    expect(await next.request("again")).toBe("again");
  });

  test("a bug in a handler is logged", async () => {
    const log = createRecordedLog();
    await using server = await createLibp2pHost({ key: B, listen: [LOCAL], log, clock: systemClock });
    await using client = await startHost(A, []);
    server.handle("/pingo/test/1.0.0", (channel) =>
      channel.serve(async () => {
        throw new Error("oops");
      }),
    );
    const channel = await client.dial(server.addresses[0] ?? "", "/pingo/test/1.0.0");
    await expect(channel.request(1)).rejects.toMatchObject({ code: "INTERNAL" });
    expect(log.entries).toMatchObject([{ level: "error", event: "handler_failed" }]);
  });
});
