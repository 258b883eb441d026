/**
 * What every peer host must do, as named cases that any test runner can run.
 *
 * Each case gets two fresh hosts; the limits of both are those of `HostSetup`.
 */
import assert from "node:assert/strict";
import { FaultError, type KeyPair, keyPairOfSeed } from "@pingo/core";
import type { Channel, PeerHost } from "../peer-host.ts";

export interface HostSetup {
  /** A host that listens. */
  host(key: KeyPair): Promise<PeerHost>;
  /** The address of a place where nobody listens, naming this peer. */
  deadAddress(peer: string): string;
  readonly messageBytesMax: number;
  readonly requestsInFlightMax: number;
}

export interface PeerHostCase {
  readonly name: string;
  run(setup: HostSetup): Promise<void>;
}

const PROTOCOL = "/pingo/compliance/1.0.0";
const ALICE = keyPairOfSeed(new Uint8Array(32).fill(1));
const BOB = keyPairOfSeed(new Uint8Array(32).fill(2));
const CAROL = keyPairOfSeed(new Uint8Array(32).fill(3));

interface Pair {
  readonly alice: PeerHost;
  readonly bob: PeerHost;
  /** Alice's end of a channel that she dialled, and Bob's end. */
  readonly toBob: Channel;
  readonly toAlice: Channel;
}

export const PEER_HOST_CASES: readonly PeerHostCase[] = [
  paired("both ends know the other by its key", async ({ alice, bob, toBob, toAlice }) => {
    assert.equal(alice.id, ALICE.nodeId);
    assert.equal(toBob.peer, bob.id);
    assert.equal(toAlice.peer, alice.id);
    assert.ok(bob.addresses.every((address) => address.endsWith(`/p2p/${BOB.nodeId}`)));
  }),
  paired("either side may ask", async ({ toBob, toAlice }) => {
    toBob.serve(async (body) => ({ alice: body }));
    toAlice.serve(async (body) => ({ bob: body }));
    assert.deepEqual(await toBob.request("up"), { bob: "up" });
    assert.deepEqual(await toAlice.request("down"), { alice: "down" });
  }),
  paired("values arrive as they were sent", async ({ toBob, toAlice }) => {
    toAlice.serve(async (body) => body);
    const value = { bytes: Uint8Array.of(0, 255), list: [1, -2, 0.5, null, true], text: "ж", empty: {} };
    assert.deepEqual(await toBob.request(value), value);
  }),
  paired("a request before the handler waits for it", async ({ toBob, toAlice }) => {
    const early = toBob.request("early");
    toAlice.serve(async (body) => body);
    assert.equal(await early, "early");
  }),
  paired("answers may come in any order", async ({ toBob, toAlice }) => {
    const gates = Array.from({ length: 20 }, () => Promise.withResolvers<void>());
    toAlice.serve(async (body) => {
      const index = Number(body);
      await gates[index]?.promise;
      gates[index - 1]?.resolve(); // the last is answered first
      return index;
    });
    const asked = gates.map((_, index) => toBob.request(index));
    gates.at(-1)?.resolve();
    assert.deepEqual(
      await Promise.all(asked),
      gates.map((_, index) => index),
    );
  }),
  paired("large messages pass one another both ways", async ({ toBob, toAlice }, setup) => {
    const large = new Uint8Array(setup.messageBytesMax - 64).fill(7);
    toAlice.serve(async (body) => body);
    toBob.serve(async (body) => body);
    const echoes = await Promise.all([toBob, toAlice, toBob, toAlice].map((end) => end.request(large)));
    for (const echo of echoes) assert.ok(Buffer.from(large).equals(asBytes(echo)));
  }),
  paired(
    "a message over the limit is not sent, and the channel lives on",
    async ({ toBob, toAlice }, setup) => {
      toAlice.serve(async (body) => (body === "large" ? new Uint8Array(setup.messageBytesMax) : body));
      await rejectsWith("MESSAGE_TOO_LARGE", toBob.request(new Uint8Array(setup.messageBytesMax)));
      await rejectsWith("MESSAGE_TOO_LARGE", toBob.request("large"));
      assert.equal(await toBob.request("still"), "still");
    },
  ),
  paired("a handler's fault reaches the asker with code and sentence", async ({ toBob, toAlice }) => {
    toAlice.serve(async () => {
      throw new FaultError({ code: "NO_TEA" }, { NO_TEA: () => "the tea is out; bring some" });
    });
    const error = await rejectsWith("NO_TEA", toBob.request("tea"));
    assert.equal(error.name, "RemoteError");
    assert.equal(error.message, "the tea is out; bring some");
  }),
  paired("a handler's bug reaches the asker as INTERNAL, without its insides", async ({ toBob, toAlice }) => {
    toAlice.serve(async () => {
      throw new TypeError("secret insides");
    });
    const error = await rejectsWith("INTERNAL", toBob.request("x"));
    assert.ok(!error.message.includes("secret"));
  }),
  paired("a request can be cancelled, and its late answer harms nobody", async ({ toBob, toAlice }) => {
    const gate = Promise.withResolvers<void>();
    toAlice.serve(async (body) => {
      if (body === "slow") await gate.promise;
      return body;
    });
    const cancel = new AbortController();
    const asked = toBob.request("slow", { signal: cancel.signal });
    cancel.abort(new Error("no longer wanted"));
    await assert.rejects(asked, /no longer wanted/);
    gate.resolve();
    assert.equal(await toBob.request("next"), "next");
  }),
  paired("a request without an answer times out, and only it", async ({ toBob, toAlice }) => {
    toAlice.serve((body) => (body === "never" ? new Promise(() => undefined) : Promise.resolve(body)));
    await rejectsWith("REQUEST_TIMEOUT", toBob.request("never", { timeoutMs: 20 }));
    assert.equal(await toBob.request("next"), "next");
  }),
  paired("more requests than the limit are refused at once", async ({ toBob, toAlice }, setup) => {
    const gate = Promise.withResolvers<void>();
    toAlice.serve(() => gate.promise.then(() => "done"));
    const asked = Array.from({ length: setup.requestsInFlightMax }, () => toBob.request("wait"));
    await rejectsWith("TOO_MANY_REQUESTS", toBob.request("one more"));
    gate.resolve();
    assert.ok((await Promise.all(asked)).every((answer) => answer === "done"));
  }),
  paired("closing wakes every request, at both ends", async ({ toBob, toAlice }) => {
    toAlice.serve(() => new Promise(() => undefined));
    toBob.serve(() => new Promise(() => undefined));
    const asked = [toBob.request(1), toBob.request(2), toAlice.request(3)];
    const outcomes = asked.map((request) => rejectsWith("CHANNEL_CLOSED", request));
    await toBob[Symbol.asyncDispose]();
    await Promise.all(outcomes);
    assert.equal((await toBob.closed).code, "CLOSED");
    assert.equal((await toAlice.closed).code, "PEER_CLOSED");
    await rejectsWith("CHANNEL_CLOSED", toBob.request("after"));
  }),
  paired("closing a host ends its channels", async ({ bob, toBob }) => {
    await bob[Symbol.asyncDispose]();
    assert.match((await toBob.closed).code, /^(PEER_CLOSED|CONNECTION_LOST)$/);
    await rejectsWith("HOST_CLOSED", bob.dial(`/ip4/127.0.0.1/tcp/1/p2p/${ALICE.nodeId}`, PROTOCOL));
  }),
  paired(
    "one peer may hold several channels, each with an end of its own",
    async ({ alice, bob, toBob, toAlice }) => {
      const second = await alice.dial(addressOf(bob), PROTOCOL);
      toAlice.serve(async (body) => body);
      await second[Symbol.asyncDispose]();
      assert.equal(await toBob.request("first lives"), "first lives");
    },
  ),
  paired("a protocol that the peer does not speak is refused by name", async ({ alice, bob }) => {
    await rejectsWith("PROTOCOL_UNSUPPORTED", alice.dial(addressOf(bob), "/stranger/1.0.0"));
  }),
  paired("an address that names another key is refused", async ({ alice, bob }) => {
    const stolen = addressOf(bob).replace(BOB.nodeId, CAROL.nodeId);
    await rejectsWith("PEER_ID_MISMATCH", alice.dial(stolen, PROTOCOL));
  }),
  paired("a dead address is refused and named", async ({ alice }, setup) => {
    const address = setup.deadAddress(CAROL.nodeId);
    const error = await rejectsWith("PEER_UNREACHABLE", alice.dial(address, PROTOCOL));
    assert.ok(error.message.includes(address));
  }),
  paired("text that is no address is refused", async ({ alice }) => {
    for (const text of ["", "nowhere", "/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1/p2p/nobody"]) {
      await rejectsWith("ADDRESS_INVALID", alice.dial(text, PROTOCOL));
    }
  }),
  paired("a dial can be cancelled", async ({ alice, bob }) => {
    const signal = AbortSignal.abort(new Error("changed my mind"));
    await assert.rejects(alice.dial(addressOf(bob), PROTOCOL, { signal }), /changed my mind/);
  }),
];

function paired(name: string, check: (pair: Pair, setup: HostSetup) => Promise<void>): PeerHostCase {
  return {
    name,
    async run(setup) {
      await using alice = await setup.host(ALICE);
      await using bob = await setup.host(BOB);
      const accepted = Promise.withResolvers<Channel>();
      bob.handle(PROTOCOL, accepted.resolve);
      const toBob = await alice.dial(addressOf(bob), PROTOCOL);
      const toAlice = await accepted.promise;
      await check({ alice, bob, toBob, toAlice }, setup);
    },
  };
}

function addressOf(host: PeerHost): string {
  const [address] = host.addresses;
  assert.ok(address, "the host listens nowhere");
  return address;
}

function asBytes(value: unknown): Uint8Array {
  assert.ok(value instanceof Uint8Array);
  return value;
}

async function rejectsWith(code: string, promise: Promise<unknown>): Promise<FaultError> {
  const outcome: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof FaultError, `expected the fault ${code}, got ${String(outcome)}`);
  assert.equal(outcome.code, code);
  return outcome;
}
