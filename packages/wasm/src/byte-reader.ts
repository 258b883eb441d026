/** Reads the binary format of modules that the engine found valid before: what does not fit is a bug or a newer format. */
import { WasmError } from "./wasm-error.ts";

export class ByteReader {
  readonly #bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.byteLength) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    const byte = this.at < this.end ? this.#bytes[this.at] : undefined;
    if (byte === undefined) throw new WasmError({ code: "MODULE_MALFORMED", why: "it ends in mid-section" });
    this.at += 1;
    return byte;
  }

  /** LEB128, at most 32 bits. SOURCE: WebAssembly core specification, 5.2.2. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new WasmError({ code: "MODULE_MALFORMED", why: "a number in it is too long" });
  }

  /** Of whatever width and sign. */
  skipNumber(): void {
    while (this.byte() >= 0x80);
  }

  skip(length: number): void {
    if (length > this.end - this.at)
      throw new WasmError({ code: "MODULE_MALFORMED", why: "it ends in mid-section" });
    this.at += length;
  }

  name(): string {
    return new TextDecoder().decode(this.bytes(this.u32()));
  }

  bytes(length: number): Uint8Array {
    this.skip(length);
    return this.#bytes.subarray(this.at - length, this.at);
  }
}

export function leb128(value: number): readonly number[] {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) + 128);
  }
}
