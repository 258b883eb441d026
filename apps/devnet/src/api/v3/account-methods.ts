import { keyOfWallet } from "@pingo/ton";
import type { Address } from "@ton/core";
import { z } from "zod";
import type { AccountState } from "../../chain/account-state.ts";
import { DevnetError } from "../../fault.ts";
import { zAddress, zFlag } from "../schema.ts";
import type { Json } from "../v2/shapes.ts";
import { addressBook, type Indexed, type MethodV3, methodV3, rawUpper, zList } from "./method.ts";

const zAddresses = z.object({ address: zList(zAddress), include_boc: zFlag.default(true) });

export const ACCOUNT_METHODS_V3: Readonly<Record<string, MethodV3>> = {
  "GET accountStates": methodV3(zAddresses, ({ chain }, { address: addresses, include_boc }) => ({
    accounts: addresses.map((address) => accountState(address, chain.account(address), include_boc)),
    address_book: addressBook(addresses.map((address) => address.toRawString())),
    metadata: {},
  })),
  "GET walletStates": methodV3(
    z.object({ address: zList(zAddress) }),
    async (indexed, { address: addresses }) => ({
      wallets: await Promise.all(addresses.map((address) => walletState(indexed, address))),
      address_book: addressBook(addresses.map((address) => address.toRawString())),
      metadata: {},
    }),
  ),
  "GET addressInformation": methodV3(z.object({ address: zAddress }), ({ chain }, { address }) => {
    const account = chain.account(address);
    return {
      balance: account.balance.toString(),
      code: account.code?.toBoc().toString("base64") ?? null,
      data: account.data?.toBoc().toString("base64") ?? null,
      last_transaction_lt: account.lastLt.toString(),
      last_transaction_hash: account.lastHash.toString("base64"),
      frozen_hash: account.frozenHash?.toString("base64") ?? null,
      status: account.status,
    };
  }),
  "GET walletInformation": methodV3(z.object({ address: zAddress }), async (indexed, { address }) => {
    const account = indexed.chain.account(address);
    const wallet = await walletOf(indexed, address, account);
    if (wallet === undefined && account.status === "active")
      throw new DevnetError({ code: "ACCOUNT_UNKNOWN", address: `${address} is no wallet` });
    return {
      balance: account.balance.toString(),
      ...(wallet ?? {}),
      last_transaction_lt: account.lastLt.toString(),
      last_transaction_hash: account.lastHash.toString("base64"),
      status: account.status,
    };
  }),
  "GET addressBook": methodV3(z.object({ address: zList(zAddress) }), (_, { address: addresses }) =>
    addressBook(addresses.map((address) => address.toRawString())),
  ),
};

function accountState(address: Address, account: AccountState, hasBoc: boolean): Json {
  return {
    address: rawUpper(address.toRawString()),
    account_state_hash: account.stateHash.toString("base64"),
    balance: account.balance.toString(),
    extra_currencies: Object.fromEntries(
      Object.entries(account.extraCurrencies).map(([id, amount]) => [id, amount.toString()]),
    ),
    status: account.status,
    last_transaction_hash: account.lastHash.toString("base64"),
    last_transaction_lt: account.lastLt.toString(),
    ...(account.frozenHash ? { frozen_hash: account.frozenHash.toString("base64") } : {}),
    ...(account.data ? { data_hash: account.data.hash().toString("base64") } : {}),
    ...(account.code ? { code_hash: account.code.hash().toString("base64") } : {}),
    ...(hasBoc && account.data ? { data_boc: account.data.toBoc().toString("base64") } : {}),
    ...(hasBoc && account.code ? { code_boc: account.code.toBoc().toString("base64") } : {}),
    contract_methods: null,
    interfaces: null,
  };
}

async function walletState(indexed: Indexed, address: Address): Promise<Json> {
  const account = indexed.chain.account(address);
  const wallet = await walletOf(indexed, address, account);
  return {
    address: rawUpper(address.toRawString()),
    is_wallet: wallet !== undefined,
    ...(wallet ?? {}),
    balance: account.balance.toString(),
    status: account.status,
    ...(account.code ? { code_hash: account.code.hash().toString("base64") } : {}),
    last_transaction_hash: account.lastHash.toString("base64"),
    last_transaction_lt: account.lastLt.toString(),
  };
}

async function walletOf(
  { chain }: Indexed,
  address: Address,
  { code, data }: AccountState,
): Promise<{ readonly wallet_type: string; readonly seqno: number } | undefined> {
  if (code === null || data === null) return undefined;
  const version = versionOf({ code, data });
  if (version === undefined) return undefined;
  const [seqno] = (await chain.get(address, "seqno", [])).stack;
  const wallet_type = `wallet ${version.slice(0, 2)} ${version.slice(2)}`;
  return { wallet_type, seqno: seqno?.type === "int" ? Number(seqno.value) : 0 };
}

function versionOf(init: Parameters<typeof keyOfWallet>[0]): string | undefined {
  try {
    return keyOfWallet(init)?.version;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // a wallet's code over data of another: no wallet
    throw error;
  }
}
