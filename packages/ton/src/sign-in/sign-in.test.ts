/** What is let in, and that every altered field is refused with the code that names it. */
import { type KeyPair, keyPairOfSeed } from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { createTestClock, type TestClock } from "@pingo/core/testing";
import { Address, beginCell, contractAddress, type StateInit, storeStateInit } from "@ton/core";
import { WalletContractV4, WalletContractV5R1 } from "@ton/ton";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createFakeWallet, type WalletReply } from "../testing/fake-wallet.ts";
import { createMemorySpentNonces } from "./nonce.ts";
import { createSignIn, type SignIn, type SignInOptions } from "./sign-in.ts";

const DOMAIN = "pingo.example";
const NETWORK = "-239";
const MINUTE_MS = 60_000;
const key = keyPairOfSeed(Buffer.alloc(32, 3));
const stranger = keyPairOfSeed(Buffer.alloc(32, 4));

interface Door {
  readonly clock: TestClock;
  readonly signIn: SignIn;
}

function door(change: Partial<SignInOptions> = {}): Door {
  const clock = createTestClock();
  const options = { network: NETWORK, domains: [DOMAIN], clock, prng: systemPrng, ...change };
  return { clock, signIn: createSignIn(options) };
}

function walletOf(signer: KeyPair, clock: TestClock, made?: { address: Address; init: StateInit }) {
  const { address, init } = made ?? WalletContractV5R1.create({ publicKey: Buffer.from(signer.publicKey) });
  const { nowUnixMs } = clock;
  return createFakeWallet({ key: signer, address, init, appName: "fake", network: NETWORK, nowUnixMs });
}

const codeOf = (verdict: Promise<unknown>): Promise<unknown> =>
  verdict.then(
    () => "let in",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );

const base64OfInit = (init: StateInit): string =>
  beginCell().store(storeStateInit(init)).endCell().toBoc().toString("base64");

function codeWallet(code: StateInit["code"], data: StateInit["data"]): { address: Address; init: StateInit } {
  const init = { code: code ?? null, data: data ?? null };
  return { init, address: contractAddress(0, init) };
}

test("any wallet that answers our nonce in time is let in, once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom("v4", "v5"),
      fc.constantFrom(0, -1),
      fc.integer({ min: 0, max: 14 * MINUTE_MS }),
      async (seed, version, workchain, tookMs) => {
        const { clock, signIn } = door();
        const signer = keyPairOfSeed(seed);
        const publicKey = Buffer.from(signer.publicKey);
        const made =
          version === "v4"
            ? WalletContractV4.create({ publicKey, workchain })
            : WalletContractV5R1.create({ publicKey, workchain });
        const reply = walletOf(signer, clock, made).prove(DOMAIN, signIn.issueNonce());
        await clock.advance(tookMs);
        expect(await signIn.verify(reply)).toEqual({
          address: made.address.toRawString(),
          publicKey: signer.publicKey,
          network: NETWORK,
        });
        expect(await codeOf(signIn.verify(reply))).toBe("NONCE_USED");
      },
    ),
    { numRuns: 30 },
  );
});

type Tamper = (reply: WalletReply, d: Door) => WalletReply;
const account = (reply: WalletReply, change: Partial<WalletReply["account"]>): WalletReply => ({
  ...reply,
  account: { ...reply.account, ...change },
});
const proof = (reply: WalletReply, change: Partial<WalletReply["proof"]>): WalletReply => ({
  ...reply,
  proof: { ...reply.proof, ...change },
});
const flipFirst = (base64: string): string => {
  const bytes = Buffer.from(base64, "base64");
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString("base64");
};

/** Each changes one field of a reply that would be let in. */
const TAMPERED: readonly (readonly [what: string, code: string, tamper: Tamper])[] = [
  ["another network", "NETWORK_MISMATCH", (r) => account(r, { chain: "-3" })],
  [
    "a domain of the same length",
    "DOMAIN_UNKNOWN",
    (r) => proof(r, { domain: { lengthBytes: DOMAIN.length, value: "pingo.exampla" } }),
  ],
  [
    "a wrong domain length",
    "DOMAIN_LENGTH_MISMATCH",
    (r) => proof(r, { domain: { lengthBytes: DOMAIN.length - 1, value: DOMAIN } }),
  ],
  ["a time a second off", "PROOF_SIGNATURE_INVALID", (r) => proof(r, { timestamp: r.proof.timestamp - 1 })],
  ["a time long ago", "PROOF_TOO_OLD", (r) => proof(r, { timestamp: r.proof.timestamp - 16 * 60 })],
  ["a time to come", "PROOF_FROM_FUTURE", (r) => proof(r, { timestamp: r.proof.timestamp + 120 })],
  [
    "another nonce of ours",
    "PROOF_SIGNATURE_INVALID",
    (r, { signIn }) => proof(r, { payload: signIn.issueNonce() }),
  ],
  ["a nonce of nobody", "NONCE_UNKNOWN", (r) => proof(r, { payload: "let me in" })],
  ["a nonce of another door", "NONCE_UNKNOWN", (r) => proof(r, { payload: door().signIn.issueNonce() })],
  ["a nonce in another spelling", "NONCE_UNKNOWN", (r) => proof(r, { payload: `${r.proof.payload}=` })],
  [
    "an altered signature",
    "PROOF_SIGNATURE_INVALID",
    (r) => proof(r, { signature: flipFirst(r.proof.signature) }),
  ],
  [
    "an address that is not the state's",
    "ADDRESS_MISMATCH",
    (r) => account(r, { address: `0:${"1".repeat(64)}` }),
  ],
  [
    "the same address in another workchain",
    "PROOF_SIGNATURE_INVALID",
    (r) => account(r, { address: r.account.address.replace("0:", "-1:") }),
  ],
  [
    "the state of another wallet",
    "ADDRESS_MISMATCH",
    (r, { clock }) =>
      account(r, { walletStateInit: walletOf(stranger, clock).prove(DOMAIN, "x").account.walletStateInit }),
  ],
  ["a state of no shape", "STATE_INIT_MALFORMED", (r) => account(r, { walletStateInit: "AAAA" })],
  [
    "another key beside a good state",
    "KEY_MISMATCH",
    (r) => account(r, { publicKey: Buffer.from(stranger.publicKey).toString("hex") }),
  ],
  ["a short signature", "SHAPE_INVALID", (r) => proof(r, { signature: "AAAA" })],
  [
    "a friendly address",
    "SHAPE_INVALID",
    (r) => account(r, { address: Address.parse(r.account.address).toString() }),
  ],
  [
    "a field that nobody knows",
    "SHAPE_INVALID",
    (r) => ({ ...r, account: { ...r.account, ...{ admin: true } } }),
  ],
];

test.each(TAMPERED)(
  "%s is refused as %s, and the honest answer still enters after it",
  async (_, code, tamper) => {
    const d = door();
    const reply = walletOf(key, d.clock).prove(DOMAIN, d.signIn.issueNonce());
    expect(await codeOf(d.signIn.verify(tamper(reply, d)))).toBe(code);
    expect(await codeOf(d.signIn.verify(reply))).toBe("let in");
  },
);

test("any other value of any field is refused", async () => {
  const d = door();
  const reply = walletOf(key, d.clock).prove(DOMAIN, d.signIn.issueNonce());
  const arbTampered = fc.oneof(
    fc.string().map((chain) => account(reply, { chain })),
    fc.string().map((address) => account(reply, { address })),
    fc.string().map((publicKey) => account(reply, { publicKey })),
    fc.base64String().map((walletStateInit) => account(reply, { walletStateInit })),
    fc.integer().map((timestamp) => proof(reply, { timestamp })),
    fc.string().map((payload) => proof(reply, { payload })),
    fc.record({ lengthBytes: fc.integer(), value: fc.string() }).map((domain) => proof(reply, { domain })),
    fc
      .uint8Array({ minLength: 64, maxLength: 64 })
      .map((bytes) => proof(reply, { signature: Buffer.from(bytes).toString("base64") })),
    fc.anything(),
  );
  await fc.assert(
    fc.asyncProperty(arbTampered, async (tampered) => {
      expect(await codeOf(d.signIn.verify(tampered))).toMatch(/^[A-Z_]+$/);
    }),
    { numRuns: 400 },
  );
  expect(await codeOf(d.signIn.verify(reply))).toBe("let in");
});

test("a nonce expires, and its proof with it", async () => {
  const { clock, signIn } = door({ nonceTtlMs: MINUTE_MS });
  const nonce = signIn.issueNonce();
  await clock.advance(MINUTE_MS);
  expect(await codeOf(signIn.verify(walletOf(key, clock).prove(DOMAIN, nonce)))).toBe("NONCE_EXPIRED");
});

test("two answers at once to one nonce: one is let in", async () => {
  const { clock, signIn } = door();
  const reply = walletOf(key, clock).prove(DOMAIN, signIn.issueNonce());
  const verdicts = await Promise.all([signIn.verify(reply), signIn.verify(reply)].map(codeOf));
  expect(verdicts.toSorted()).toEqual(["NONCE_USED", "let in"]);
});

test("two processes with one secret and one memory of what was spent are one door", async () => {
  const clock = createTestClock();
  const shared = { secret: systemPrng.bytes(32), spent: createMemorySpentNonces(clock) };
  const [first, second] = [door({ shared, clock }), door({ shared, clock })];
  const reply = walletOf(key, clock).prove(DOMAIN, first.signIn.issueNonce());
  expect(await codeOf(second.signIn.verify(reply))).toBe("let in");
  expect(await codeOf(first.signIn.verify(reply))).toBe("NONCE_USED");
});

test("what was spent is forgotten once it has expired, not before", async () => {
  const clock = createTestClock();
  const spent = createMemorySpentNonces(clock);
  const untilUnixMs = clock.nowUnixMs() + MINUTE_MS;
  expect(await spent.spend("a", untilUnixMs)).toBe(true);
  expect(await spent.spend("a", untilUnixMs)).toBe(false);
  await clock.advance(MINUTE_MS);
  expect(await spent.spend("b", untilUnixMs + MINUTE_MS)).toBe(true);
  expect(await spent.spend("a", untilUnixMs + MINUTE_MS)).toBe(true);
});

test("small-order keys prove nothing, though a signature under them verifies", async () => {
  for (const hex of ["00".repeat(32), `01${"00".repeat(31)}`, `${"00".repeat(31)}80`]) {
    const { clock, signIn } = door();
    const weak = Buffer.from(hex, "hex");
    const made = WalletContractV5R1.create({ publicKey: weak });
    const honest = walletOf(key, clock, made).prove(DOMAIN, signIn.issueNonce());
    // R = the identity, S = 0: holds for every message under the identity key.
    const forged = Buffer.concat([Buffer.from(`01${"00".repeat(31)}`, "hex"), Buffer.alloc(32)]);
    const reply = proof(account(honest, { publicKey: hex }), { signature: forged.toString("base64") });
    expect(await codeOf(signIn.verify(reply))).toBe("KEY_WEAK");
  }
});

test("a wallet of unknown code is asked for its key on the chain, and only there", async () => {
  const made = codeWallet(beginCell().storeUint(7, 8).endCell(), beginCell().endCell());
  const readPublicKey = async (address: string): Promise<Uint8Array | undefined> =>
    address === made.address.toRawString() ? key.publicKey : undefined;
  const asking = door({ readPublicKey });
  const reply = walletOf(key, asking.clock, made).prove(DOMAIN, asking.signIn.issueNonce());
  expect(await codeOf(asking.signIn.verify(reply))).toBe("let in");

  const deaf = door();
  const other = walletOf(key, deaf.clock, made).prove(DOMAIN, deaf.signIn.issueNonce());
  expect(await codeOf(deaf.signIn.verify(other))).toBe("WALLET_UNKNOWN");

  const forging = door({ readPublicKey });
  const forged = walletOf(stranger, forging.clock, made).prove(DOMAIN, forging.signIn.issueNonce());
  expect(await codeOf(forging.signIn.verify(forged))).toBe("KEY_MISMATCH");
  const { publicKey, ...rest } = forged.account;
  expect(publicKey).toBeDefined();
  expect(await codeOf(forging.signIn.verify({ ...forged, account: rest }))).toBe("PROOF_SIGNATURE_INVALID");
});

test("known code with data of another layout is refused", async () => {
  const { clock, signIn } = door();
  const { code } = WalletContractV5R1.create({ publicKey: Buffer.from(key.publicKey) }).init;
  const made = codeWallet(code, beginCell().storeUint(1, 8).endCell());
  const reply = walletOf(key, clock, made).prove(DOMAIN, signIn.issueNonce());
  expect(reply.account.walletStateInit).toBe(base64OfInit(made.init));
  expect(await codeOf(signIn.verify(reply))).toBe("STATE_INIT_MALFORMED");
});
