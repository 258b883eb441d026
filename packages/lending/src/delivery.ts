/**
 * Carries the outbox to the fog node: first the update's blocks, then the receipt. A result leaves the
 * outbox when the fog node's signature for it has come, or when the fog node refuses it for good.
 */
import {
  type Clock,
  cidOfValue,
  type FinishedResult,
  isFault,
  type Log,
  openSigned,
  type Prng,
  parseShape,
  RECEIPT_ACK_DOMAIN,
  RemoteError,
  zProviderAnswers,
} from "@pingo/core";
import type { Channel } from "@pingo/network";
import { type Blocks, copyDag } from "@pingo/storage";
import { backoffMs, pause } from "./backoff.ts";
import { LendingError } from "./lending-error.ts";
import type { Outbox } from "./outbox.ts";

export interface DeliveryOptions {
  readonly outbox: Outbox;
  /** The fog node's store. */
  readonly remote: Blocks;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Log;
}

const BATCH = 16;
/** Refusals that pass: the same result may be taken later. */
const PASSING_CODES: readonly string[] = [
  "INTERNAL",
  "STOPPING",
  "HELLO_EXPECTED",
  "TOO_MANY_REQUESTS",
  "DISK_FULL",
  "DISK_FAILED",
];

export class Delivery {
  readonly #options: DeliveryOptions;
  #wake = Promise.withResolvers<void>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** There is something new to carry. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Carries whatever comes until the signal is aborted. */
  async run(channel: Channel, signal: AbortSignal): Promise<void> {
    const { outbox, clock, prng, log } = this.#options;
    const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    for (let failures = 0; !signal.aborted; ) {
      this.#wake = Promise.withResolvers();
      const results = outbox.waiting(BATCH);
      let failed = 0;
      for (const result of results) {
        if (signal.aborted) return;
        try {
          await this.#deliver(result, channel, { isFirstTry: failures === 0, signal });
        } catch (error) {
          // Also what is no fault: a full disk fails in the outbox's own database, and passes.
          failed += 1;
          log.warn("result_delayed", { lease: result.receipt.body.lease, error: String(error) });
        }
      }
      failures = failed > 0 ? failures + 1 : 0;
      if (failed > 0) await pause(clock, backoffMs(failures, prng), signal);
      else if (results.length === 0) await Promise.race([this.#wake.promise, stopped]);
    }
  }

  async #deliver(
    { receipt: sent, statement }: FinishedResult,
    channel: Channel,
    { isFirstTry, signal }: { readonly isFirstTry: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { outbox, remote, log } = this.#options;
    const { lease, update } = sent.body;
    try {
      const options = { isNew: isFirstTry, signal };
      const { bytes } = await copyDag(update, outbox.updateOf(lease), remote, options);
      const answer = await channel.request({ type: "result", receipt: sent, statement }, { signal });
      const { acknowledged } = parseShape(zProviderAnswers.result, answer, "the fog node's acknowledgement");
      if (acknowledged.signer !== channel.peer) {
        const { signer } = acknowledged;
        throw new LendingError({ code: "FOG_SIGNATURE_STRANGE", signer, expected: channel.peer });
      }
      const { receipt, counted } = openSigned(RECEIPT_ACK_DOMAIN, acknowledged);
      if (receipt !== cidOfValue(sent)) {
        const why = "it acknowledges another receipt";
        throw new LendingError({ code: "FOG_ANSWER_MALFORMED", url: channel.peer, why });
      }
      log.info("result_acknowledged", { lease, counted, bytes });
    } catch (error) {
      if (!isFinal(error)) throw error;
      log.error("result_refused", { lease, error: String(error) });
    }
    await outbox.remove(lease);
  }
}

function isFinal(error: unknown): boolean {
  if (error instanceof RemoteError) return !PASSING_CODES.includes(error.code);
  // The update itself is gone or spoilt on this disk: it can never be delivered.
  return isFault(error) && (error.code === "BLOCK_NOT_FOUND" || error.code === "BLOCK_CORRUPT");
}
