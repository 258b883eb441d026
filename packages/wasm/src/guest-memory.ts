/** The module's memory as WASI functions see it: whatever address it hands over, nothing outside is touched. */

import type { EngineMemory } from "./engine.ts";
import { Errno } from "./errno.ts";

/** Vectors of one call. SOURCE: IOV_MAX of Linux. */
const VECTORS_MAX = 1_024;
const VECTOR_BYTES = 8;

export class GuestMemory {
  readonly #memory: EngineMemory;

  constructor(memory: EngineMemory) {
    this.#memory = memory;
  }

  /** @throws {Errno} fault */
  bytes(at: number, length: number): Uint8Array {
    const { buffer } = this.#memory;
    if (at + length > buffer.byteLength) throw new Errno("fault");
    return new Uint8Array(buffer, at, length);
  }

  view(at: number, length: number): DataView {
    const { buffer, byteOffset } = this.bytes(at, length);
    return new DataView(buffer, byteOffset, length);
  }

  u32(at: number): number {
    return this.view(at, 4).getUint32(0, true);
  }

  setU32(at: number, value: number): void {
    this.view(at, 4).setUint32(0, value, true);
  }

  setU64(at: number, value: bigint): void {
    this.view(at, 8).setBigUint64(0, value, true);
  }

  /** @throws {Errno} ilseq where it is no UTF-8 */
  text(at: number, length: number): string {
    const bytes = this.bytes(at, length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new Errno("ilseq");
    }
  }

  /** Pieces of memory that a call reads from or writes to, in their order. */
  vectors(at: number, count: number): readonly Uint8Array[] {
    if (count > VECTORS_MAX) throw new Errno("inval");
    return Array.from({ length: count }, (_, i) => {
      const vector = at + i * VECTOR_BYTES;
      return this.bytes(this.u32(vector), this.u32(vector + 4));
    });
  }
}
