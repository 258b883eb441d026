/** The PINGO token on a devnet, as a wallet sees it: by the public wrappers, by v2's getTokenData and by v3's index. */
import { encodeGenesis, encodeTransfer, PINGO_SUPPLY_NANO, PingoMinter, PingoWallet } from "@pingo/contracts";
import { Address, beginCell, contractAddress } from "@ton/core";
import { JettonMaster, JettonWallet } from "@ton/ton";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type DevnetProcess,
  fundedWallet,
  makePlace,
  startDevnet,
  type TestWallet,
  until,
} from "./devnet-process.ts";

const ENOUGH_NANO = 2_000_000_000n;
const started = new AsyncDisposableStack();
let devnet: DevnetProcess;
let owner: TestWallet;
let minter: PingoMinter;
const other = new Address(0, Buffer.alloc(32, 5));

beforeAll(async () => {
  devnet = started.use(await startDevnet(started.use(await makePlace())));
  owner = await fundedWallet(devnet);
  minter = new PingoMinter(owner.address);
  const genesis = encodeGenesis([{ owner: owner.address, amountNano: PINGO_SUPPLY_NANO }]);
  await owner.send(minter.address, ENOUGH_NANO, genesis, minter.init);
  const wallet = new PingoWallet(owner.address, minter.address);
  await until(() => devnet.client.isContractDeployed(wallet.address));
});
afterAll(() => started.disposeAsync());

const raw = (address: Address): string => address.toRawString().toUpperCase();

test("the public jetton wrappers read the token", async () => {
  const master = devnet.client.open(JettonMaster.create(minter.address));
  const { totalSupply, mintable } = await master.getJettonData();
  expect([totalSupply, mintable]).toEqual([PINGO_SUPPLY_NANO, false]);
  const address = await master.getWalletAddress(owner.address);
  expect(await devnet.client.open(JettonWallet.create(address)).getBalance()).toBe(PINGO_SUPPLY_NANO);
});

test("v3 lists the master with its metadata, and each owner's wallets as they change", async () => {
  expect(await devnet.v3(`jetton/masters?address=${minter.address}`)).toMatchObject({
    jetton_masters: [
      {
        address: raw(minter.address),
        total_supply: String(PINGO_SUPPLY_NANO),
        mintable: false,
        jetton_content: { symbol: "PINGO", decimals: "9" },
      },
    ],
  });
  const balances = async (of: Address): Promise<unknown> => devnet.v3(`jetton/wallets?owner_address=${of}`);
  expect(await balances(owner.address)).toMatchObject({
    jetton_wallets: [
      { balance: String(PINGO_SUPPLY_NANO), owner: raw(owner.address), jetton: raw(minter.address) },
    ],
  });
  expect(await balances(other)).toMatchObject({ jetton_wallets: [] });

  const from = new PingoWallet(owner.address, minter.address).address;
  const to = new PingoWallet(other, minter.address).address;
  const transfer = encodeTransfer({ amountNano: 7n, to: other, excessesTo: owner.address });
  await owner.send(from, ENOUGH_NANO / 4n, transfer);
  await until(() => devnet.client.isContractDeployed(to));
  expect(await balances(other)).toMatchObject({ jetton_wallets: [{ balance: "7", address: raw(to) }] });
  expect(await balances(owner.address)).toMatchObject({
    jetton_wallets: [{ balance: String(PINGO_SUPPLY_NANO - 7n) }],
  });
});

test("a contract that claims a balance but is not the master's wallet is not listed", async () => {
  const { init } = new PingoWallet(owner.address, minter.address);
  const honest = init.data.beginParse();
  expect(honest.loadCoins()).toBe(0n);
  const data = beginCell().storeCoins(999).storeSlice(honest).endCell();
  const fake = { code: init.code, data };
  const address = contractAddress(0, fake);
  await owner.send(address, ENOUGH_NANO / 8n, beginCell().endCell(), fake);
  await until(async () => (await devnet.client.getContractState(address)).lastTransaction !== null);
  const { exit_code } = await devnet.client.runMethodWithError(address, "get_wallet_data");
  expect(exit_code).toBe(0); // it claims
  expect(await devnet.v3(`jetton/wallets?address=${address}`)).toMatchObject({ jetton_wallets: [] });
});

test("getTokenData tells what an address is", async () => {
  const tokenOf = async (address: Address): Promise<unknown> => {
    const url = `${devnet.endpoint.replace("jsonRPC", "getTokenData")}?address=${address}`;
    return (await fetch(url)).json();
  };
  expect(await tokenOf(minter.address)).toMatchObject({
    ok: true,
    result: { contract_type: "jetton_master" },
  });
  const wallet = new PingoWallet(owner.address, minter.address).address;
  expect(await tokenOf(wallet)).toMatchObject({ ok: true, result: { contract_type: "jetton_wallet" } });
  expect(await tokenOf(owner.address)).toMatchObject({
    ok: false,
    error: expect.stringMatching(/NOT_A_TOKEN/),
  });
});

test("a trace holds every transaction that followed one message", async () => {
  const [sent] = await devnet.client.getTransactions(owner.address, { limit: 1 });
  const hash = sent?.hash().toString("hex");
  expect(await devnet.v3(`traces?tx_hash=${hash}`)).toMatchObject({
    traces: [{ transactions_order: expect.arrayContaining([sent?.hash().toString("base64")]) }],
  });
  expect(await devnet.v3(`transactions?account=${owner.address}&limit=1`)).toMatchObject({
    transactions: [
      { account: raw(owner.address), description: { type: "ord", compute_ph: { exit_code: 0 } } },
    ],
  });
});
