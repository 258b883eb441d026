/** What is in an account's state, as a client reads it. */
import { beginCell, Cell, loadShardAccount, type ShardAccount, storeShardAccount } from "@ton/core";

export type AccountStatus = "active" | "frozen" | "uninit" | "nonexist";

export interface AccountState {
  readonly status: AccountStatus;
  readonly balance: bigint;
  readonly extraCurrencies: Readonly<Record<string, bigint>>;
  readonly code: Cell | null;
  readonly data: Cell | null;
  readonly frozenHash: Buffer | null;
  /** Of the account's cell. */
  readonly stateHash: Buffer;
  readonly lastLt: bigint;
  readonly lastHash: Buffer;
}

const HASH_BYTES = 32;
const NOTHING: AccountState = {
  status: "nonexist",
  balance: 0n,
  extraCurrencies: {},
  code: null,
  data: null,
  frozenHash: null,
  stateHash: Buffer.alloc(HASH_BYTES),
  lastLt: 0n,
  lastHash: Buffer.alloc(HASH_BYTES),
};

/** BoC of an account that never was. */
export const EMPTY_ACCOUNT: Buffer = beginCell()
  .store(storeShardAccount({ account: null, lastTransactionHash: 0n, lastTransactionLt: 0n }))
  .endCell()
  .toBoc();

export function parseAccount(boc: Buffer | undefined): AccountState {
  if (boc === undefined) return NOTHING;
  const root = Cell.fromBoc(boc)[0] ?? Cell.EMPTY;
  const shardAccount = loadShardAccount(root.beginParse());
  return { ...ofShardAccount(shardAccount), stateHash: root.refs[0]?.hash() ?? NOTHING.stateHash };
}

export function codeHashOf(account: AccountState): Buffer | undefined {
  return account.code?.hash();
}

function ofShardAccount(shardAccount: ShardAccount): AccountState {
  const lastLt = shardAccount.lastTransactionLt;
  const lastHash = Buffer.from(
    shardAccount.lastTransactionHash.toString(16).padStart(HASH_BYTES * 2, "0"),
    "hex",
  );
  const { account } = shardAccount;
  if (!account) return { ...NOTHING, lastLt, lastHash };
  const { balance, state } = account.storage;
  const rest = {
    balance: balance.coins,
    extraCurrencies: currenciesOf(balance.other),
    stateHash: NOTHING.stateHash,
    lastLt,
    lastHash,
  };
  const none = { code: null, data: null, frozenHash: null };
  if (state.type === "active")
    return {
      ...rest,
      ...none,
      status: "active",
      code: state.state.code ?? null,
      data: state.state.data ?? null,
    };
  if (state.type === "frozen") {
    const frozenHash = Buffer.from(state.stateHash.toString(16).padStart(HASH_BYTES * 2, "0"), "hex");
    return { ...rest, ...none, status: "frozen", frozenHash };
  }
  return { ...rest, ...none, status: "uninit" };
}

function currenciesOf(
  other: { keys(): number[]; get(key: number): bigint | undefined } | null | undefined,
): Record<string, bigint> {
  const found: Record<string, bigint> = {};
  for (const id of other?.keys() ?? []) found[id] = other?.get(id) ?? 0n;
  return found;
}
