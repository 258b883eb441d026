/**
 * TON in this process, at the prices of June 2026, for tests: send a message, get every transaction that followed.
 *
 * Owners are addresses without code. Messages from them start with GRAM from nowhere, so a test of conservation counts
 * from the first message on.
 */
import { createHash } from "node:crypto";
import { withMainnetPrices } from "@pingo/ton";
import {
  Address,
  beginCell,
  type Cell,
  type Contract,
  type Message,
  type OpenedContract,
  type Transaction,
} from "@ton/core";
import {
  Blockchain,
  type BlockchainTransaction,
  createShardAccount,
  type IExecutor,
  internal,
} from "@ton/sandbox";
import type { StateInit } from "../init.ts";

export const NANOGRAM = 1_000_000_000n;
/** Later than the June prices; tests move it on. */
export const START_UNIX_S = 1_790_000_000;

export interface Sent {
  readonly from: Address;
  readonly to: Address;
  readonly valueNanogram: bigint;
  readonly body?: Cell | undefined;
  readonly init?: StateInit | undefined;
  /** As only the network can mark a message: the answer to one that failed. */
  readonly isBounced?: boolean;
}

/** One transaction. */
export interface Step {
  readonly from: Address | null;
  readonly to: Address;
  readonly op: number | null;
  readonly isBounced: boolean;
  readonly exitCode: number | null;
  readonly actionCode: number | null;
  readonly isAborted: boolean;
  readonly gas: number;
  readonly feesNanogram: bigint;
  readonly valueNanogram: bigint;
  readonly body: Cell;
  readonly transaction: Transaction;
}

/** What a test asks of TON, whichever way it runs. */
export interface Chain {
  readonly nowUnixS: number;
  advance(seconds: number): void;
  /** Every transaction that follows, until nothing is left to deliver. */
  send(sent: Sent): Promise<readonly Step[]>;
  /** One transaction; what it sends is the caller's to deliver. */
  deliver(message: Message): Promise<Transaction | null>;
  balanceNanogram(address: Address): Promise<bigint>;
  dataOf(address: Address): Promise<Cell | null>;
  open<C extends Contract>(contract: C): OpenedContract<C>;
}

export class TestChain implements Chain {
  readonly blockchain: Blockchain;

  private constructor(blockchain: Blockchain) {
    this.blockchain = blockchain;
  }

  /** @param executor what runs the contracts, where a test wants to listen */
  static async start(executor?: IExecutor): Promise<TestChain> {
    const blockchain = await Blockchain.create({ config: "slim", ...(executor ? { executor } : {}) });
    blockchain.setConfig(withMainnetPrices(blockchain.config));
    blockchain.now = START_UNIX_S;
    return new TestChain(blockchain);
  }

  get nowUnixS(): number {
    return this.blockchain.now ?? START_UNIX_S;
  }

  advance(seconds: number): void {
    this.blockchain.now = this.nowUnixS + seconds;
  }

  open<C extends Contract>(contract: C): OpenedContract<C> {
    // SAFETY: the sandbox's proxy has every get method that the wrapper has, without its provider.
    return this.blockchain.openContract(contract) as unknown as OpenedContract<C>;
  }

  async send(sent: Sent): Promise<readonly Step[]> {
    const { transactions } = await this.blockchain.sendMessage(messageOf(sent));
    return transactions.map(stepOf);
  }

  async deliver(message: Message): Promise<Transaction> {
    if (message.info.type !== "internal") throw new Error("only contracts send here");
    const contract = await this.blockchain.getContract(message.info.dest);
    return await contract.receiveMessage(message, { now: this.nowUnixS });
  }

  /** Transactions one at a time, for tests that put others between them. */
  async sendInSteps(sent: Sent): Promise<AsyncIterator<BlockchainTransaction>> {
    return await this.blockchain.sendMessageIter(messageOf(sent), { allowParallel: true });
  }

  async balanceNanogram(address: Address): Promise<bigint> {
    return (await this.blockchain.getContract(address)).balance;
  }

  /** What a contract has written; null where none is deployed. Faster than a get method. */
  async dataOf(address: Address): Promise<Cell | null> {
    const { accountState } = await this.blockchain.getContract(address);
    return accountState?.type === "active" ? (accountState.state.data ?? null) : null;
  }

  /** A contract of a stranger's at an address of its own choice. */
  async place(address: Address, code: Cell, data: Cell): Promise<void> {
    await this.blockchain.setShardAccount(
      address,
      createShardAccount({ address, code, data, balance: NANOGRAM }),
    );
  }
}

export function addressOf(name: string): Address {
  return new Address(0, createHash("sha256").update(name).digest());
}

export function stepOf(transaction: Transaction): Step {
  const { description, inMessage } = transaction;
  if (description.type !== "generic" || !inMessage) throw new Error("only messages make transactions here");
  const compute = description.computePhase;
  const info = inMessage.info;
  const body = inMessage.body;
  return {
    from: info.type === "internal" ? info.src : null,
    to: new Address(0, Buffer.from(transaction.address.toString(16).padStart(64, "0"), "hex")),
    op: body.bits.length >= 32 ? body.beginParse().loadUint(32) : null,
    isBounced: info.type === "internal" && info.bounced,
    exitCode: compute.type === "vm" ? compute.exitCode : null,
    actionCode: description.actionPhase?.resultCode ?? null,
    isAborted: description.aborted,
    gas: compute.type === "vm" ? Number(compute.gasUsed) : 0,
    feesNanogram: transaction.totalFees.coins,
    valueNanogram: info.type === "internal" ? info.value.coins : 0n,
    body,
    transaction,
  };
}

export function messageOf({ from, to, valueNanogram, body, init, isBounced }: Sent): Message {
  const message = internal({
    from,
    to,
    value: valueNanogram,
    body: body ?? beginCell().endCell(),
    bounce: true,
    ...(init ? { stateInit: init } : {}),
  });
  if (!isBounced || message.info.type !== "internal") return message;
  return { ...message, info: { ...message.info, bounce: false, bounced: true } };
}
