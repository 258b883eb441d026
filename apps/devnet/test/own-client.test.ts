/** Our client and wallet sender against a devnet in a process of its own, beside the public client. */
import { encodeGenesis, PINGO_SUPPLY_NANO, PingoMinter, PingoWallet } from "@pingo/contracts";
import { type Fetch, keyPairOfSeed } from "@pingo/core";
import { systemClock, systemFetch, systemPrng } from "@pingo/core/system";
import {
  createToncenter,
  createWalletSender,
  type Toncenter,
  type WalletSender,
  walletContract,
} from "@pingo/ton";
import { Address } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DevnetProcess, makePlace, startDevnet, until } from "./devnet-process.ts";

const GRAM_NANO = 1_000_000_000n;
const started = new AsyncDisposableStack();
const key = keyPairOfSeed(systemPrng.bytes(32));
let devnet: DevnetProcess;
let chain: Toncenter;
let wallet: WalletSender;

beforeAll(async () => {
  devnet = started.use(await startDevnet(started.use(await makePlace())));
  chain = createToncenter({ endpoint: devnet.endpoint, fetch: systemFetch });
  wallet = createWalletSender({ chain, key, network: -3, clock: systemClock });
  const nano = (10n * GRAM_NANO).toString();
  await devnet.admin("faucet", { address: wallet.address.toString(), nano });
});
afterAll(() => started.disposeAsync());

test("a wallet is deployed by its first order; orders given at once all arrive, one after the other", async () => {
  expect(await chain.account(wallet.address)).toEqual({ balanceNanogram: 10n * GRAM_NANO, isActive: false });
  const sink = new Address(0, Buffer.from(systemPrng.bytes(32)));
  const message = { to: sink, valueNanogram: 1_000_000n, bounce: false };
  await Promise.all([wallet.send([message]), wallet.send([message, message]), wallet.send([message])]);
  expect((await chain.account(wallet.address)).isActive).toBe(true);
  await until(async () => (await devnet.client.getTransactions(sink, { limit: 10 })).length === 4);
  expect((await chain.account(sink)).balanceNanogram).toBe(await devnet.client.getBalance(sink));
});

test("two programs with one wallet: every order arrives, once", async () => {
  const other = createWalletSender({ chain, key, network: -3, clock: systemClock });
  const sink = new Address(0, Buffer.from(systemPrng.bytes(32)));
  const messageOf = (valueNanogram: bigint) => ({ to: sink, valueNanogram, bounce: false });
  // The number is taken between the choice and the order.
  let choices = 0;
  await wallet.sendChosen(async () => {
    if (choices++ === 0) await other.send([messageOf(1_000_000n)]);
    return [messageOf(2_000_000n)];
  });
  expect(choices).toBe(2);
  await Promise.all([wallet.send([messageOf(4_000_000n)]), other.send([messageOf(8_000_000n)])]);
  await until(async () => (await devnet.client.getTransactions(sink, { limit: 10 })).length >= 4);
  // Each amount has its own bit; a little rent may be gone already.
  expect(((await chain.account(sink)).balanceNanogram + 99_999n) / 100_000n).toBe(150n);
});

test("an order whose answer was lost is looked for, not sent again", async () => {
  const key = keyPairOfSeed(systemPrng.bytes(32));
  const sink = new Address(0, Buffer.from(systemPrng.bytes(32)));
  // The chain takes the order, then its API is away for a while: once as a broken connection, then as a proxy's page.
  let away = 0;
  let sent = 0;
  const fetch: Fetch = async (url, options) => {
    if (away > 0) {
      if (--away % 2 === 0) throw new TypeError("the connection broke");
      return { ok: false, status: 502, body: null };
    }
    const answer = await systemFetch(url, options);
    if (!new TextDecoder().decode(options?.body).includes('"sendBoc"')) return answer;
    sent += 1;
    away = 5;
    throw new TypeError("the connection broke");
  };
  const unsteady = createToncenter({ endpoint: devnet.endpoint, fetch });
  const sender = createWalletSender({ chain: unsteady, key, network: -3, clock: systemClock });
  const nano = GRAM_NANO.toString();
  await devnet.admin("faucet", { address: sender.address.toString(), nano });
  await sender.send([{ to: sink, valueNanogram: 1_000_000n, bounce: false }]);
  await sender.send([{ to: sink, valueNanogram: 2_000_000n, bounce: false }]);
  expect(sent).toBe(2);
  await until(async () => (await devnet.client.getTransactions(sink, { limit: 10 })).length === 2);
});

test("a wallet's transactions that are told late make nobody pay twice", async () => {
  const key = keyPairOfSeed(systemPrng.bytes(32));
  const sink = new Address(0, Buffer.from(systemPrng.bytes(32)));
  // Its number is told at once, what it did last only after many looks: as by two servers behind one address.
  let late = 0;
  const behind: Toncenter = {
    ...chain,
    async transactions(address, page, signal) {
      const told = await chain.transactions(address, page, signal);
      return late > 0 && late-- > 0 ? told.slice(1) : told;
    },
  };
  const sender = createWalletSender({ chain: behind, key, network: -3, clock: systemClock });
  const nano = GRAM_NANO.toString();
  await devnet.admin("faucet", { address: sender.address.toString(), nano });
  for (let orders = 0; orders < 2; orders++) {
    late = 15;
    await sender.send([{ to: sink, valueNanogram: 1_000_000n, bounce: false }]);
  }
  expect(await chain.open(walletContract(key.publicKey, -3)).getSeqno()).toBe(2);
});

test("contracts say to our client what they say to the public one", async () => {
  const minter = new PingoMinter(wallet.address);
  const body = encodeGenesis([{ owner: wallet.address, amountNano: PINGO_SUPPLY_NANO }]);
  await wallet.send([{ to: minter.address, valueNanogram: GRAM_NANO, init: minter.init, body }]);
  const tokens = new PingoWallet(wallet.address, minter.address);
  expect(await chain.open(new PingoWallet(minter.address, minter.address)).getBalanceNano()).toBe(0n);
  await until(() => devnet.client.isContractDeployed(tokens.address));
  const ours = await chain.open(tokens).getView();
  const theirs = await devnet.client.open(tokens).getView();
  expect(ours.balanceNano).toBe(PINGO_SUPPLY_NANO);
  expect([ours.balanceNano, ours.owner.toString(), ours.minter.toString()]).toEqual([
    theirs.balanceNano,
    theirs.owner.toString(),
    theirs.minter.toString(),
  ]);
  expect(await chain.open(minter).getUndeliveredNanoByWallet()).toEqual(new Map());
});

test("an endpoint that is none, a refused message and a get method that fails each have a sentence", async () => {
  const nobody = createToncenter({ endpoint: "http://127.0.0.1:1/api/v2/jsonRPC", fetch: systemFetch });
  await expect(nobody.account(wallet.address)).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
  const other = createToncenter({
    endpoint: devnet.endpoint.replace("/jsonRPC", "/nothing"),
    fetch: systemFetch,
  });
  await expect(other.nowUnixS()).rejects.toMatchObject({
    code: expect.stringMatching(/^CHAIN_(ANSWER_INVALID|REFUSED)$/),
  });
  await expect(chain.send(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: "CHAIN_REFUSED" });
  const notAToken = new PingoWallet(wallet.address, wallet.address);
  const reader = chain.open({ ...notAToken, address: wallet.address, getView: notAToken.getView });
  await expect(reader.getView()).rejects.toMatchObject({ code: "GET_METHOD_FAILED" });
});
