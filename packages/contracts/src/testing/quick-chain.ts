/**
 * TON in this process for a great many short histories: the same machine and prices as {@link TestChain}, without what a
 * sandbox keeps for its users.
 *
 * An account is the string that the machine gave back. So putting a chain back to where it stood costs a copy of a map, and
 * only what somebody looks at is parsed. What the machine says depends on nothing but what it is given, so it is asked once
 * for the same account, message and second: histories that begin and end alike share much. A message that can only pay an
 * address where nothing stands is booked without the machine: there would be nothing to run.
 */
import { assert } from "@pingo/core";
import {
  type Address,
  beginCell,
  type Cell,
  type Contract,
  type ContractProvider,
  getMethodId,
  loadShardAccount,
  loadTransaction,
  type Message,
  type OpenedContract,
  openContract,
  parseTuple,
  type ShardAccount,
  type StateInit,
  serializeTuple,
  storeMessage,
  storeShardAccount,
  type Transaction,
  type TupleItem,
  TupleReader,
} from "@ton/core";
import { createEmptyShardAccount, Executor, type IExecutor } from "@ton/sandbox";
import { CellPool } from "./cell-pool.ts";
import { type Chain, messageOf, type Sent, type Step, stepOf, TestChain } from "./chain.ts";

const RANDOM_SEED = Buffer.alloc(32);
const GET_METHOD_GAS_MAX = 10_000_000n;
/** Beyond it what was asked is forgotten: some hundred megabytes. */
const ANSWERS_MAX = 20_000;
/** The machine takes the later of this, the account's and the message's. */
const LT_MIN = 0n;

interface Account {
  /** BoC of the ShardAccount, base64. */
  readonly boc: string;
  parsed: ShardAccount | null;
}

interface Standing {
  readonly accountByAddress: ReadonlyMap<string, Account>;
  readonly paidByAddress: ReadonlyMap<string, bigint>;
  readonly nowUnixS: number;
}

interface Outcome {
  readonly account: Account;
  readonly transaction: Transaction;
}

export class QuickChain implements Chain {
  readonly #executor: IExecutor;
  readonly #config: string;
  readonly #pool = new CellPool();
  #accountByAddress: Map<string, Account>;
  /** GRAM at addresses where nothing stands. */
  #paidByAddress = new Map<string, bigint>();
  #nowUnixS: number;
  readonly #outcomes = new Map<string, Outcome>();
  readonly #answers = new Map<string, string>();

  private constructor(executor: IExecutor, config: string, nowUnixS: number) {
    this.#executor = executor;
    this.#config = config;
    this.#accountByAddress = new Map();
    this.#nowUnixS = nowUnixS;
  }

  static async start(): Promise<QuickChain> {
    const { blockchain, nowUnixS } = await TestChain.start();
    return new QuickChain(await Executor.create(), blockchain.configBase64, nowUnixS);
  }

  get nowUnixS(): number {
    return this.#nowUnixS;
  }

  advance(seconds: number): void {
    this.#nowUnixS += seconds;
  }

  /** @returns what puts the chain back to where it stands now */
  keep(): () => void {
    const standing: Standing = {
      accountByAddress: new Map(this.#accountByAddress),
      paidByAddress: new Map(this.#paidByAddress),
      nowUnixS: this.#nowUnixS,
    };
    return () => {
      this.#accountByAddress = new Map(standing.accountByAddress);
      this.#paidByAddress = new Map(standing.paidByAddress);
      this.#nowUnixS = standing.nowUnixS;
    };
  }

  async send(sent: Sent): Promise<readonly Step[]> {
    const steps: Step[] = [];
    const waiting = [messageOf(sent)];
    for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
      const transaction = await this.deliver(message);
      if (!transaction) continue;
      for (const out of transaction.outMessages.values()) if (out.info.type === "internal") waiting.push(out);
      steps.push(stepOf(transaction));
    }
    return steps;
  }

  /** @returns null where the message could only pay an address at which nothing stands */
  async deliver(message: Message): Promise<Transaction | null> {
    assert(message.info.type === "internal", "only contracts send here");
    const { dest, value, bounce } = message.info;
    const key = keyOf(dest);
    const account = this.#accountByAddress.get(key);
    if (!account && !message.init && !bounce) {
      this.#paidByAddress.set(key, (this.#paidByAddress.get(key) ?? 0n) + value.coins);
      return null;
    }
    const outcome = await this.#run(account?.boc ?? this.#emptyAt(dest, key), message);
    this.#accountByAddress.set(key, outcome.account);
    return outcome.transaction;
  }

  async balanceNanogram(address: Address): Promise<bigint> {
    const key = keyOf(address);
    return this.#stateAt(key)?.account?.storage.balance.coins ?? this.#paidByAddress.get(key) ?? 0n;
  }

  async dataOf(address: Address): Promise<Cell | null> {
    return this.#activeAt(keyOf(address))?.data ?? null;
  }

  open<C extends Contract>(contract: C): OpenedContract<C> {
    // SAFETY: a contract opened with this provider has every get method that the wrapper has, without its provider.
    return openContract(contract, ({ address }) => this.#providerAt(address)) as unknown as OpenedContract<C>;
  }

  async #run(shardAccount: string, sent: Message): Promise<Outcome> {
    const message = beginCell().store(storeMessage(sent)).endCell();
    const key = `${this.#nowUnixS},${message.hash().toString("latin1")},${shardAccount}`;
    const known = this.#outcomes.get(key);
    if (known) return known;
    const { result } = await this.#executor.runTransaction({
      config: this.#config,
      libs: null,
      verbosity: "short",
      shardAccount,
      message,
      now: this.#nowUnixS,
      lt: LT_MIN,
      randomSeed: RANDOM_SEED,
      ignoreChksig: false,
      debugEnabled: false,
    });
    if (!result.success) throw new Error(`the machine refuses the message: ${result.error}`);
    const transaction = loadTransaction(this.#pool.read(result.transaction).beginParse());
    const outcome = { account: { boc: result.shardAccount, parsed: null }, transaction };
    if (this.#outcomes.size > ANSWERS_MAX) this.#outcomes.clear();
    this.#outcomes.set(key, outcome);
    return outcome;
  }

  // Wrappers of ours ask for the state and for get methods, nothing else.
  #providerAt(address: Address): ContractProvider {
    const asked: Pick<ContractProvider, "getState" | "get"> = {
      getState: async () => {
        const active = this.#activeAt(keyOf(address));
        const state = active
          ? ({ type: "active", code: null, data: null } as const)
          : ({ type: "uninit" } as const);
        return { balance: await this.balanceNanogram(address), extracurrency: null, last: null, state };
      },
      get: async (name, stack) => {
        const active = this.#activeAt(keyOf(address));
        if (!active?.code || !active.data) throw new Error(`nothing stands at ${address} to be asked`);
        const told = await this.#ask(address, active.code, active.data, name, stack);
        return { stack: new TupleReader(parseTuple(this.#pool.read(told))) };
      },
    };
    // SAFETY: see above; a wrapper that asked for more would fail with a TypeError, not quietly.
    return asked as ContractProvider;
  }

  /** @returns the answer's stack, as base64; get methods of ours read neither balance nor chance */
  async #ask(
    address: Address,
    code: Cell,
    data: Cell,
    name: string | number,
    stack: TupleItem[],
  ): Promise<string> {
    const asked = serializeTuple(stack).hash().toString("latin1");
    const key = [code.hash(), data.hash(), address.hash]
      .map((hash) => hash.toString("latin1"))
      .concat(asked, String(name), String(this.#nowUnixS))
      .join();
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const { output } = await this.#executor.runGetMethod({
      code,
      data,
      methodId: typeof name === "number" ? name : getMethodId(name),
      stack,
      config: this.#config,
      verbosity: "short",
      address,
      unixTime: this.#nowUnixS,
      balance: await this.balanceNanogram(address),
      randomSeed: RANDOM_SEED,
      gasLimit: GET_METHOD_GAS_MAX,
      debugEnabled: false,
    });
    if (!output.success || output.vm_exit_code > 1)
      throw new Error(`${name} of ${address} fails: ${JSON.stringify(output)}`);
    if (this.#answers.size > ANSWERS_MAX) this.#answers.clear();
    this.#answers.set(key, output.stack);
    return output.stack;
  }

  #activeAt(key: string): StateInit | null {
    const state = this.#stateAt(key)?.account?.storage.state;
    return state?.type === "active" ? state.state : null;
  }

  #stateAt(key: string): ShardAccount | null {
    const account = this.#accountByAddress.get(key);
    if (!account) return null;
    account.parsed ??= loadShardAccount(this.#pool.read(account.boc).beginParse());
    return account.parsed;
  }

  #emptyAt(address: Address, key: string): string {
    const empty = createEmptyShardAccount(address);
    const { account } = empty;
    assert(account !== undefined && account !== null, "an empty account is an account");
    account.storage.balance.coins = this.#paidByAddress.get(key) ?? 0n;
    this.#paidByAddress.delete(key);
    return beginCell().store(storeShardAccount(empty)).endCell().toBoc().toString("base64");
  }
}

function keyOf(address: Address): string {
  return address.hash.toString("latin1");
}
