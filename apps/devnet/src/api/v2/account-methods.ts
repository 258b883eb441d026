import { parseShape } from "@pingo/core";
import { keyOfWallet } from "@pingo/ton";
import { Address } from "@ton/core";
import { z } from "zod";
import type { AccountState } from "../../chain/account-state.ts";
import { DevnetError } from "../../fault.ts";
import { tokenData } from "../../tokens/token-data.ts";
import { type Method, method } from "../method.ts";
import { zAddress } from "../schema.ts";
import { addressInformation, currencies, type Json, statusOf, transactionId } from "./shapes.ts";

const zOf = z.object({ address: zAddress });

export const ACCOUNT_METHODS: Readonly<Record<string, Method>> = {
  getAddressInformation: method(zOf, (chain, { address }) =>
    addressInformation(chain.account(address), chain.head, chain.nowUnixS()),
  ),
  getExtendedAddressInformation: method(zOf, (chain, { address }) => {
    const account = chain.account(address);
    return {
      "@type": "fullAccountState",
      address: { "@type": "accountAddress", account_address: address.toString() },
      balance: account.balance.toString(),
      extra_currencies: currencies(account),
      last_transaction_id: transactionId(account.lastLt, account.lastHash),
      sync_utime: chain.nowUnixS(),
      account_state: {
        "@type": account.status === "active" ? "raw.accountState" : "uninited.accountState",
        code: account.code?.toBoc().toString("base64") ?? "",
        data: account.data?.toBoc().toString("base64") ?? "",
        frozen_hash: account.frozenHash?.toString("base64") ?? "",
      },
      revision: 0,
    };
  }),
  getWalletInformation: method(zOf, async (chain, { address }) => {
    const account = chain.account(address);
    const type = walletType(account);
    const rest = {
      balance: account.balance.toString(),
      account_state: statusOf(account),
      last_transaction_id: transactionId(account.lastLt, account.lastHash),
    };
    if (type === undefined) return { wallet: false, ...rest };
    const { stack } = await chain.get(address, "seqno", []);
    const [seqno] = stack;
    return {
      wallet: true,
      wallet_type: type,
      seqno: seqno?.type === "int" ? Number(seqno.value) : 0,
      ...rest,
    };
  }),
  getAddressBalance: method(zOf, (chain, { address }) => chain.account(address).balance.toString()),
  getAddressState: method(zOf, (chain, { address }) => statusOf(chain.account(address))),
  packAddress: method(zOf, (_, { address }) => address.toString()),
  unpackAddress: method(zOf, (_, { address }) => address.toRawString()),
  detectAddress: method(z.object({ address: z.string().max(80) }), (_, { address: written }) =>
    detect(written),
  ),
  getTokenData: method(zOf, async (chain, { address }) => {
    const found = await tokenData(chain, address);
    if (found === undefined) throw new DevnetError({ code: "NOT_A_TOKEN", address: address.toString() });
    return found;
  }),
};

const WORDS: Readonly<Record<string, string>> = {
  v4r2: "wallet v4 r2",
  v5r1: "wallet v5 r1",
  v5beta: "wallet v5 beta",
};

function walletType({ code, data }: AccountState): string | undefined {
  if (code === null || data === null) return undefined;
  const version = versionOf({ code, data });
  return version && (WORDS[version] ?? `wallet ${version.slice(0, 2)} ${version.slice(2)}`);
}

function versionOf(init: Parameters<typeof keyOfWallet>[0]): string | undefined {
  try {
    return keyOfWallet(init)?.version;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // a wallet's code over data of another: no wallet
    throw error;
  }
}

function detect(written: string): Json {
  const address = parseShape(zAddress, written, "the address");
  const form = (bounceable: boolean, testOnly: boolean): Json => ({
    b64: address.toString({ bounceable, testOnly, urlSafe: false }),
    b64url: address.toString({ bounceable, testOnly }),
  });
  const isFriendly = Address.isFriendly(written);
  const friendly = isFriendly ? Address.parseFriendly(written) : undefined;
  const given =
    friendly === undefined
      ? "raw_form"
      : friendly.isBounceable
        ? "friendly_bounceable"
        : "friendly_non_bounceable";
  return {
    raw_form: address.toRawString(),
    bounceable: form(true, false),
    non_bounceable: form(false, false),
    given_type: given,
    test_only: friendly?.isTestOnly ?? false,
  };
}
