import type { PieceEnd } from "@pingo/core";

/** Thrown out of a WASI function, through the module's own frames: the piece is over. */
export class PieceEnded extends Error {
  override readonly name = "PieceEnded";
  readonly end: PieceEnd;
  constructor(end: PieceEnd) {
    super(end.code);
    this.end = end;
  }
}
