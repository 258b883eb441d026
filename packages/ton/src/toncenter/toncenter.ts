/**
 * A client of toncenter's API v2: what contracts say, and messages to them.
 *
 * Ours, because the public client brings an HTTP library, no limits and no cancellation; it is compared with it in the devnet's tests.
 * SOURCE: https://toncenter.com/api/v2/
 */
import { type Clock, type Fetch, isFault, parseShape } from "@pingo/core";
import {
  type Address,
  type Cell,
  type Contract,
  type ContractProvider,
  type ContractState,
  type OpenedContract,
  openContract,
  type TupleItem,
  TupleReader,
} from "@ton/core";
import { z } from "zod";
import { parseBoc } from "../boc.ts";
import { encodeStack, parseStack, zStack } from "./stack.ts";
import { ToncenterError } from "./toncenter-error.ts";
import { type TransactionView, transactionOf, zTransaction } from "./transaction.ts";

export interface ToncenterOptions {
  /** Ends in /api/v2/jsonRPC. */
  readonly endpoint: string;
  readonly apiKey?: string | undefined;
  readonly fetch: Fetch;
  /** Given one, a toncenter that says "too many requests" is waited for: without a key it answers once a second. */
  readonly clock?: Clock;
  readonly timeoutMs?: number;
}

export interface AccountView {
  readonly balanceNanogram: bigint;
  readonly isActive: boolean;
}

/** Which one, for the chain. */
type TransactionName = Pick<TransactionView, "lt" | "hash">;

/** @throws {ToncenterError} */
export interface Toncenter {
  /** Scheme, name and port of the endpoint: the rest of it may be a secret. */
  readonly host: string;
  account(address: Address, signal?: AbortSignal): Promise<AccountView>;
  /** What a contract keeps, for what none of its get methods tells; null where none stands. @throws {BocError} */
  storage(address: Address, signal?: AbortSignal): Promise<Cell | null>;
  /** The time of the newest block: a devnet's may be ahead of here. */
  nowUnixS(signal?: AbortSignal): Promise<number>;
  /** What the newest block says of itself: -239 mainnet, -3 testnet and the devnet. */
  networkId(signal?: AbortSignal): Promise<number>;
  /**
   * Newest first: those after `afterLt`, and from `before` on, which is the first of them then. Fewer than `limit` only where there are no more: what is too
   * large for one answer is asked for in several. @throws {BocError}
   */
  transactions(
    address: Address,
    page: {
      readonly limit: number;
      readonly before?: TransactionName | undefined;
      readonly afterLt: bigint;
    },
    signal?: AbortSignal,
  ): Promise<readonly TransactionView[]>;
  /** An external message: taken, not yet executed. */
  send(boc: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Reads only: what a contract sends goes through a wallet. */
  open<C extends Contract>(contract: C): OpenedContract<C>;
}

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 2 ** 20;
/**
 * Of the one transaction that is wanted, and the one before it, which begins its page: whoever sends the largest messages there are keeps nothing from
 * being read. A message has at most 256 KiB; its transaction carries it up to three times, and toncenter tells that twice in base64.
 */
const FEW_BYTES_MAX = 16 * 2 ** 20;
const BUSY = 429;
const BUSY_WAIT_MS = 1_100;
const BUSY_WAITS_MAX = 30;
const KEY_REFUSED: readonly number[] = [401, 403];
const WHY_CHARS_MAX = 200;
const URLS = /\w+:\/\/\S+/g;

const zAnswer = z.union([
  z.object({ ok: z.literal(true), result: z.unknown() }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);
const zNumeric = z.union([z.string().regex(/^-?\d{1,40}$/), z.int()]).transform(BigInt);
const zAccount = z.object({
  balance: zNumeric,
  state: z.enum(["active", "uninitialized", "frozen"]),
  data: z.string().optional(),
});
const zGot = z.object({ stack: zStack, exit_code: z.int() });
const zLast = z.object({ last: z.object({ workchain: z.int(), shard: z.string().max(32), seqno: z.int() }) });
const zTransactions = z.array(zTransaction);
const zHeader = z.object({ gen_utime: z.int().nonnegative(), global_id: z.int() });

export function createToncenter(options: ToncenterOptions): Toncenter {
  const { apiKey, timeoutMs = TIMEOUT_MS } = options;
  const endpoint = hostOf(options.endpoint);
  const ask = async <T>(
    method: string,
    params: Readonly<Record<string, unknown>>,
    schema: z.ZodType<T>,
    signal: AbortSignal | undefined,
    bytesMax = ANSWER_BYTES_MAX,
  ): Promise<T> => {
    const { clock } = options;
    for (let waits = 0; ; waits++) {
      const { status, text } = await post(method, params, { signal, bytesMax });
      if (KEY_REFUSED.includes(status))
        throw new ToncenterError({ code: "CHAIN_KEY_REFUSED", endpoint, hasKey: apiKey !== undefined });
      if (status === BUSY && clock !== undefined && waits < BUSY_WAITS_MAX) {
        await clock.sleep(BUSY_WAIT_MS, signal ? { signal } : {});
        continue;
      }
      const parsed = zAnswer.safeParse(jsonOrNull(text));
      if (!parsed.success) throw invalid(endpoint, `its answer has HTTP status ${status} and no result`);
      if (!parsed.data.ok)
        throw new ToncenterError({
          code: "CHAIN_REFUSED",
          method,
          why: parsed.data.error.slice(0, WHY_CHARS_MAX),
        });
      return parseShape(schema, parsed.data.result, `the chain's answer to ${method}`);
    }
  };
  const post = async (
    method: string,
    params: Readonly<Record<string, unknown>>,
    { signal, bytesMax }: { readonly signal: AbortSignal | undefined; readonly bytesMax: number },
  ): Promise<{ readonly status: number; readonly text: string }> => {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await options.fetch(options.endpoint, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(apiKey === undefined ? {} : { "x-api-key": apiKey }),
        },
        body: new TextEncoder().encode(JSON.stringify({ id: "1", jsonrpc: "2.0", method, params })),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      return { status: answer.status, text: await readText(answer.body, endpoint, bytesMax) };
    } catch (cause) {
      signal?.throwIfAborted();
      if (isFault(cause)) throw cause;
      // An error of the platform's may quote the whole address.
      const why = timeout.aborted ? "it took too long" : reasonOf(cause).replaceAll(URLS, endpoint);
      throw new ToncenterError({ code: "CHAIN_UNREACHABLE", endpoint, why }, { cause });
    }
  };
  const newest = async (signal: AbortSignal | undefined): Promise<z.infer<typeof zHeader>> => {
    const { last } = await ask("getMasterchainInfo", {}, zLast, signal);
    return ask("getBlockHeader", last, zHeader, signal);
  };
  const information = (address: Address, signal: AbortSignal | undefined) =>
    ask("getAddressInformation", { address: address.toString() }, zAccount, signal);
  const transactionsPage = async (
    address: Address,
    page: {
      readonly size: number;
      readonly from: TransactionName | undefined;
      readonly afterLt: bigint;
      readonly isLeast: boolean;
    },
    signal: AbortSignal | undefined,
  ): Promise<readonly TransactionView[]> => {
    const { size, from, afterLt, isLeast } = page;
    const params = {
      ...{ address: address.toString(), limit: size, to_lt: afterLt.toString() },
      ...(from && { lt: from.lt.toString(), hash: from.hash }),
    };
    const bytesMax = isLeast ? FEW_BYTES_MAX : ANSWER_BYTES_MAX;
    const answer = await ask("getTransactions", params, zTransactions, signal, bytesMax);
    return answer.map(transactionOf);
  };
  const client: Toncenter = {
    host: endpoint,
    async account(address, signal) {
      const { balance, state } = await information(address, signal);
      return { balanceNanogram: balance < 0n ? 0n : balance, isActive: state === "active" };
    },
    async storage(address, signal) {
      const { state, data } = await information(address, signal);
      return state === "active" && data ? parseBoc(Buffer.from(data, "base64")) : null;
    },
    nowUnixS: async (signal) => (await newest(signal)).gen_utime,
    networkId: async (signal) => (await newest(signal)).global_id,
    async transactions(address, { limit, before, afterLt }, signal) {
      const found: TransactionView[] = [];
      let from = before;
      let pageMax = limit;
      while (found.length < limit) {
        // After the first, a page begins with what is there already.
        const known = found.length > 0 ? 1 : 0;
        const size = Math.min(pageMax, limit - found.length + known);
        const least = from === undefined ? 1 : 2;
        try {
          const page = await transactionsPage(
            address,
            { size, from, afterLt, isLeast: size <= least },
            signal,
          );
          found.push(...page.slice(known));
          from = page.at(-1);
          if (page.length < size || from === undefined) break;
        } catch (error) {
          if (!isTooLarge(error) || size <= least) throw error;
          pageMax = Math.max(least, Math.floor(size / 2));
        }
      }
      return found;
    },
    async send(boc, signal) {
      await ask("sendBoc", { boc: Buffer.from(boc).toString("base64") }, z.unknown(), signal);
    },
    open: (contract) => openContract(contract, ({ address }) => readerOf(address)),
  };
  const readerOf = (address: Address): ContractProvider => ({
    async getState(): Promise<ContractState> {
      const { balanceNanogram, isActive } = await client.account(address);
      // Our readers ask whether it stands, and get methods for all else.
      const state = isActive ? ({ type: "active" } as const) : ({ type: "uninit" } as const);
      return { balance: balanceNanogram, extracurrency: null, last: null, state: withoutCode(state) };
    },
    async get(name, args: TupleItem[]) {
      if (typeof name !== "string") throw new TypeError("get methods are called by name here");
      const params = { address: address.toString(), method: name, stack: encodeStack(args) };
      const { stack, exit_code: exitCode } = await ask("runGetMethod", params, zGot, undefined);
      if (exitCode !== 0 && exitCode !== 1)
        throw new ToncenterError({ code: "GET_METHOD_FAILED", method: name, exitCode });
      return { stack: new TupleReader(parseStack(stack)) };
    },
    open: (contract) => client.open(contract),
    external: () => Promise.reject(new TypeError("messages go through a wallet")),
    internal: () => Promise.reject(new TypeError("messages go through a wallet")),
    getTransactions: () => Promise.reject(new TypeError("transactions are not read here")),
  });
  return client;
}

/** Faults reach strangers, and people's screens. */
function hostOf(endpoint: string): string {
  const url = URL.parse(endpoint);
  return url === null ? "an address that is none" : `${url.protocol}//${url.host}`;
}

function withoutCode(state: { readonly type: "active" | "uninit" }): ContractState["state"] {
  return state.type === "active" ? { type: "active", code: null, data: null } : { type: "uninit" };
}

async function readText(
  body: AsyncIterable<Uint8Array> | null,
  endpoint: string,
  bytesMax: number,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new ToncenterError({ code: "CHAIN_ANSWER_TOO_LARGE", endpoint, bytesMax });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function isTooLarge(error: unknown): boolean {
  return error instanceof ToncenterError && error.code === "CHAIN_ANSWER_TOO_LARGE";
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // no answer of a toncenter: refused by its shape
  }
}

function invalid(endpoint: string, why: string): ToncenterError {
  return new ToncenterError({ code: "CHAIN_ANSWER_INVALID", endpoint, why });
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  return "code" in inner ? String(inner.code) : inner.message;
}
