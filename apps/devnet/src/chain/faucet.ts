/**
 * The faucet: a W5 wallet that held all GRAM at the beginning, and sends of it in each block to whoever was asked for.
 *
 * What it sends are transactions like any other; nothing here makes coins.
 */
import { keyPairOfSeed, signBytes } from "@pingo/core";
import {
  type Address,
  beginCell,
  type Cell,
  external,
  internal,
  SendMode,
  storeMessage,
  storeShardAccount,
  storeStateInit,
} from "@ton/core";
import { WalletContractV5R1 } from "@ton/ton";
import { DevnetError } from "../fault.ts";
import { parseAccount } from "./account-state.ts";
import { NETWORK_ID } from "./network-id.ts";

/** Five thousand million GRAM, as many as there are. */
const BEGINNING_NANO = 5_000_000_000n * 1_000_000_000n;
/** Of a W5 wallet's one message. */
const GRANTS_PER_BLOCK = 200;
const GRANTS_WAITING_MAX = 10_000;
const VALID_S = 60;

interface Grant {
  readonly to: Address;
  readonly nano: bigint;
  readonly granted: PromiseWithResolvers<GrantReceipt>;
}

export interface GrantReceipt {
  readonly seqno: number;
  /** Of the faucet's transaction. */
  readonly transactionHash: Buffer;
}

/** What of one block was granted; told to those who asked once it is durable. */
export interface GrantBatch {
  readonly message: Cell;
  settle(receipt: GrantReceipt | undefined): void;
  /** The block was full before its turn came: the next one has it. */
  putBack(): void;
}

export class Faucet {
  readonly address: Address;
  readonly #wallet: WalletContractV5R1;
  readonly #key: ReturnType<typeof keyPairOfSeed>;
  #waiting: Grant[] = [];

  constructor(seed: Uint8Array) {
    this.#key = keyPairOfSeed(seed);
    this.#wallet = WalletContractV5R1.create({
      publicKey: Buffer.from(this.#key.publicKey),
      walletId: { networkGlobalId: NETWORK_ID },
    });
    this.address = this.#wallet.address;
  }

  /** BoC of its account as the chain begins. */
  beginning(unixS: number): Buffer {
    const { init, address } = this.#wallet;
    const used = sizeOf(beginCell().store(storeStateInit(init)).endCell());
    return beginCell()
      .store(
        storeShardAccount({
          lastTransactionHash: 0n,
          lastTransactionLt: 0n,
          account: {
            addr: address,
            storageStats: { used, lastPaid: unixS, duePayment: null, storageExtra: null },
            storage: {
              lastTransLt: 0n,
              balance: { coins: BEGINNING_NANO },
              state: { type: "active", state: { code: init.code, data: init.data } },
            },
          },
        }),
      )
      .endCell()
      .toBoc();
  }

  /** Resolves when the grant is in a block that is durable. @throws {DevnetError} FAUCET_BUSY, FAUCET_EMPTY */
  grant(to: Address, nano: bigint): Promise<GrantReceipt> {
    if (this.#waiting.length >= GRANTS_WAITING_MAX)
      return Promise.reject(new DevnetError({ code: "FAUCET_BUSY", max: GRANTS_WAITING_MAX }));
    const granted = Promise.withResolvers<GrantReceipt>();
    this.#waiting.push({ to, nano, granted });
    return granted.promise;
  }

  /** The message that pays those who wait; undefined when nobody does. */
  async nextBatch(account: Buffer | undefined, unixS: number): Promise<GrantBatch | undefined> {
    const grants = this.#waiting.splice(0, GRANTS_PER_BLOCK);
    if (grants.length === 0) return undefined;
    const data = parseAccount(account).data?.beginParse();
    const seqno = data?.skip(1).loadUint(32) ?? 0;
    const body = await this.#wallet.createTransfer({
      seqno,
      signer: async (cell) => Buffer.from(signBytes(this.#key, cell.hash())),
      timeout: unixS + VALID_S,
      sendMode: SendMode.PAY_GAS_SEPARATELY,
      messages: grants.map(({ to, nano }) => internal({ to, value: nano, bounce: false })),
    });
    const message = beginCell()
      .store(storeMessage(external({ to: this.address, body })))
      .endCell();
    return {
      message,
      settle(receipt) {
        for (const { granted } of grants) {
          if (receipt) granted.resolve(receipt);
          else granted.reject(new DevnetError({ code: "FAUCET_EMPTY" }));
        }
      },
      putBack: () => this.#waiting.unshift(...grants),
    };
  }

  /** Nobody is left waiting for a block that will not come. */
  stop(): void {
    for (const { granted } of this.#waiting.splice(0)) granted.reject(new DevnetError({ code: "STOPPING" }));
  }
}

function sizeOf(root: Cell): { readonly cells: bigint; readonly bits: bigint } {
  const seen = new Map<string, Cell>([[root.hash().toString("hex"), root]]);
  for (const cell of seen.values())
    for (const child of cell.refs) seen.set(child.hash().toString("hex"), child);
  let bits = 0;
  for (const cell of seen.values()) bits += cell.bits.length;
  return { cells: BigInt(seen.size), bits: BigInt(bits) };
}
