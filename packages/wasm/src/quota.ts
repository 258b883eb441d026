/** What a piece may still leave behind. Going over ends it: a module that is told of a full disk may go on for ever. */
import { LIMITS } from "@pingo/core";
import { PieceEnded } from "./piece-ended.ts";

export class Quota {
  readonly #bytesMax: number;
  #bytes = 0;
  #entries = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @param bytes  negative where a file became shorter or is gone */
  takeBytes(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax)
      throw new PieceEnded({ code: "OUTPUT_TOO_LARGE", bytesMax: this.#bytesMax });
    this.#bytes += bytes;
  }

  takeEntry(): void {
    const entriesMax = LIMITS.outputEntriesMax;
    if (this.#entries === entriesMax) throw new PieceEnded({ code: "OUTPUT_TOO_MANY", entriesMax });
    this.#entries += 1;
  }

  giveEntry(): void {
    this.#entries -= 1;
  }
}
