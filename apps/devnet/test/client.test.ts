/** The public TonClient, unmodified, against a devnet in a process of its own; then several clients at once. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { assertDefined, keyPairOfSeed, signBytes } from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { createTestClock } from "@pingo/core/testing";
import { createSignIn } from "@pingo/ton";
import { createFakeWallet } from "@pingo/ton/testing";
import { Address, comment, internal, SendMode } from "@ton/core";
import { WalletContractV5R1 } from "@ton/ton";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type DevnetProcess,
  fundedWallet,
  makePlace,
  NODE_24,
  startDevnet,
  until,
} from "./devnet-process.ts";

const CLIENT = fileURLToPath(new URL("./client-process.ts", import.meta.url));
const started = new AsyncDisposableStack();
let devnet: DevnetProcess;

beforeAll(async () => {
  devnet = started.use(await startDevnet(started.use(await makePlace())));
});
afterAll(() => started.disposeAsync());

test("a W5 wallet is deployed by its first message, and its transactions are found again from every side", async () => {
  const { client } = devnet;
  const wallet = await fundedWallet(devnet);
  expect(await client.isContractDeployed(wallet.address)).toBe(false);
  const sink = new Address(0, Buffer.from(systemPrng.bytes(32)));
  await wallet.send(sink, 1_000_000n, comment("hello"));
  await wallet.send(sink, 2_000_000n);
  expect(await client.isContractDeployed(wallet.address)).toBe(true);

  const key = await client.runMethod(wallet.address, "get_public_key");
  expect(key.stack.readBigNumber()).toBe(BigInt(`0x${Buffer.from(wallet.key.publicKey).toString("hex")}`));

  const all = await client.getTransactions(wallet.address, { limit: 10 });
  expect(all.map(({ inMessage }) => inMessage?.info.type)).toEqual([
    "external-in",
    "external-in",
    "internal",
  ]);
  const [second, first, funded] = all.map((tx) => assertDefined(tx, "three came"));
  expect(second?.prevTransactionLt).toBe(first?.lt);
  expect(first?.prevTransactionLt).toBe(funded?.lt);

  const page = await client.getTransactions(wallet.address, {
    limit: 1,
    lt: String(second?.lt),
    hash: assertDefined(second, "it came").hash().toString("base64"),
  });
  expect(page.map(({ lt }) => lt)).toEqual([first?.lt]);

  const message = assertDefined(first?.outMessages.get(0), "it sent one");
  const createdLt = message.info.type === "internal" ? message.info.createdLt.toString() : "";
  const result = await client.tryLocateResultTx(wallet.address, sink, createdLt);
  expect(result.inMessage?.body.equals(comment("hello"))).toBe(true);
  const source = await client.tryLocateSourceTx(wallet.address, sink, createdLt);
  expect(source.lt).toBe(first?.lt);
  // Less what keeping them costs.
  expect(Number(await client.getBalance(sink))).toBeCloseTo(3_000_000, -3);
  expect(
    await client.getTransaction(
      wallet.address,
      String(first?.lt),
      assertDefined(first, "").hash().toString("base64"),
    ),
  ).not.toBeNull();
});

test("blocks follow one another, and a block tells its transactions", async () => {
  const { client } = devnet;
  const before = await client.getMasterchainInfo();
  expect(before).toMatchObject({ workchain: -1, shard: "-9223372036854775808", initSeqno: 0 });
  const wallet = await fundedWallet(devnet);
  await wallet.send(wallet.address, 1n);
  const [last] = await client.getTransactions(wallet.address, { limit: 1 });
  const after = await client.getMasterchainInfo();
  const accounts: string[] = [];
  for (let seqno = before.latestSeqno; seqno <= after.latestSeqno; seqno++) {
    const [shard] = await client.getWorkchainShards(seqno);
    expect(shard).toMatchObject({ workchain: 0, seqno });
    for (const { account, lt } of await client.getShardTransactions(0, seqno, "-9223372036854775808"))
      accounts.push(`${account} ${lt}`);
  }
  expect(accounts).toContain(`${wallet.address} ${last?.lt}`);
});

test("fees are told before, and are what is paid then", async () => {
  const wallet = await fundedWallet(devnet);
  await wallet.send(wallet.address, 1n);
  const { contract, key, address } = wallet;
  const body = await contract.createTransfer({
    seqno: 1,
    signer: async (cell) => Buffer.from(signBytes(key, cell.hash())),
    sendMode: SendMode.PAY_GAS_SEPARATELY,
    messages: [internal({ to: address, value: 1n, bounce: false })],
  });
  const { source_fees: told } = await devnet.client.estimateExternalMessageFee(address, {
    body,
    initCode: null,
    initData: null,
    ignoreSignature: true,
  });
  await devnet.client.open(contract).send(body);
  await until(async () => (await devnet.client.open(contract).getSeqno()) === 2);
  // Its own message to itself may have arrived since.
  const latest = await devnet.client.getTransactions(address, { limit: 5 });
  const paid = latest.find(({ inMessage }) => inMessage?.info.type === "external-in");
  const forward = paid?.outMessages.values()[0]?.info;
  // What travels on with the message is paid too, and is no part of the transaction's own fees.
  const travels = forward?.type === "internal" ? forward.forwardFee : 0n;
  const sum = told.in_fwd_fee + told.gas_fee + told.fwd_fee;
  const difference = Number((paid?.totalFees.coins ?? 0n) + travels) - sum;
  // Storage goes on between the question and the answer.
  expect(difference).toBeGreaterThanOrEqual(0);
  expect(difference).toBeLessThanOrEqual(told.storage_fee + 10);
});

test("several client processes at once each get all they sent, once", async () => {
  const CLIENTS = 3;
  const MESSAGES = 5;
  const seeds = Array.from({ length: CLIENTS }, () => systemPrng.bytes(32));
  for (const seed of seeds) {
    const { publicKey } = keyPairOfSeed(seed);
    const { address } = WalletContractV5R1.create({ publicKey: Buffer.from(publicKey) });
    await devnet.admin("faucet", { address: address.toString(), nano: "1000000000" });
  }
  const told = await Promise.all(
    seeds.map(async (seed) => {
      const child = spawn(
        NODE_24,
        [CLIENT, devnet.endpoint, Buffer.from(seed).toString("hex"), String(MESSAGES)],
        {
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      const exited = once(child, "exit");
      const stdout = await text(child.stdout);
      expect((await exited)[0]).toBe(0);
      return JSON.parse(stdout);
    }),
  );
  for (const one of told)
    expect(one).toEqual({ sent: MESSAGES, received: MESSAGES, receivedNano: String(MESSAGES * 1_000) });
});

test("a wallet signs in with the key that its contract tells over the devnet", async () => {
  const wallet = await fundedWallet(devnet);
  await wallet.send(wallet.address, 1n);
  const readPublicKey = async (address: string): Promise<Uint8Array> => {
    const { stack } = await devnet.client.runMethod(Address.parseRaw(address), "get_public_key");
    return Buffer.from(stack.readBigNumber().toString(16).padStart(64, "0"), "hex");
  };
  expect(await readPublicKey(wallet.address.toRawString())).toEqual(Buffer.from(wallet.key.publicKey));
  const clock = createTestClock();
  const options = { network: "-3", domains: ["a"], clock, prng: systemPrng, readPublicKey };
  const signIn = createSignIn(options);
  const { address, key, contract } = wallet;
  const fake = createFakeWallet({
    ...{ key, address, init: contract.init, appName: "a", network: "-3" },
    nowUnixMs: clock.nowUnixMs,
  });
  expect(await signIn.verify(fake.prove("a", signIn.issueNonce()))).toMatchObject({ network: "-3" });
});
