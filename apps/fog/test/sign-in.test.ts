/** Sign-in over the real HTTP interface with a wallet that proves its address. */
import { keyPairOfSeed, parseShape } from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { walletContract } from "@pingo/ton";
import { createFakeWallet, type FakeWallet } from "@pingo/ton/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type FogProcess, makePlace, startFog } from "./fog-process.ts";

const DOMAIN = "app.pingo.example";
const ORIGIN = `https://${DOMAIN}`;
const started = new AsyncDisposableStack();
let fog: FogProcess;

beforeAll(async () => {
  fog = started.use(
    await startFog(started.use(await makePlace({ PINGO_FOG_DOMAINS: `other.example, ${DOMAIN}` }))),
  );
});
afterAll(() => started.disposeAsync());

function newWallet(): { readonly wallet: FakeWallet; readonly address: string } {
  const key = keyPairOfSeed(systemPrng.bytes(32));
  const { address, init } = walletContract(key.publicKey, -3);
  const nowUnixMs = Date.now;
  const wallet = createFakeWallet({ key, address, init, appName: "test", network: "-3", nowUnixMs });
  return { wallet, address: address.toRawString() };
}

async function payload(): Promise<string> {
  const answer = await fetch(`${fog.url}/v1/sign-in`, { headers: { origin: ORIGIN } });
  expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
  return parseShape(z.object({ payload: z.string() }), await answer.json(), "the nonce").payload;
}

function prove(proof: unknown): Promise<Response> {
  return proveWith(JSON.stringify(proof));
}

function proveWith(body: string): Promise<Response> {
  const headers = { "content-type": "application/json", origin: ORIGIN };
  return fetch(`${fog.url}/v1/sign-in`, { method: "POST", headers, body });
}

async function codeOf(answer: Response): Promise<string> {
  return parseShape(z.object({ error: z.object({ code: z.string() }) }), await answer.json(), "the refusal")
    .error.code;
}

function session(pass: string): Promise<Response> {
  return fetch(`${fog.url}/v1/session`, { headers: { authorization: `Bearer ${pass}` } });
}

test("a wallet proves its address once, and its pass tells who it is and whether it is a member", async () => {
  const { wallet, address } = newWallet();
  const proof = wallet.prove(DOMAIN, await payload());
  const answer = await prove(proof);
  expect(answer.status).toBe(200);
  const { pass } = parseShape(
    z.object({ address: z.literal(address), pass: z.string() }),
    await answer.json(),
    "the pass",
  );
  expect(await (await session(pass)).json()).toMatchObject({ address, gate: "open", isMember: true });
  expect(await codeOf(await prove(proof))).toBe("NONCE_USED");
  expect(await codeOf(await session(`${pass.slice(0, -8)}AAAAAAAA`))).toMatch(
    /SIGNATURE_INVALID|VALUE_MALFORMED/,
  );
  expect(await codeOf(await fetch(`${fog.url}/v1/session`))).toBe("PASS_NEEDED");
});

test("proofs for another page, of another wallet, too large or of no shape are refused with a code", async () => {
  const { wallet } = newWallet();
  expect(await codeOf(await prove(wallet.prove("evil.example", await payload())))).toBe("DOMAIN_UNKNOWN");
  expect(await codeOf(await prove(wallet.prove(DOMAIN, "no nonce of ours")))).toBe("NONCE_UNKNOWN");
  const mine = wallet.prove(DOMAIN, await payload());
  const theirs = newWallet().wallet.prove(DOMAIN, mine.proof.payload);
  expect(await codeOf(await prove({ ...mine, account: theirs.account }))).toBe("PROOF_SIGNATURE_INVALID");
  expect(await codeOf(await prove({ hello: "there" }))).toBe("SHAPE_INVALID");
  expect(await codeOf(await proveWith('{"__proto__": {"isMember": true}}'))).toBe("SHAPE_INVALID");
  expect(await (await proveWith(`"${"x".repeat(70_000)}"`)).text()).toContain("64.0 KiB");
  const large = await prove({ ...mine, more: "x".repeat(100_000) });
  expect([large.status, await codeOf(large)]).toEqual([413, "BODY_TOO_LARGE"]);
});

test("a page of another origin may not read the answers", async () => {
  const answer = await fetch(`${fog.url}/v1/sign-in`, { headers: { origin: "https://evil.example" } });
  expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  const asked = await fetch(`${fog.url}/v1/sign-in`, { method: "OPTIONS", headers: { origin: ORIGIN } });
  expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([204, ORIGIN]);
});
