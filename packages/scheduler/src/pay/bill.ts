/**
 * Whether a bill follows from its receipts: they are those that it stands for, each proves work that was ordered, and what the order pays for all of them is
 * what was billed.
 *
 * Pure: who pays, who is paid, and whoever decides between them come to the same.
 */
import { type Cid, type CountedReceipt, encodeCanonical, equalBytes, sha256 } from "@pingo/core";
import type { Works } from "./open-works.ts";

/** As it stands on chain. */
export interface Bill {
  readonly amountNano: bigint;
  /** 32 bytes; `evidenceOfReceipts` of what it stands for. */
  readonly evidence: Uint8Array;
}

/** `owedNano`: what the receipts that prove something come to. */
export type Objection = { readonly owedNano: bigint } & (
  | {
      readonly code: "RECEIPTS_UNPROVEN";
      readonly unproven: number;
      readonly receipts: number;
      /** The first of them. */
      readonly receipt: Cid;
      readonly why: string;
    }
  | { readonly code: "OTHER_RECEIPTS" }
  | { readonly code: "AMOUNT_DIFFERS" }
);

/** SHA-256 of the canonical list of their ids, in the order in which they are billed: 32 bytes. */
export function evidenceOfReceipts(receipts: readonly Cid[]): Uint8Array {
  return sha256(encodeCanonical(receipts));
}

/**
 * undefined: it follows.
 *
 * @param receipts  as whoever billed shows them
 * @param opened  what came of opening them
 */
export function objectionTo(
  { amountNano, evidence }: Bill,
  receipts: readonly CountedReceipt[],
  { works, unproven }: Pick<Works, "works" | "unproven">,
): Objection | undefined {
  const owedNano = works.reduce((sum, { pay }) => sum + pay.totalNano, 0n);
  const [first] = unproven;
  if (first !== undefined) {
    const counts = { unproven: unproven.length, receipts: receipts.length };
    return { code: "RECEIPTS_UNPROVEN", owedNano, ...counts, ...first };
  }
  if (!equalBytes(evidence, evidenceOfReceipts(receipts.map(({ receipt }) => receipt))))
    return { code: "OTHER_RECEIPTS", owedNano };
  return amountNano === owedNano ? undefined : { code: "AMOUNT_DIFFERS", owedNano };
}

type Sentences = { readonly [C in Objection["code"]]: (o: Extract<Objection, { code: C }>) => string };

const SENTENCES: Sentences = {
  RECEIPTS_UNPROVEN: ({ unproven, receipts, receipt, why }) =>
    `${unproven} of its ${receipts} receipts ${unproven === 1 ? "proves" : "prove"} nothing (${receipt}: ${why})`,
  OTHER_RECEIPTS: () => "on chain it stands for other receipts than the fog node shows",
  AMOUNT_DIFFERS: () => "each of its receipts is right, and they come to another sum",
};

/** The part of a sentence that says why. */
export function sentenceOfObjection(objection: Objection): string {
  // SAFETY: the table has a row for every code, and the row of a code takes the objection of that code.
  const sentence = SENTENCES[objection.code] as (objection: Objection) => string;
  return sentence(objection);
}
