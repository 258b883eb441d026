/**
 * The memory that the uploads under way in one station may hold together.
 *
 * What has come is counted, not what was announced: who announces blocks and sends nothing takes no room from others. An
 * announcement only has to fit what is free, so that a body is refused before its bytes have travelled.
 */
import { assert, LIMITS } from "@pingo/core";

/** Of a chunk's own objects: a body that trickles in byte by byte costs some two hundred times its size. */
const CHUNK_OVERHEAD_BYTES = 256;

export class UploadRoom {
  readonly bytesMax: number;
  #heldBytes = 0;

  constructor(bytesMax: number = LIMITS.uploadsHeldBytesMax) {
    this.bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  hasRoomFor(sizeBytes: number): boolean {
    return this.#heldBytes + sizeBytes <= this.bytesMax;
  }

  /** What the chunk takes, until that is given back; undefined where it does not fit. */
  take(chunkBytes: number): number | undefined {
    const takenBytes = chunkBytes + CHUNK_OVERHEAD_BYTES;
    if (!this.hasRoomFor(takenBytes)) return undefined;
    this.#heldBytes += takenBytes;
    return takenBytes;
  }

  giveBack(takenBytes: number): void {
    this.#heldBytes -= takenBytes;
    assert(this.#heldBytes >= 0, "an upload gave back more room than it took");
  }
}
