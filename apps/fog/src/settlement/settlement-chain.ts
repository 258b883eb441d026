/** What a settlement asks of the chain: escrows, the station's own PINGO, and payouts. */
import {
  ESCROW_ASK_NANOGRAM,
  type EscrowView,
  encodeBill,
  encodeFinish,
  encodeTransfer,
  jobEscrow,
  type PingoMove,
  PingoWallet,
} from "@pingo/contracts";
import { type Cid, digestOfCid } from "@pingo/core";
import { Address, type Cell } from "@ton/core";
import { readMoves } from "../chain/read-moves.ts";
import type { StationChain } from "../chain/station-chain.ts";
import type { PayoutRow } from "../database/schema.ts";
import { FogError } from "../fault.ts";

export interface EscrowPlace {
  readonly job: Cid;
  readonly userAddress: string;
  readonly deadlineUnixS: number;
}

export interface SettlementChain {
  /** The station's PINGO wallet. */
  readonly purse: Address;
  nowUnixS(): Promise<number>;
  /** workchain:hex */
  addressOf(place: EscrowPlace): string;
  /** undefined where it does not stand. */
  read(place: EscrowPlace): Promise<EscrowView | undefined>;
  /** @param evidence 32 bytes */
  bill(place: EscrowPlace, amountNano: bigint, evidence: Uint8Array): Promise<void>;
  finish(place: EscrowPlace): Promise<void>;
  /** @param choose  called when the order's number is known: which of them go */
  pay(choose: () => Promise<readonly PayoutRow[]>): Promise<void>;
  /** Of the station's PINGO wallet, or another owner's; newest first, after this logical time. */
  moves(afterLt: bigint, owner?: string): Promise<readonly PingoMove[]>;
  /** Of the emission, whose rewards for this station come to its wallet; their PINGO wallets, workchain:hex. */
  readonly vaultWallets: ReadonlySet<string>;
  /** The PINGO wallet of an owner, as moves name it. */
  pingoWalletOf(owner: string): Address;
}

const NANOGRAM = 1_000_000_000n;
/** With the wallet of who never had PINGO; the rest comes back. */
const PAYOUT_NANOGRAM = NANOGRAM / 50n;
const ORDER_NANOGRAM = NANOGRAM / 50n;

export function createSettlementChain(
  { client, wallet, book }: StationChain,
  signal: AbortSignal,
): SettlementChain {
  const [minter, quorum] = [Address.parseRaw(book.minter), Address.parseRaw(book.quorum)];
  const fog = wallet.address;
  const own = new PingoWallet(fog, minter);
  const escrowAt = ({ job, userAddress, deadlineUnixS }: EscrowPlace) =>
    jobEscrow({
      minter,
      quorum,
      fog,
      user: Address.parseRaw(userAddress),
      job: digestOfCid(job),
      deadlineUnixS,
    });
  /** An order that its wallet cannot pay for leaves its messages out and says nothing. */
  const assertFunds = async (nanogram: bigint): Promise<void> => {
    const { balanceNanogram } = await client.account(fog, signal);
    if (balanceNanogram > nanogram + ORDER_NANOGRAM) return;
    throw new FogError({ code: "WALLET_EMPTY", address: fog.toString({ bounceable: false }) });
  };
  const askEscrow = async (place: EscrowPlace, body: Cell): Promise<void> => {
    await assertFunds(ESCROW_ASK_NANOGRAM);
    await wallet.send([{ to: escrowAt(place).address, valueNanogram: ESCROW_ASK_NANOGRAM, body }]);
  };
  return {
    purse: own.address,
    vaultWallets: new Set(
      [book.compute, book.fog].flatMap((vault) =>
        vault === undefined ? [] : [new PingoWallet(Address.parseRaw(vault), minter).address.toRawString()],
      ),
    ),
    nowUnixS: () => client.nowUnixS(signal),
    addressOf: (place) => escrowAt(place).address.toRawString(),
    async read(place) {
      const escrow = escrowAt(place);
      const { isActive } = await client.account(escrow.address, signal);
      return isActive ? client.open(escrow).getView() : undefined;
    },
    bill: (place, amountNano, evidence) => askEscrow(place, encodeBill(amountNano, evidence)),
    finish: (place) => askEscrow(place, encodeFinish()),
    pay: (choose) =>
      wallet.sendChosen(async () => {
        const chosen = await choose();
        await assertFunds(PAYOUT_NANOGRAM * BigInt(chosen.length));
        return chosen.map(({ id, address, amountNano }) => ({
          to: own.address,
          valueNanogram: PAYOUT_NANOGRAM,
          body: encodeTransfer({
            queryId: BigInt(id),
            amountNano,
            to: Address.parseRaw(address),
            excessesTo: fog,
          }),
        }));
      }),
    moves: (afterLt, owner) =>
      readMoves(
        client,
        { owner: owner === undefined ? fog : Address.parseRaw(owner), minter, afterLt },
        signal,
      ),
    pingoWalletOf: (owner) => new PingoWallet(Address.parseRaw(owner), minter).address,
  };
}
