/** Jettons and NFTs of the API v3. */
import { z } from "zod";
import type { IndexedToken, TokenFilter } from "../../tokens/token-index.ts";
import { zAddress, zFlag } from "../schema.ts";
import type { Json } from "../v2/shapes.ts";
import { addressBook, type Indexed, type MethodV3, methodV3, rawUpper, zList, zPage } from "./method.ts";

const raws = zList(zAddress.transform((address) => address.toRawString())).optional();

export const TOKEN_METHODS_V3: Readonly<Record<string, MethodV3>> = {
  "GET jetton/masters": methodV3(
    zPage.extend({ address: raws, admin_address: raws }),
    (indexed, { address, admin_address, limit, offset }) =>
      answer(indexed, "jetton_masters", master, {
        ...{ kind: "jettonMaster", limit, offset },
        addresses: address,
        owners: admin_address,
      }),
  ),
  "GET jetton/wallets": methodV3(
    zPage.extend({
      address: raws,
      owner_address: raws,
      jetton_address: raws,
      exclude_zero_balance: zFlag.optional(),
    }),
    (indexed, { address, owner_address, jetton_address, exclude_zero_balance, limit, offset }) =>
      answer(indexed, "jetton_wallets", jettonWallet, {
        ...{ kind: "jettonWallet", limit, offset },
        addresses: address,
        owners: owner_address,
        parents: jetton_address,
        isAmountShown: exclude_zero_balance,
      }),
  ),
  "GET nft/collections": methodV3(
    zPage.extend({ collection_address: raws, owner_address: raws }),
    (indexed, { collection_address, owner_address, limit, offset }) =>
      answer(indexed, "nft_collections", collection, {
        ...{ kind: "nftCollection", limit, offset },
        addresses: collection_address,
        owners: owner_address,
      }),
  ),
  "GET nft/items": methodV3(
    zPage.extend({
      address: raws,
      owner_address: raws,
      collection_address: raws,
      index: zList(z.string().regex(/^\d{1,78}$/, "expected an index")).optional(),
      include_on_sale: zFlag.optional(),
    }),
    (indexed, { address, owner_address, collection_address, index, limit, offset }) =>
      answer(indexed, "nft_items", item, {
        ...{ kind: "nftItem", limit, offset },
        addresses: address,
        owners: owner_address,
        parents: collection_address,
        items: index,
      }),
  ),
};

type Writer = (found: IndexedToken, hashes: Readonly<Record<string, Json>>) => Json;

async function answer(indexed: Indexed, name: string, write: Writer, filter: TokenFilter): Promise<Json> {
  const found = await indexed.tokens.find(filter);
  return {
    [name]: found.map((one) => write(one, hashesOf(indexed, one.address))),
    address_book: addressBook(found.flatMap(({ address, token }) => [address, token.owner, token.parent])),
    metadata: {},
  };
}

function hashesOf({ chain }: Indexed, raw: string): Readonly<Record<string, Json>> {
  const account = chain.accountOf(raw);
  return {
    last_transaction_lt: account.lastLt.toString(),
    code_hash: account.code?.hash().toString("base64") ?? null,
    data_hash: account.data?.hash().toString("base64") ?? null,
  };
}

const upper = (raw: string | null): string | null => (raw === null ? null : rawUpper(raw));

const master: Writer = ({ address, token }, hashes) => ({
  address: rawUpper(address),
  total_supply: token.amount,
  mintable: token.isMintable,
  admin_address: upper(token.owner),
  jetton_content: { ...token.content },
  jetton_wallet_code_hash: token.walletCodeHash,
  ...hashes,
});

const jettonWallet: Writer = ({ address, token }, hashes) => ({
  address: rawUpper(address),
  balance: token.amount,
  owner: upper(token.owner),
  jetton: upper(token.parent),
  ...hashes,
});

const collection: Writer = ({ address, token }, hashes) => ({
  address: rawUpper(address),
  owner_address: upper(token.owner),
  next_item_index: token.item,
  collection_content: { ...token.content },
  ...hashes,
});

const item: Writer = ({ address, token }, hashes) => ({
  address: rawUpper(address),
  init: token.isInitialized,
  index: token.item,
  collection_address: upper(token.parent),
  owner_address: upper(token.owner),
  content: { ...token.content },
  collection: null,
  on_sale: false,
  ...hashes,
});
