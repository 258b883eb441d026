/** Why a verdict or a penalty is refused: said before anything is sent, wherever it can be known by then. */
import { FaultError, type Sentences } from "@pingo/core";
import { moment } from "./vote-error.ts";

export type SlashFault =
  | { readonly code: "NOT_A_RESULT"; readonly cid: string }
  | { readonly code: "NO_STATEMENT"; readonly cid: string }
  | { readonly code: "NOT_CONTRADICTED"; readonly deviation: number; readonly tolerance: number }
  | { readonly code: "NOT_REEXECUTED"; readonly why: string }
  | { readonly code: "TOO_LONG_TO_JUDGE"; readonly steps: number }
  | { readonly code: "NO_EQUIVOCATION"; readonly why: string }
  | { readonly code: "STATEMENT_ELSEWHERE"; readonly found: string; readonly own: string }
  | { readonly code: "NO_STAKE"; readonly provider: string }
  | { readonly code: "KEY_BARRED"; readonly provider: string }
  | { readonly code: "VERDICT_TOO_MUCH"; readonly asked: number; readonly max: number }
  | { readonly code: "VERDICTS_PAUSED"; readonly untilUnixS: number }
  | { readonly code: "NOT_IN_QUORUM"; readonly node: string }
  | { readonly code: "ORDER_FILE_NEEDED"; readonly threshold: number }
  | { readonly code: "ORDER_OF_ANOTHER"; readonly path: string; readonly what: string }
  | { readonly code: "ORDER_STALE"; readonly path: string; readonly why: string };

const SENTENCES: Sentences<SlashFault> = {
  NOT_A_RESULT: (f) =>
    `${f.cid} is no statement, receipt or verdict; name one from a job's provenance.json or from "pingo fog cases"`,
  NO_STATEMENT: (f) =>
    `${f.cid} is a receipt alone, and a stake answers for statements only; name the statement beside it`,
  NOT_CONTRADICTED: (f) =>
    `the work comes out here as it was handed in (${f.deviation} apart, ${f.tolerance} is allowed); nobody is convicted for that`,
  NOT_REEXECUTED: (f) => `the work could not be done again here: ${f.why}; that proves nothing`,
  TOO_LONG_TO_JUDGE: (f) =>
    `over ${f.steps} steps rounding may carry honest work further apart than any tolerance; nothing is said of it`,
  NO_EQUIVOCATION: (f) => `the two statements do not contradict each other: ${f.why}; nothing was sent`,
  STATEMENT_ELSEWHERE: (f) =>
    `the statement is about a stake in the registry ${f.found}, and this home's address book names ${f.own}; check PINGO_FOG_ADDRESS_BOOK`,
  NO_STAKE: (f) => `${f.provider} is not registered on chain: there is no stake to lose`,
  KEY_BARRED: (f) => `the key of ${f.provider} is barred already, and nothing is left behind it`,
  VERDICT_TOO_MUCH: (f) =>
    `a verdict takes at most ${f.max} millionths of a stake, and ${f.asked} were asked for; ask for less`,
  VERDICTS_PAUSED: (f) =>
    `the guardian holds verdicts up until ${moment(f.untilUnixS)} by the chain's clock; send it then`,
  NOT_IN_QUORUM: (f) => `${f.node}, this home's fog node, is not in the quorum; sign with one that is`,
  ORDER_FILE_NEEDED: (f) =>
    `the quorum asks for ${f.threshold} signatures; name a file with --order, and hand it round: each member runs the same command on it`,
  ORDER_OF_ANOTHER: (f) =>
    `${f.path} is an order about another ${f.what}; name its own statement, or another file`,
  ORDER_STALE: (f) =>
    `the order in ${f.path} can no longer be sent: ${f.why}; remove the file and begin anew`,
};

export class SlashError extends FaultError<SlashFault> {
  override readonly name = "SlashError";
  constructor(fault: SlashFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
