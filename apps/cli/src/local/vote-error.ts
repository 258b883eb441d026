/** Why a vote, a proposal or a pause is refused: said before anything is sent, wherever the chain can be asked first. */
import { FaultError, formatPingo, type Sentences } from "@pingo/core";

export type VoteFault =
  | { readonly code: "NO_SUCH_PROPOSAL"; readonly number: number; readonly proposals: number }
  | { readonly code: "NOT_A_BUILDER"; readonly why: "none" | "invalid" | "young" }
  | { readonly code: "NOTHING_TO_VOTE_WITH" }
  | { readonly code: "VOTED_ALREADY"; readonly number: number }
  | { readonly code: "VOTE_OVER"; readonly number: number; readonly untilUnixS: number }
  | { readonly code: "VOTE_GOES_ON"; readonly number: number; readonly untilUnixS: number }
  | { readonly code: "NOT_CARRIED"; readonly number: number; readonly tally: string }
  | { readonly code: "TIMELOCKED"; readonly number: number; readonly fromUnixS: number }
  | { readonly code: "ENACTED"; readonly number: number }
  | { readonly code: "DECISION_LAPSED"; readonly number: number; readonly untilUnixS: number }
  | { readonly code: "GOVERNANCE_PAUSED"; readonly untilUnixS: number }
  | { readonly code: "NO_SUCH_PARAMETER"; readonly name: string; readonly names: string }
  | { readonly code: "NOTHING_LOCKED" }
  | { readonly code: "STILL_LOCKED"; readonly amountNano: bigint; readonly untilUnixS: number }
  | {
      readonly code: "LOCK_PINGO_MISSING";
      readonly address: string;
      readonly neededNano: bigint;
      readonly foundNano: bigint;
    }
  | { readonly code: "NOT_THE_GUARDIAN"; readonly guardian: string; readonly address: string };

const SENTENCES: Sentences<VoteFault> = {
  NO_SUCH_PROPOSAL: (f) =>
    f.proposals === 0
      ? 'nobody has proposed anything yet; "pingo vote propose" does'
      : `there is no proposal ${f.number}; they are numbered from 0 to ${f.proposals - 1} ("pingo vote list")`,
  NOT_A_BUILDER: (f) => BUILDER_SENTENCES[f.why],
  NOTHING_TO_VOTE_WITH: () =>
    'your wallet has no valid certificate and no PINGO in its lock; lock some with --lock, or earn a certificate ("pingo node join")',
  VOTED_ALREADY: (f) => `your wallet has voted on proposal ${f.number} already, and a vote is cast once`,
  VOTE_OVER: (f) => `the vote on proposal ${f.number} ended on ${moment(f.untilUnixS)}`,
  VOTE_GOES_ON: (f) => `the vote on proposal ${f.number} goes on until ${moment(f.untilUnixS)}; wait for it`,
  NOT_CARRIED: (f) =>
    `proposal ${f.number} was not carried (${f.tally}); each chamber needs more for than against, and enough votes: propose it anew`,
  TIMELOCKED: (f) =>
    `proposal ${f.number} is carried and takes effect from ${moment(f.fromUnixS)}, by the chain's clock; ask again then`,
  ENACTED: (f) => `proposal ${f.number} is carried out already; there is nothing left to do`,
  DECISION_LAPSED: (f) =>
    `proposal ${f.number} could be carried out until ${moment(f.untilUnixS)}; propose it anew`,
  GOVERNANCE_PAUSED: (f) =>
    `the guardian holds decisions up until ${moment(f.untilUnixS)}; they can be carried out after it`,
  NO_SUCH_PARAMETER: (f) => `a vote sets no "${f.name}"; it sets ${f.names}`,
  NOTHING_LOCKED: () =>
    'your lock holds no PINGO; "pingo vote yes NUMBER --lock AMOUNT" locks some and votes',
  STILL_LOCKED: (f) =>
    `${formatPingo(f.amountNano)} voted and stays locked until ${moment(f.untilUnixS)}, by the chain's clock; unlock it then`,
  LOCK_PINGO_MISSING: (f) =>
    `${formatPingo(f.neededNano)} was to be locked, and ${f.address} has ${formatPingo(f.foundNano)}; lock less, or send it more`,
  NOT_THE_GUARDIAN: (f) =>
    `the guardian is ${f.guardian}, and this wallet is ${f.address}; only the guardian holds anything up`,
};

const BUILDER_SENTENCES = {
  none: 'your wallet has no certificate; lend a computer ("pingo node join") and its first accepted work earns one',
  invalid: "your wallet's certificate is revoked or has lapsed; lend again, and it is renewed",
  young: "your wallet's certificate was issued after this vote began; it counts from the next one on",
} as const;

export class VoteError extends FaultError<VoteFault> {
  override readonly name = "VoteError";
  constructor(fault: VoteFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

/** By the clock of whoever reads it. */
export function moment(unixS: number): string {
  return new Date(unixS * 1000).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" });
}
