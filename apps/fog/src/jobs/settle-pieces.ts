/**
 * What counts as the result of each piece: the one that came, where one was asked for; where two were, what both came to. Where
 * they differ, or only one came, this station does the piece again: the result that comes to the same counts, and each other is refuted, also where
 * that leaves the piece without any. What could not be done again refutes nobody.
 */
import { type Cid, isFault, type Log, type RunUnit } from "@pingo/core";
import type { Modeller } from "./modeller.ts";

/** A result that came in time. */
export interface PieceResult {
  readonly unit: RunUnit;
  readonly update: Cid;
}

export interface SettledPiece {
  readonly piece: number;
  /** null where none came, or none is what comes out here. */
  readonly result: Cid | null;
  /** What came out here; null where the piece was not done again, or could not be. */
  readonly redone: Cid | null;
  /** Results that came and are not that. */
  readonly refuted: ReadonlySet<Cid>;
}

const UNTOUCHED = { redone: null, refuted: new Set<Cid>() } as const;

export interface SettleOptions {
  readonly pieces: number;
  /** Results that are to agree. */
  readonly replicas: number;
  readonly modeller: Pick<Modeller, "redo">;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export async function settlePieces(
  came: readonly PieceResult[],
  options: SettleOptions,
): Promise<readonly SettledPiece[]> {
  const byPiece = Map.groupBy(came, ({ unit }) => unit.piece);
  const settled: SettledPiece[] = [];
  // One after the other: this station has other things to do.
  for (let piece = 0; piece < options.pieces; piece++)
    settled.push(await settle(piece, byPiece.get(piece) ?? [], options));
  return settled;
}

async function settle(
  piece: number,
  came: readonly PieceResult[],
  { replicas, modeller, log, signal }: SettleOptions,
): Promise<SettledPiece> {
  const distinct = new Map(came.map((one) => [one.update, one]));
  const [first] = distinct.keys();
  if (first === undefined) return { piece, result: null, ...UNTOUCHED };
  if (distinct.size === 1 && came.length >= replicas) return { piece, result: first, ...UNTOUCHED };
  let redone: Cid | null = null;
  // It is the same piece under each: what keeps one from being done again may not keep the next.
  for (const { unit, update } of distinct.values()) {
    try {
      redone = (await modeller.redo({ unit, update, steps: 1 }, signal)).update;
      break;
    } catch (error) {
      if (signal.aborted || !isFault(error)) throw error;
      log.warn("piece_not_redone", { job: unit.job, piece, why: error.message });
    }
  }
  const refuted = new Set([...distinct.keys()].filter((update) => redone !== null && update !== redone));
  const result = redone !== null && distinct.has(redone) ? redone : null;
  log.warn("piece_redone", { piece, result: String(result), refuted: [...refuted].join(" ") });
  return { piece, result, redone, refuted };
}
