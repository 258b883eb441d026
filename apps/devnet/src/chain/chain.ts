/**
 * The chain: takes messages, makes a block at every tick, and answers about the newest state.
 *
 * One writer: what is acknowledged (a message taken, a grant, a journey in time) is durable before it is told.
 */
import type { Clock, Log, Prng } from "@pingo/core";
import { parseBoc } from "@pingo/ton";
import { type Address, beginCell, type Cell, getMethodId, type TupleItem } from "@ton/core";
import { DevnetError } from "../fault.ts";
import type { ChainStore } from "../store/chain-store.ts";
import { type AccountState, EMPTY_ACCOUNT, parseAccount } from "./account-state.ts";
import { collate } from "./collate.ts";
import type { Engine, MethodResult } from "./engine.ts";
import { Faucet, type GrantReceipt } from "./faucet.ts";
import { readMessage } from "./read-transaction.ts";
import type { ExternalMessage, Head, InternalMessage, NewBlock } from "./shapes.ts";

const INBOX_MAX = 20_000;
const SEED_BYTES = 32;
/** The faucet's own message is in no inbox. */
const FAUCET_ID = -1;
const NOT_ACTIVE_EXIT_CODE = -256;
/** A chain has 32 bits for its time; a year before their end, orders and certificates can still be good for a while. */
const TRAVEL_UNIX_S_MAX = 2 ** 32 - 366 * 86_400;

export interface ChainOptions {
  readonly store: ChainStore;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Log;
  readonly blockMs: number;
}

export interface Accepted {
  readonly hash: Buffer;
  readonly cell: Cell;
}

export class Chain implements AsyncDisposable {
  readonly engine: Engine;
  readonly store: ChainStore;
  readonly #options: ChainOptions;
  readonly #stop = new AbortController();
  readonly #failed = Promise.withResolvers<string>();
  readonly #faucet: Faucet;
  #loop: Promise<void> = Promise.resolve();
  #head: Head;
  #travelledS: number;
  #inbox: ExternalMessage[];
  #outbox: readonly InternalMessage[];
  readonly #onBlock = new Set<(block: NewBlock) => void>();

  constructor(options: ChainOptions) {
    const { store, engine, prng, clock } = options;
    this.#options = options;
    this.store = store;
    this.engine = engine;
    const { seed, travelledS } = beginOnce(store, prng, clock);
    this.#faucet = new Faucet(seed);
    this.#travelledS = travelledS;
    const head = store.head();
    if (head === undefined) throw new Error("a chain that began has a block");
    this.#head = head;
    this.#inbox = [...store.inbox(destinationOf)];
    this.#outbox = store.outbox();
  }

  get head(): Head {
    return this.#head;
  }

  get faucetAddress(): Address {
    return this.#faucet.address;
  }

  get travelledS(): number {
    return this.#travelledS;
  }

  get waiting(): number {
    return this.#inbox.length;
  }

  /** Resolves with why when it cannot go on; never while all is well. */
  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  start(): void {
    this.#loop = this.#run().catch((error: unknown) => {
      this.#stop.abort(); // those who wait for a block wait no longer
      this.#faucet.stop();
      this.#failed.resolve(error instanceof Error ? (error.stack ?? error.message) : String(error));
    });
  }

  account(address: Address): AccountState {
    return this.accountOf(address.toRawString());
  }

  accountOf(raw: string): AccountState {
    return parseAccount(this.store.account(raw));
  }

  /** Time of the next block, if it came now. */
  nowUnixS(): number {
    const nowS = Math.floor(this.#options.clock.nowUnixMs() / 1000) + this.#travelledS;
    // A clock that was set back stops time here rather than reversing it.
    return Math.max(nowS, this.#head.unixS);
  }

  /**
   * Takes an external message for the next block, once the contract says that it would accept it now.
   *
   * @throws {BocError}
   * @throws {DevnetError} NOT_EXTERNAL, MESSAGE_REFUSED, QUEUE_FULL, STOPPING
   */
  async accept(boc: Uint8Array): Promise<Accepted> {
    const cell = parseBoc(boc);
    const destination = destinationOf(cell);
    if (this.#stop.signal.aborted) throw new DevnetError({ code: "STOPPING" });
    const before = this.store.account(destination) ?? EMPTY_ACCOUNT;
    const outcome = await this.engine.run(before, cell, this.#moment());
    if (!outcome.ok) throw new DevnetError({ code: "MESSAGE_REFUSED", why: outcome.why });
    if (this.#inbox.length >= INBOX_MAX) throw new DevnetError({ code: "QUEUE_FULL", max: INBOX_MAX });
    const hash = cell.hash();
    const { id, isNew } = this.store.addToInbox(hash, Buffer.from(boc));
    if (isNew) this.#inbox.push({ id, cell, destination });
    return { hash, cell };
  }

  async get(address: Address, method: string | number, stack: TupleItem[]): Promise<MethodResult> {
    const account = this.account(address);
    if (account.status !== "active") return { gasUsed: 0, exitCode: NOT_ACTIVE_EXIT_CODE, stack: [] };
    const id = typeof method === "number" ? method : getMethodId(method);
    return this.engine.get(account, address, id, stack, this.nowUnixS());
  }

  /** What would happen to this message now; nothing does. */
  async rehearse(address: Address, message: Cell, ignoreSignature: boolean): Promise<Cell> {
    const before = this.store.account(address.toRawString()) ?? EMPTY_ACCOUNT;
    const outcome = await this.engine.run(before, message, this.#moment(), { ignoreSignature });
    if (!outcome.ok) throw new DevnetError({ code: "MESSAGE_REFUSED", why: outcome.why });
    return outcome.transaction;
  }

  grant(to: Address, nano: bigint): Promise<GrantReceipt> {
    if (this.#stop.signal.aborted) return Promise.reject(new DevnetError({ code: "STOPPING" }));
    return this.#faucet.grant(to, nano);
  }

  /** Moves time on; resolves with the first block that has it. @throws {DevnetError} TRAVEL_TOO_FAR */
  async travel(seconds: number): Promise<NewBlock> {
    const secondsMax = Math.max(0, TRAVEL_UNIX_S_MAX - this.nowUnixS());
    if (seconds > secondsMax) throw new DevnetError({ code: "TRAVEL_TOO_FAR", secondsMax });
    const travelledS = this.#travelledS + seconds;
    this.store.setMeta("travelledS", Buffer.from(String(travelledS)));
    this.#travelledS = travelledS;
    const targetS = this.nowUnixS();
    for (;;) {
      const block = await this.nextBlock();
      if (block.head.unixS >= targetS) return block;
    }
  }

  nextBlock(): Promise<NewBlock> {
    const { promise, resolve, reject } = Promise.withResolvers<NewBlock>();
    const stop = (): void => reject(new DevnetError({ code: "STOPPING" }));
    if (this.#stop.signal.aborted) stop();
    this.#stop.signal.addEventListener("abort", stop, { once: true });
    this.#onBlock.add((block) => {
      this.#stop.signal.removeEventListener("abort", stop);
      resolve(block);
    });
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    this.#faucet.stop();
  }

  async #run(): Promise<void> {
    const { clock, blockMs } = this.#options;
    const { signal } = this.#stop;
    let dueMs = clock.monotonicMs();
    while (!signal.aborted) {
      await this.#produce();
      // A block that took too long delays the ones after it; it does not make them come at once.
      dueMs = Math.max(dueMs + blockMs, clock.monotonicMs());
      await clock.sleep(Math.max(0, dueMs - clock.monotonicMs()), { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  async #produce(): Promise<void> {
    const { engine, store, clock, log, blockMs } = this.#options;
    const unixS = this.nowUnixS();
    const faucet = this.#faucet.address.toRawString();
    const batch = await this.#faucet.nextBatch(store.account(faucet), unixS);
    const grants = batch ? [{ id: FAUCET_ID, cell: batch.message, destination: faucet }] : [];
    const block = await collate({
      ...{ head: this.#head, unixS, blockMs, engine, clock, internals: this.#outbox },
      externals: [...grants, ...this.#inbox],
      readAccount: (address) => store.account(address),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      onRefused: (external, why) =>
        log.debug("message_dropped", { hash: external.cell.hash().toString("hex"), why }),
    });
    store.addBlock(block);
    const settled = new Set(block.settled);
    this.#head = block.head;
    this.#outbox = block.outbox;
    // Those that came meanwhile stay.
    this.#inbox = this.#inbox.filter(({ id }) => !settled.has(id));
    const paid = block.transactions.find(({ account }) => account === faucet);
    if (settled.has(FAUCET_ID))
      batch?.settle(paid && { seqno: block.head.seqno, transactionHash: paid.hash });
    else batch?.putBack();
    const heard = [...this.#onBlock];
    this.#onBlock.clear();
    for (const hear of heard) hear(block);
  }

  #moment() {
    return { unixS: this.nowUnixS(), lt: this.#head.endLt + 1n, seed: this.#head.masterRoot };
  }
}

/** @throws {DevnetError} NOT_EXTERNAL */
export function destinationOf(cell: Cell): string {
  try {
    const { info } = readMessage(cell).message;
    if (info.type === "external-in") return info.dest.toRawString();
    throw new DevnetError({ code: "NOT_EXTERNAL", kind: info.type });
  } catch (cause) {
    if (cause instanceof DevnetError) throw cause;
    throw new DevnetError({ code: "NOT_EXTERNAL", kind: "no message" }, { cause });
  }
}

/** The first block, once for every chain: the faucet's account and nothing else. */
function beginOnce(
  store: ChainStore,
  prng: Prng,
  clock: Clock,
): { readonly seed: Buffer; readonly travelledS: number } {
  const known = store.meta("faucetSeed");
  const seed = known ?? Buffer.from(prng.bytes(SEED_BYTES));
  // Before the block: a chain whose faucet nobody has the key of would be of no use.
  if (known === undefined) store.setMeta("faucetSeed", seed);
  if (store.head() === undefined)
    store.addBlock(firstBlock(new Faucet(seed), Math.floor(clock.nowUnixMs() / 1000)));
  return { seed, travelledS: Number(store.meta("travelledS")?.toString() ?? 0) };
}

function firstBlock(faucet: Faucet, unixS: number): NewBlock {
  const masterRoot = beginCell().storeAddress(faucet.address).storeUint(unixS, 32).endCell().hash();
  const shardRoot = beginCell().storeBuffer(masterRoot).endCell().hash();
  return {
    head: { seqno: 0, unixS, endLt: 0n, masterRoot, shardRoot },
    startLt: 0n,
    transactions: [],
    accounts: new Map([[faucet.address.toRawString(), faucet.beginning(unixS)]]),
    outbox: [],
    settled: [],
  };
}
