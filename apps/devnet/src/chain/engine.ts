/** TON's own transaction code, compiled to WebAssembly: what a validator runs, without the validators. */

import { withMainnetPrices } from "@pingo/ton";
import { type Address, Cell, parseTuple, type TupleItem } from "@ton/core";
import { Blockchain, type IExecutor } from "@ton/sandbox";
import { DevnetError } from "../fault.ts";
import type { AccountState } from "./account-state.ts";
import { withNetworkId } from "./network-id.ts";

/** A contract that asks for more than a block's worth of gas asks too much. */
const GET_METHOD_GAS_MAX = 1_000_000n;
const LOG_LINES_TOLD = 3;

/** What a block gives to every transaction in it. */
export interface Moment {
  readonly unixS: number;
  /** The transaction begins at it, or after what its account and message have seen. */
  readonly lt: bigint;
  /** 32 bytes. */
  readonly seed: Buffer;
}

export type Outcome =
  | {
      readonly ok: true;
      readonly transaction: Cell;
      readonly transactionBoc: Buffer;
      readonly account: Buffer;
    }
  /** An external message that the contract does not take. */
  | { readonly ok: false; readonly why: string };

export interface MethodResult {
  readonly gasUsed: number;
  readonly exitCode: number;
  readonly stack: readonly TupleItem[];
}

export interface Engine {
  readonly config: Cell;
  /** @param account BoC of the ShardAccount */
  run(
    account: Buffer,
    message: Cell,
    moment: Moment,
    options?: { ignoreSignature: boolean },
  ): Promise<Outcome>;
  /** @throws {DevnetError} METHOD_FAILED */
  get(
    account: AccountState,
    address: Address,
    methodId: number,
    stack: TupleItem[],
    unixS: number,
  ): Promise<MethodResult>;
}

export async function createEngine(): Promise<Engine> {
  const { executor, config: shipped } = await Blockchain.create({ config: "slim" });
  const config = withNetworkId(withMainnetPrices(shipped));
  return createEngineOf(executor, config);
}

function createEngineOf(executor: IExecutor, config: Cell): Engine {
  const configBase64 = config.toBoc({ idx: false }).toString("base64");
  return {
    config,
    async run(account, message, { unixS, lt, seed }, options) {
      const { result } = await executor.runTransaction({
        config: configBase64,
        libs: null,
        verbosity: "short",
        shardAccount: account.toString("base64"),
        message,
        now: unixS,
        lt,
        randomSeed: seed,
        ignoreChksig: options?.ignoreSignature ?? false,
        debugEnabled: false,
      });
      if (result.success) {
        return {
          ok: true,
          transaction: Cell.fromBase64(result.transaction),
          transactionBoc: Buffer.from(result.transaction, "base64"),
          account: Buffer.from(result.shardAccount, "base64"),
        };
      }
      return { ok: false, why: whyOf(result.error, result.vmResults) };
    },
    async get(account, address, methodId, stack, unixS) {
      const { output } = await executor.runGetMethod({
        code: account.code ?? Cell.EMPTY,
        data: account.data ?? Cell.EMPTY,
        methodId,
        stack,
        config: configBase64,
        verbosity: "short",
        address,
        unixTime: unixS,
        balance: account.balance,
        randomSeed: Buffer.alloc(32),
        gasLimit: GET_METHOD_GAS_MAX,
        debugEnabled: false,
        extraCurrency: account.extraCurrencies,
      });
      if (!output.success) throw new DevnetError({ code: "METHOD_FAILED", why: output.error });
      return {
        gasUsed: Number(output.gas_used),
        exitCode: output.vm_exit_code,
        stack: parseTuple(Cell.fromBase64(output.stack)),
      };
    },
  };
}

/** In the words of a lite server, so that what reads them for the exit code finds it. */
function whyOf(
  error: string,
  vm: { readonly vmLog: string; readonly vmExitCode: number } | undefined,
): string {
  if (vm === undefined) return error;
  const log = vm.vmLog.trim().split("\n").slice(-LOG_LINES_TOLD).join("; ");
  return `External message was not accepted: inbound external message rejected by transaction: exitcode=${vm.vmExitCode}, VM Log (truncated): ${log}`;
}
