/** A chain on which PINGO exists, for tests: three owners with a third each. */
import { type Address, beginCell, type Cell } from "@ton/core";
import {
  type Allocation,
  encodeGenesis,
  PINGO_SUPPLY_NANO,
  PingoMinter,
} from "../src/jetton/pingo-minter.ts";
import {
  encodeTellOwner,
  encodeTransfer,
  LATE_NOTICE_OP,
  PingoWallet,
  TRANSFER_NOTIFICATION_OP,
  TRANSFER_RETURNED_OP,
  type Transfer,
} from "../src/jetton/pingo-wallet.ts";
import { addressOf, type Chain, NANOGRAM, type Step } from "../src/testing/index.ts";

export const DEPLOYER = addressOf("deployer");
export const ALICE = addressOf("alice");
export const BOB = addressOf("bob");
export const CAROL = addressOf("carol");
export const MALLORY = addressOf("mallory");
export const MINTER = new PingoMinter(DEPLOYER);
export const SHARE_NANO = PINGO_SUPPLY_NANO / 4n;

/** @param endowed vaults that genesis funds, out of what is Alice's otherwise */
export async function sendGenesis(
  chain: Chain,
  endowed: readonly Allocation[] = [],
): Promise<readonly Step[]> {
  const endowedNano = endowed.reduce((sum, { amountNano }) => sum + amountNano, 0n);
  const allocations = [
    ...endowed,
    { owner: ALICE, amountNano: 2n * SHARE_NANO - endowedNano },
    { owner: BOB, amountNano: SHARE_NANO },
    { owner: CAROL, amountNano: SHARE_NANO },
  ];
  return await chain.send({
    from: DEPLOYER,
    to: MINTER.address,
    valueNanogram: NANOGRAM,
    init: MINTER.init,
    body: encodeGenesis(allocations),
  });
}

export function walletOf(owner: Address): PingoWallet {
  return new PingoWallet(owner, MINTER.address);
}

export async function balanceNano(chain: Chain, owner: Address): Promise<bigint> {
  return await chain.open(walletOf(owner)).getBalanceNano();
}

export async function transfer(
  chain: Chain,
  from: Address,
  body: Omit<Transfer, "excessesTo">,
  valueNanogram: bigint = NANOGRAM / 2n,
): Promise<readonly Step[]> {
  return await chain.send({
    from,
    to: walletOf(from).address,
    valueNanogram,
    body: encodeTransfer({ excessesTo: from, ...body }),
  });
}

/** Tokens come without a notice, and a stranger has the owner told. @returns what the telling did */
export async function tellLate(
  chain: Chain,
  owner: Address,
  amountNano: bigint,
  from = ALICE,
): Promise<readonly Step[]> {
  await transfer(chain, from, { amountNano, to: owner });
  const { address: to } = walletOf(owner);
  return await chain.send({ from: MALLORY, to, valueNanogram: NANOGRAM / 50n, body: encodeTellOwner() });
}

/** What anyone might say in its place. */
export function lateNotice(amountNano: bigint): Cell {
  return beginCell()
    .storeUint(LATE_NOTICE_OP, 32)
    .storeUint(0, 64)
    .storeAddress(MALLORY)
    .storeCoins(amountNano)
    .endCell();
}

/** A notice of tokens, as a wallet sends it. */
export function notification(amountNano: bigint): Cell {
  return beginCell()
    .storeUint(TRANSFER_NOTIFICATION_OP, 32)
    .storeUint(0, 64)
    .storeCoins(amountNano)
    .storeAddress(MALLORY)
    .storeBit(false)
    .endCell();
}

/** What a vault's own wallet says of tokens that were not delivered. */
export function transferReturned(amountNano: bigint, to: Address): Cell {
  return beginCell()
    .storeUint(TRANSFER_RETURNED_OP, 32)
    .storeUint(0, 64)
    .storeCoins(amountNano)
    .storeAddress(MALLORY)
    .storeBit(false)
    .storeAddress(to)
    .endCell();
}
