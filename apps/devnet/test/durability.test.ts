/** What was acknowledged is there after kill -9, a snapshot is a whole chain, and time only goes on. */
import { join } from "node:path";
import { keyPairOfSeed, signBytes } from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { Address, internal, SendMode } from "@ton/core";
import { WalletContractV5R1 } from "@ton/ton";
import { expect, test } from "vitest";
import { failToStart, fundedWallet, makePlace, startDevnet, until } from "./devnet-process.ts";

interface Status {
  readonly seqno: number;
  readonly unixS: number;
  readonly travelledS: number;
}

const statusOf = async (devnet: { admin(path: string): Promise<unknown> }): Promise<Status> =>
  (await devnet.admin("status")) as Status; // SAFETY: of a devnet of ours

test("kill -9 loses nothing that was acknowledged: neither blocks nor a message that waited for one", async () => {
  // So slow that what is sent is still waiting when the process is killed.
  await using place = await makePlace({ PINGO_DEVNET_BLOCK_MS: "2000" });
  const sink = new Address(0, Buffer.alloc(32, 7));
  const key = keyPairOfSeed(systemPrng.bytes(32));
  const contract = WalletContractV5R1.create({ publicKey: Buffer.from(key.publicKey) });
  let before: Status;
  let history: readonly string[];
  {
    await using devnet = await startDevnet(place);
    await devnet.admin("faucet", { address: contract.address.toString(), nano: "1000000000" });
    history = (await devnet.client.getTransactions(contract.address, { limit: 5 })).map((tx) =>
      tx.hash().toString("hex"),
    );
    expect(history).toHaveLength(1);
    // One after another in the same queue: the second is only valid once the first was executed.
    await devnet.client.open(contract).send(
      await contract.createTransfer({
        seqno: 0,
        signer: async (cell) => Buffer.from(signBytes(key, cell.hash())),
        sendMode: SendMode.PAY_GAS_SEPARATELY,
        messages: [internal({ to: sink, value: 77_000_000n, bounce: false })],
      }),
    );
    before = await statusOf(devnet);
    expect(before).toMatchObject({ waiting: 1 });
    expect(await devnet.client.getBalance(sink)).toBe(0n);
    await devnet.kill("SIGKILL");
  }
  await using devnet = await startDevnet(place);
  await until(async () => (await devnet.client.getBalance(sink)) > 76_000_000n);
  const after = await statusOf(devnet);
  expect(after.seqno).toBeGreaterThan(before.seqno);
  const now = (await devnet.client.getTransactions(contract.address, { limit: 5 })).map((tx) =>
    tx.hash().toString("hex"),
  );
  expect(now.slice(1)).toEqual(history);
});

test("killed again and again while clients send, it never forgets a transaction or runs one twice", async () => {
  await using place = await makePlace();
  const sink = new Address(0, Buffer.alloc(32, 8));
  let devnet = await startDevnet(place);
  const wallet = await fundedWallet(devnet);
  await wallet.send(sink, 1n);
  const { contract, key, address } = wallet;
  for (let round = 1; round <= 5; round++) {
    await devnet.client.open(contract).send(
      await contract.createTransfer({
        seqno: round,
        signer: async (cell) => Buffer.from(signBytes(key, cell.hash())),
        sendMode: SendMode.PAY_GAS_SEPARATELY,
        messages: [internal({ to: sink, value: 1n, bounce: false })],
      }),
    );
    await devnet.kill("SIGKILL");
    devnet = await startDevnet(place);
    const { client } = devnet;
    await until(async () => (await client.open(contract).getSeqno()) === round + 1);
  }
  await using last = devnet;
  const received = () => last.client.getTransactions(sink, { limit: 20 });
  await until(async () => (await received()).length >= 6);
  expect(await received()).toHaveLength(6);
  const sent = await last.client.getTransactions(address, { limit: 20 });
  expect(sent.filter(({ inMessage }) => inMessage?.info.type === "external-in")).toHaveLength(6);
  expect(sent.every((tx, i) => i === sent.length - 1 || tx.prevTransactionLt === sent[i + 1]?.lt)).toBe(true);
});

test("a snapshot begins another chain with the same past, and each goes its own way", async () => {
  await using place = await makePlace();
  await using devnet = await startDevnet(place);
  const wallet = await fundedWallet(devnet);
  const sink = new Address(0, Buffer.alloc(32, 9));
  await wallet.send(sink, 5_000_000n);
  const path = join(place.home, "snapshot.sqlite");
  expect(await devnet.admin("snapshot", { path })).toMatchObject({ path });
  expect(await devnet.admin("snapshot", { path })).toMatchObject({ error: { code: "SNAPSHOT_EXISTS" } });
  await wallet.send(sink, 7_000_000n);

  await using other = await makePlace({ PINGO_DEVNET_FROM: path });
  await using twin = await startDevnet(other);
  // Less what keeping them costs.
  expect(Number(await twin.client.getBalance(sink))).toBeCloseTo(5_000_000, -3);
  expect(Number(await devnet.client.getBalance(sink))).toBeCloseTo(12_000_000, -3);
  expect(await twin.client.open(wallet.contract).getSeqno()).toBe(1);
  expect(await fundedWallet(twin)).toBeDefined();
});

test("a snapshot over a chain, and a file that is none, are refused", async () => {
  await using place = await makePlace();
  await (await startDevnet(place)).kill("SIGTERM");
  const path = join(place.home, "devnet", "chain.sqlite");
  expect(await failToStart({ ...place.env, PINGO_DEVNET_FROM: path })).toMatchObject({
    code: "SNAPSHOT_UNUSED",
  });
  await using other = await makePlace();
  const none = new URL(import.meta.url).pathname;
  expect(await failToStart({ ...other.env, PINGO_DEVNET_FROM: none })).toMatchObject({
    code: "SNAPSHOT_UNREADABLE",
  });
});

test("time travels forward, for contracts as for blocks, and stays there after a restart", async () => {
  await using place = await makePlace();
  const DAY_S = 86_400;
  let before: Status;
  {
    await using devnet = await startDevnet(place);
    const wallet = await fundedWallet(devnet);
    await wallet.send(wallet.address, 1n);
    before = await statusOf(devnet);
    const arrived = await devnet.admin("travel", { seconds: DAY_S });
    expect(arrived).toMatchObject({ travelledS: DAY_S });
    await wallet.send(wallet.address, 1n).catch(() => undefined); // its message was dated the day before
    const { lastTransaction, timestampt } = await devnet.client.getContractState(wallet.address);
    expect(timestampt).toBeGreaterThanOrEqual(before.unixS + DAY_S);
    expect(lastTransaction).not.toBeNull();
    expect(await devnet.admin("travel", { seconds: -1 })).toMatchObject({ error: { code: "SHAPE_INVALID" } });
  }
  await using devnet = await startDevnet(place);
  const after = await statusOf(devnet);
  expect(after.travelledS).toBe(DAY_S);
  expect(after.unixS).toBeGreaterThanOrEqual(before.unixS + DAY_S);
});

test("one folder, one devnet; a taken port is told", async () => {
  await using place = await makePlace();
  await using devnet = await startDevnet(place);
  expect(await failToStart(place.env)).toMatchObject({ code: "FOLDER_IN_USE" });
  await using other = await makePlace();
  const taken = { ...other.env, PINGO_DEVNET_HTTP: place.env["PINGO_DEVNET_HTTP"] ?? "" };
  expect(await failToStart(taken)).toMatchObject({ code: "PORT_IN_USE" });
  expect(devnet.endpoint).toContain("127.0.0.1");
});
