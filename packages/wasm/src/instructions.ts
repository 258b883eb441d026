/**
 * Which instructions a module may have: those whose result is the same on every computer, and that we know.
 *
 * The engine knows more. Relaxed SIMD is refused since it answers what the processor finds easiest: a computer that multiplies
 * and adds in one step rounds otherwise than one that does not. What is newer than this list is refused too.
 * The engine has found the module valid before, so that only where each instruction ends is looked for.
 * SOURCE: WebAssembly core specification, 5.4; proposals relaxed-simd, exception-handling, tail-call, threads.
 */
import { LIMITS } from "@pingo/core";
import type { ByteReader } from "./byte-reader.ts";
import { WasmError } from "./wasm-error.ts";

/** What follows an instruction's code. */
const UNKNOWN = 0;
const NOTHING = 1;
const NUMBER = 2; // LEB128, of whatever width and sign
const TWO_NUMBERS = 3;
const MEMORY = 4; // alignment and offset
const FOUR_BYTES = 5;
const EIGHT_BYTES = 6;
const NUMBERS_AND_ONE = 7; // of br_table
const TYPES = 8; // of select
const CATCHES = 9; // of try_table
const PREFIX = 10; // an instruction of a second table
const MEMORY_AND_BYTE = 11;
const BYTE = 12;
const SIXTEEN_BYTES = 13;

type Row = readonly [from: number, to: number, what: number];

const PLAIN = table([
  [0x00, 0x01, NOTHING], // unreachable nop
  [0x02, 0x04, NUMBER], // block loop if
  [0x05, 0x05, NOTHING], // else
  [0x06, 0x09, NUMBER], // try catch throw rethrow
  [0x0a, 0x0b, NOTHING], // throw_ref end
  [0x0c, 0x0d, NUMBER], // br br_if
  [0x0e, 0x0e, NUMBERS_AND_ONE],
  [0x0f, 0x0f, NOTHING], // return
  [0x10, 0x10, NUMBER], // call
  [0x11, 0x11, TWO_NUMBERS], // call_indirect
  [0x12, 0x12, NUMBER], // return_call
  [0x13, 0x13, TWO_NUMBERS], // return_call_indirect
  [0x18, 0x18, NUMBER], // delegate
  [0x19, 0x1b, NOTHING], // catch_all drop select
  [0x1c, 0x1c, TYPES],
  [0x1f, 0x1f, CATCHES],
  [0x20, 0x26, NUMBER], // locals, globals, table.get table.set
  [0x28, 0x3e, MEMORY],
  [0x3f, 0x42, NUMBER], // memory.size memory.grow i32.const i64.const
  [0x43, 0x43, FOUR_BYTES],
  [0x44, 0x44, EIGHT_BYTES],
  [0x45, 0xc4, NOTHING], // numbers
  [0xd0, 0xd0, NUMBER], // ref.null
  [0xd1, 0xd1, NOTHING], // ref.is_null
  [0xd2, 0xd2, NUMBER], // ref.func
  [0xfc, 0xfe, PREFIX],
]);

const BULK = table([
  [0, 7, NOTHING], // trunc_sat
  [8, 8, TWO_NUMBERS], // memory.init
  [9, 9, NUMBER], // data.drop
  [10, 10, TWO_NUMBERS], // memory.copy
  [11, 11, NUMBER], // memory.fill
  [12, 12, TWO_NUMBERS], // table.init
  [13, 13, NUMBER], // elem.drop
  [14, 14, TWO_NUMBERS], // table.copy
  [15, 17, NUMBER], // table.grow table.size table.fill
]);

const VECTOR = table([
  [0, 11, MEMORY], // loads and store
  [12, 13, SIXTEEN_BYTES], // const shuffle
  [14, 20, NOTHING], // swizzle splat
  [21, 34, BYTE], // lanes
  [35, 83, NOTHING],
  [84, 91, MEMORY_AND_BYTE], // lanes of memory
  [92, 93, MEMORY],
  [94, 255, NOTHING],
]);

/** Of memory that no other thread has: they are as plain as the others. */
const ATOMIC = table([
  [0, 2, MEMORY], // notify wait
  [3, 3, BYTE], // fence
  [0x10, 0x4e, MEMORY],
]);

const SECOND: Readonly<Record<number, Uint8Array>> = { 252: BULK, 253: VECTOR, 254: ATOMIC };
const VECTOR_PREFIX = 0xfd;
const RELAXED_FROM = 0x100;
const RELAXED_TO = 0x12f;
/** With a reference's own type after it. */
const TYPED_REFERENCES: ReadonlySet<number> = new Set([0x63, 0x64]);
/** An alignment with this bit is followed by the memory's number. */
const OTHER_MEMORY = 0x40;

/**
 * @param reader  of the code section
 * @throws {WasmError} MODULE_UNSUPPORTED
 */
export function checkInstructions(reader: ByteReader): void {
  const functions = reader.u32();
  const functionsMax = LIMITS.wasmFunctionsMax;
  if (functions > functionsMax)
    throw unsupported(`${functions} functions`, `build it with at most ${functionsMax}`);
  for (let left = functions; left > 0; left--) {
    const end = reader.u32() + reader.at;
    for (let kinds = reader.u32(); kinds > 0; kinds--) {
      reader.skipNumber();
      checkType(reader);
    }
    while (reader.at < end) skipInstruction(reader);
  }
}

function skipInstruction(reader: ByteReader): void {
  const code = reader.byte();
  const what = PLAIN[code];
  if (what === PREFIX) {
    const number = reader.u32();
    if (code === VECTOR_PREFIX && number >= RELAXED_FROM && number <= RELAXED_TO)
      throw unsupported(
        "relaxed SIMD, whose results differ from processor to processor",
        "build it without -mrelaxed-simd",
      );
    skip(reader, SECOND[code]?.[number] ?? UNKNOWN, code, number);
  } else skip(reader, what ?? UNKNOWN, code);
}

function skip(reader: ByteReader, what: number, code: number, number?: number): void {
  switch (what) {
    case NOTHING:
      break;
    case NUMBER:
      reader.skipNumber();
      break;
    case TWO_NUMBERS:
      reader.skipNumber();
      reader.skipNumber();
      break;
    case MEMORY:
      skipAddress(reader);
      break;
    case FOUR_BYTES:
      reader.skip(4);
      break;
    case EIGHT_BYTES:
      reader.skip(8);
      break;
    case SIXTEEN_BYTES:
      reader.skip(16);
      break;
    case BYTE:
      reader.skip(1);
      break;
    case MEMORY_AND_BYTE:
      skipAddress(reader);
      reader.skip(1);
      break;
    case NUMBERS_AND_ONE:
      for (let left = reader.u32() + 1; left > 0; left--) reader.skipNumber();
      break;
    case TYPES:
      for (let left = reader.u32(); left > 0; left--) checkType(reader);
      break;
    case CATCHES:
      skipCatches(reader);
      break;
    default: {
      const shown = [code, ...(number === undefined ? [] : [number])].map((byte) => `0x${byte.toString(16)}`);
      throw unsupported(`the instruction ${shown.join(" ")}`, "build it for WebAssembly 2.0");
    }
  }
}

function skipAddress(reader: ByteReader): void {
  if ((reader.u32() & OTHER_MEMORY) !== 0) reader.skipNumber();
  reader.skipNumber();
}

/** After the block's type: each clause has a tag unless it catches all, and a label. */
function skipCatches(reader: ByteReader): void {
  reader.skipNumber();
  for (let left = reader.u32(); left > 0; left--) {
    const catchesAll = reader.byte() >= 2;
    if (!catchesAll) reader.skipNumber();
    reader.skipNumber();
  }
}

function checkType(reader: ByteReader): void {
  if (TYPED_REFERENCES.has(reader.byte())) throw unsupported("typed references", "build it without");
}

function table(rows: readonly Row[]): Uint8Array {
  const whatByCode = new Uint8Array(256);
  for (const [from, to, what] of rows) whatByCode.fill(what, from, to + 1);
  return whatByCode;
}

function unsupported(what: string, instead: string): WasmError {
  return new WasmError({ code: "MODULE_UNSUPPORTED", what, instead });
}
