/**
 * What counts as the result of each piece: the one that came, where one was asked for; where two were, what both came to. Where
 * they differ, or only one came, this station does the piece again, and the result that comes to the same counts.
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
  /** null where none came, or no two agree. */
  readonly result: Cid | null;
  /** Results that came and are not it. */
  readonly refuted: ReadonlySet<Cid>;
}

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
  if (first === undefined) return { piece, result: null, refuted: new Set() };
  if (distinct.size === 1 && came.length >= replicas) return { piece, result: first, refuted: new Set() };
  let result: Cid | null = null;
  for (const { unit, update } of distinct.values()) {
    try {
      const { deviation } = await modeller.redo({ unit, update, steps: 1 }, signal);
      if (deviation === 0) result = update;
    } catch (error) {
      if (signal.aborted || !isFault(error)) throw error;
      log.warn("piece_not_redone", { job: unit.job, piece, why: error.message });
    }
    if (result !== null) break;
  }
  const refuted = new Set([...distinct.keys()].filter((update) => result !== null && update !== result));
  log.warn("piece_redone", { piece, result: String(result), refuted: [...refuted].join(" ") });
  return { piece, result, refuted };
}
