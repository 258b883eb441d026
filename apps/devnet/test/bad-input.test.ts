/** What a client may send, and what of it is refused: a coded sentence in toncenter's shape, and nothing breaks. */
import { request } from "node:http";
import { Address, beginCell, comment, external, internal, storeMessage } from "@ton/core";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BODY_BYTES_MAX } from "../src/api/http-server.ts";
import { type DevnetProcess, fundedWallet, makePlace, startDevnet } from "./devnet-process.ts";

const started = new AsyncDisposableStack();
let devnet: DevnetProcess;

beforeAll(async () => {
  devnet = started.use(await startDevnet(started.use(await makePlace())));
});
afterAll(() => started.disposeAsync());

interface Refusal {
  readonly status: number;
  readonly ok?: boolean;
  readonly error: string;
  readonly code: number;
}

async function post(body: string): Promise<Refusal> {
  const answer = await fetch(devnet.endpoint, { method: "POST", body });
  return { ...((await answer.json()) as Refusal), status: answer.status }; // SAFETY: of a devnet of ours; each field is compared
}

const rpc = (method: string, params: unknown): Promise<Refusal> =>
  post(JSON.stringify({ id: "1", jsonrpc: "2.0", method, params }));

const bocOf = (info: Parameters<typeof storeMessage>[0]): string =>
  beginCell().store(storeMessage(info)).endCell().toBoc().toString("base64");
const nobody = new Address(0, Buffer.alloc(32, 1));

test.each([
  ["a method that there is not", 422, "METHOD_UNKNOWN", () => rpc("getEverything", {})],
  ["parameters of no shape", 422, "SHAPE_INVALID", () => rpc("getTransactions", { address: 5 })],
  [
    "an address with a wrong check sum",
    422,
    "SHAPE_INVALID",
    () => rpc("getAddressInformation", { address: `${nobody}`.replace(/.$/, "A") }),
  ],
  [
    "too many at once",
    422,
    "SHAPE_INVALID",
    () => rpc("getTransactions", { address: nobody.toString(), limit: 1e6 }),
  ],
  [
    "a page from a transaction that is not there",
    500,
    "TRANSACTION_UNKNOWN",
    () =>
      rpc("getTransactions", {
        address: nobody.toString(),
        lt: "5",
        hash: Buffer.alloc(32).toString("base64"),
      }),
  ],
  ["a block that is not there", 500, "BLOCK_UNKNOWN", () => rpc("shards", { seqno: 2 ** 30 })],
  ["no JSON", 400, "BODY_MALFORMED", () => post("{")],
  ["a body that is too large", 413, "BODY_TOO_LARGE", () => post(" ".repeat(BODY_BYTES_MAX + 1))],
  ["bytes that are no cells", 500, "BOC_MALFORMED", () => rpc("sendBoc", { boc: "AAAA" })],
  ["text that is no base64", 422, "SHAPE_INVALID", () => rpc("sendBoc", { boc: "%%%" })],
  [
    "a message from inside",
    500,
    "NOT_EXTERNAL",
    () =>
      rpc("sendBoc", {
        boc: bocOf({
          ...internal({ to: nobody, value: 1n }),
          info: {
            type: "internal",
            ihrDisabled: true,
            bounce: true,
            bounced: false,
            src: nobody,
            dest: nobody,
            value: { coins: 1n },
            ihrFee: 0n,
            forwardFee: 0n,
            createdLt: 0n,
            createdAt: 0,
          },
        }),
      }),
  ],
  [
    "a message to nobody",
    500,
    "MESSAGE_REFUSED",
    () => rpc("sendBoc", { boc: bocOf(external({ to: nobody, body: comment("hi") })) }),
  ],
  [
    "a get method of a stack too large",
    422,
    "SHAPE_INVALID",
    () =>
      rpc("runGetMethod", {
        address: nobody.toString(),
        method: "seqno",
        stack: new Array(300).fill(["num", "1"]),
      }),
  ],
])("%s is answered %s, %s", async (_, status, code, ask) => {
  const refusal = await ask();
  expect(refusal).toMatchObject({ status, ok: false, code: status });
  expect(refusal.error).toMatch(new RegExp(`\\(${code}\\)$`));
  expect(refusal.error).not.toMatch(/\n|at .*\.ts/);
});

test("a message that the wallet does not take is told with the exit code, and a wallet that is not there with -256", async () => {
  const wallet = await fundedWallet(devnet);
  await wallet.send(wallet.address, 1n);
  const boc = bocOf(external({ to: wallet.address, body: comment("not signed") }));
  const { error } = await rpc("sendBoc", { boc });
  expect(error).toMatch(
    /^LITE_SERVER_UNKNOWN: cannot apply external message to current state : .*exitcode=\d+/,
  );
  const { exit_code } = await devnet.client.runMethodWithError(nobody, "seqno");
  expect(exit_code).toBe(-256);
  expect((await devnet.client.runMethodWithError(wallet.address, "no_such_method")).exit_code).toBe(11);
});

test("v3 refuses in its own shape", async () => {
  expect(await devnet.v3("transactions?limit=abc")).toMatchObject({
    code: 422,
    error: expect.stringMatching(/SHAPE_INVALID/),
  });
  expect(await devnet.v3("nothing")).toMatchObject({
    code: 404,
    error: expect.stringMatching(/ROUTE_UNKNOWN/),
  });
  expect(await devnet.v3("message", { boc: "AAAA" })).toMatchObject({ code: 500 });
});

test("whatever is posted, the answer is JSON with a code, and the devnet goes on", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(
        "sendBoc",
        "runGetMethod",
        "getTransactions",
        "lookupBlock",
        "getBlockTransactions",
        "estimateFee",
      ),
      fc.dictionary(
        fc.constantFrom(
          "address",
          "boc",
          "method",
          "stack",
          "lt",
          "hash",
          "limit",
          "seqno",
          "shard",
          "workchain",
          "body",
        ),
        fc.oneof(fc.jsonValue(), fc.base64String(), fc.constant(nobody.toString()), fc.integer()),
      ),
      async (method, params) => {
        const answer = await rpc(method, params);
        expect(typeof answer.ok).toBe("boolean");
        if (!answer.ok) expect(answer.error).toMatch(/\([A-Z_]+\)$/);
        expect(answer.error ?? "").not.toMatch(/INTERNAL/);
      },
    ),
    { numRuns: 200 },
  );
  expect((await devnet.client.getMasterchainInfo()).latestSeqno).toBeGreaterThan(0);
});

test("more requests than the rate allows are refused, later ones are not", async () => {
  await using place = await makePlace({ PINGO_DEVNET_RATE: "5" });
  await using slow = await startDevnet(place);
  const url = slow.endpoint.replace("jsonRPC", "getMasterchainInfo");
  const statuses = await Promise.all(Array.from({ length: 30 }, async () => (await fetch(url)).status));
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(10);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(5);
});

test("the faucet listens on the loopback only, and not to a page that a browser shows", async () => {
  expect(new URL(devnet.adminUrl).hostname).toBe("127.0.0.1");
  const asked = await new Promise<number | undefined>((resolve, reject) => {
    const asking = request(
      `${devnet.adminUrl}/faucet`,
      { method: "POST", headers: { origin: "https://evil.invalid" } },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      },
    );
    asking.on("error", reject);
    asking.end(JSON.stringify({ address: nobody.toString(), nano: "1" }));
  });
  expect(asked).toBe(404);
  for (const body of [
    { address: nobody.toString(), nano: "0" },
    { address: nobody.toString(), nano: "9".repeat(18) },
    { address: "x", nano: "1" },
    {},
  ])
    expect(await devnet.admin("faucet", body)).toMatchObject({ error: { code: "SHAPE_INVALID" } });
  expect(await devnet.admin("snapshot", { path: "relative" })).toMatchObject({
    error: { code: "SHAPE_INVALID" },
  });
});

const admin = (path: string, body: unknown): Promise<Response> =>
  fetch(`${devnet.adminUrl}${path}`, { method: "POST", body: JSON.stringify(body) });

test("what no client should write has an answer all the same, and the chain goes on", async () => {
  const at = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(devnet.endpoint.replace("/api/v2/jsonRPC", path), init);
  const bare = await new Promise<number | undefined>((resolve, reject) => {
    const { hostname, port } = new URL(devnet.endpoint);
    request({ hostname, port, path: "//" }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on("error", reject)
      .end();
  });
  expect(bare).toBe(404);
  expect((await at("/api/v2/getMasterchainInfo", { method: "PUT", body: "{}" })).status).toBe(404);
  const huge = { type: "num", value: "9".repeat(78) };
  const get = { address: nobody.toString(), method: "get", stack: [huge] };
  expect((await at("/api/v3/runGetMethod", { method: "POST", body: JSON.stringify(get) })).status).toBe(422);
  const nowhere = await admin("/snapshot", { path: "/nowhere/at/all/chain.db" });
  expect([nowhere.status, await nowhere.json()]).toMatchObject([
    422,
    { error: { code: "SNAPSHOT_NOT_WRITTEN" } },
  ]);
  const years = { seconds: 10 * 366 * 86_400 };
  for (let journeys = 0; journeys < 7; journeys++) await admin("/travel", years);
  const far = await admin("/travel", years);
  expect(await far.json()).toMatchObject({ error: { code: "TRAVEL_TOO_FAR" } });
  expect((await admin("/faucet", { address: nobody.toString(), nano: "5" })).status).toBe(200);
});
