/** What a token's contract says of itself, by its get methods, and whether its parent says so too. SOURCE: TEP-62, 74, 89. */
import { Address, beginCell, Cell, type TupleItem } from "@ton/core";
import type { Chain } from "../chain/chain.ts";
import { parseContent, type TokenContent } from "./content.ts";

export type TokenKind = "jettonMaster" | "jettonWallet" | "nftCollection" | "nftItem";

export interface Token {
  readonly kind: TokenKind;
  /** Admin of a master, owner of the others; raw. */
  readonly owner: string | null;
  /** Master of a wallet, collection of an item; raw. */
  readonly parent: string | null;
  /** Index of an item, next index of a collection. */
  readonly item: string | null;
  /** Supply of a master, balance of a wallet. */
  readonly amount: string | null;
  readonly content: TokenContent;
  readonly isMintable: boolean;
  readonly isInitialized: boolean;
  readonly walletCodeHash: string | null;
}

export const METHOD_BY_KIND: { readonly [K in TokenKind]: string } = {
  jettonMaster: "get_jetton_data",
  jettonWallet: "get_wallet_data",
  nftCollection: "get_collection_data",
  nftItem: "get_nft_data",
};

const NOTHING = {
  owner: null,
  parent: null,
  item: null,
  amount: null,
  content: {},
  isMintable: false,
  isInitialized: true,
  walletCodeHash: null,
};

type Reader = (chain: Chain, address: Address, stack: readonly TupleItem[]) => Promise<Token | undefined>;

const READERS: { readonly [K in TokenKind]: Reader } = {
  jettonMaster: async (_, __, stack) => {
    const [supply, mintable, admin, content, code] = stack;
    const walletCode = cellOf(code);
    if (!isInt(supply) || walletCode === undefined) return undefined;
    return {
      ...NOTHING,
      kind: "jettonMaster",
      amount: supply.value.toString(),
      isMintable: isInt(mintable) && mintable.value !== 0n,
      owner: addressOf(admin)?.toRawString() ?? null,
      content: parseContent(cellOf(content) ?? Cell.EMPTY),
      walletCodeHash: walletCode.hash().toString("base64"),
    };
  },
  jettonWallet: async (chain, address, stack) => {
    const [balance, ownerItem, masterItem] = stack;
    const owner = addressOf(ownerItem);
    const master = addressOf(masterItem);
    if (!isInt(balance) || owner === undefined || master === undefined) return undefined;
    // Anyone can deploy a contract that claims a balance; only the master knows its wallets.
    const asked = await ask(chain, master, "get_wallet_address", [sliceOf(owner)]);
    if (addressOf(asked?.[0])?.equals(address) !== true) return undefined;
    return {
      ...NOTHING,
      kind: "jettonWallet",
      amount: balance.value.toString(),
      owner: owner.toRawString(),
      parent: master.toRawString(),
    };
  },
  nftCollection: async (_, __, stack) => {
    const [next, content, owner] = stack;
    const cell = cellOf(content);
    if (!isInt(next) || cell === undefined) return undefined;
    return {
      ...NOTHING,
      kind: "nftCollection",
      item: next.value.toString(),
      owner: addressOf(owner)?.toRawString() ?? null,
      content: parseContent(cell),
    };
  },
  nftItem: async (chain, address, stack) => {
    const [init, index, collectionItem, owner, contentItem] = stack;
    const collection = addressOf(collectionItem);
    if (!isInt(init) || !isInt(index)) return undefined;
    const own = cellOf(contentItem) ?? Cell.EMPTY;
    let content = own;
    if (collection !== undefined) {
      const asked = await ask(chain, collection, "get_nft_address_by_index", [
        { type: "int", value: index.value },
      ]);
      if (addressOf(asked?.[0])?.equals(address) !== true) return undefined;
      const whole = await ask(chain, collection, "get_nft_content", [
        { type: "int", value: index.value },
        { type: "cell", cell: own },
      ]);
      content = cellOf(whole?.[0]) ?? own;
    }
    return {
      ...NOTHING,
      kind: "nftItem",
      isInitialized: init.value !== 0n,
      item: index.value.toString(),
      parent: collection?.toRawString() ?? null,
      owner: addressOf(owner)?.toRawString() ?? null,
      content: parseContent(content),
    };
  },
};

/** Undefined when it is no such token, or its parent does not know it. */
export async function readToken(chain: Chain, address: Address, kind: TokenKind): Promise<Token | undefined> {
  const stack = await ask(chain, address, METHOD_BY_KIND[kind], []);
  return stack && READERS[kind](chain, address, stack);
}

/** The stack of a get method that ended well. */
async function ask(
  chain: Chain,
  address: Address,
  method: string,
  stack: TupleItem[],
): Promise<readonly TupleItem[] | undefined> {
  const { exitCode, stack: result } = await chain.get(address, method, stack);
  return exitCode === 0 || exitCode === 1 ? result : undefined;
}

function isInt(item: TupleItem | undefined): item is Extract<TupleItem, { type: "int" }> {
  return item?.type === "int";
}

function cellOf(item: TupleItem | undefined): Cell | undefined {
  return item?.type === "cell" || item?.type === "slice" || item?.type === "builder" ? item.cell : undefined;
}

function addressOf(item: TupleItem | undefined): Address | undefined {
  const slice = cellOf(item)?.beginParse();
  try {
    const address = slice?.loadAddressAny();
    return Address.isAddress(address) ? address : undefined;
  } catch {
    return undefined; // not an address: a token of another kind
  }
}

function sliceOf(address: Address): TupleItem {
  return { type: "slice", cell: beginCell().storeAddress(address).endCell() };
}
