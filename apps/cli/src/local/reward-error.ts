/** Why a claim, a root or a challenge is refused: said before anything is sent, wherever the chain can be asked first. */
import { FaultError, formatPingo, type Pool, type Sentences } from "@pingo/core";
import { moment } from "./vote-error.ts";

export type RewardFault =
  | {
      readonly code: "NOTHING_TO_CLAIM";
      readonly owner: string;
      readonly waitingNano: bigint;
      readonly runningNano: bigint;
      readonly fromUnixS: number;
    }
  | { readonly code: "PROOF_STALE"; readonly pool: Pool }
  | { readonly code: "CLAIMS_PAUSED"; readonly untilUnixS: number }
  | { readonly code: "NO_EPOCH"; readonly epoch: number | null }
  | { readonly code: "NO_ROOT_WAITS"; readonly pool: Pool }
  | { readonly code: "ROOT_CHALLENGED"; readonly pool: Pool }
  | { readonly code: "ROOT_IS_RIGHT"; readonly pool: Pool; readonly epoch: number }
  | { readonly code: "EPOCH_IS_WRONG"; readonly epoch: number; readonly why: string }
  | { readonly code: "ROOT_POSTED"; readonly pool: Pool; readonly epoch: number }
  | {
      readonly code: "SIGNATURES_MISSING";
      readonly found: number;
      readonly threshold: number;
      readonly sign: string;
    };

const SENTENCES: Sentences<RewardFault> = {
  NOTHING_TO_CLAIM: (f) => {
    const when = moment(f.fromUnixS);
    if (f.waitingNano > 0n)
      return `nothing can be claimed for ${f.owner} now: ${formatPingo(f.waitingNano)} wait for a root to come into force, at the earliest on ${when}`;
    return f.runningNano > 0n
      ? `nothing can be claimed for ${f.owner} yet: the epoch that runs would give ${formatPingo(f.runningNano)} by now, and ends on ${when}`
      : `nothing was given to ${f.owner} that is not paid; work that is paid for on chain earns rewards ("pingo node join")`;
  },
  PROOF_STALE: (f) =>
    `the fog node's proof is under another root of ${f.pool} than the chain has in force; ask again in a moment, or another fog node (--fog)`,
  CLAIMS_PAUSED: (f) => `the guardian holds claims up until ${moment(f.untilUnixS)}; claim after it`,
  NO_EPOCH: (f) =>
    f.epoch === null
      ? "this fog node has closed no epoch yet; one closes when it is over and jobs were paid in it"
      : `this fog node has not closed epoch ${f.epoch}; "pingo fog epoch show" lists those it has`,
  NO_ROOT_WAITS: (f) => `no root of ${f.pool} waits; only one that waits in its window can be challenged`,
  ROOT_CHALLENGED: (f) =>
    `the root of ${f.pool} is challenged already; governance decides ("pingo vote list")`,
  ROOT_IS_RIGHT: (f) =>
    `the root of ${f.pool} of epoch ${f.epoch} is what its receipts come to; a challenge would lose its bond`,
  EPOCH_IS_WRONG: (f) => `epoch ${f.epoch} is not what its receipts come to, so it is not signed: ${f.why}`,
  ROOT_POSTED: (f) => `the root of ${f.pool} of epoch ${f.epoch} is on chain already, or a later one is`,
  SIGNATURES_MISSING: (f) =>
    `${f.found} of the ${f.threshold} signatures that the quorum asks for are here; other members make theirs with "${f.sign}", and each is given with --signature`,
};

export class RewardError extends FaultError<RewardFault> {
  override readonly name = "RewardError";
  constructor(fault: RewardFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
