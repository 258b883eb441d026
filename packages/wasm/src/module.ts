/**
 * A stranger's module before it runs: valid, with no imports but WASI's, of instructions that mean the same everywhere, and with an upper bound to all that it can grow.
 *
 * Most compilers leave memory and tables without a bound. Here each gets one, by writing those two sections anew: then the
 * engine itself refuses to grow beyond it, as it would for a module that was built so.
 * SOURCE: WebAssembly core specification, chapter 5.
 */
import { LIMITS } from "@pingo/core";
import { ByteReader, leb128 } from "./byte-reader.ts";
import { engine } from "./engine.ts";
import { checkInstructions } from "./instructions.ts";
import { isWasiName, signatureOf, WASI_MODULE } from "./signatures.ts";
import { WasmError } from "./wasm-error.ts";

const HEADER_BYTES = 8;
const SECTION = { type: 1, import: 2, table: 4, memory: 5, export: 7, start: 8, code: 10 } as const;
const TABLES_MAX = 16;
const FUNCTION_TYPE = 0x60;
const EXTERNAL_FUNCTION = 0;
const EXTERNAL_MEMORY = 2;
const VALUE_LETTERS: Readonly<Record<number, string>> = {
  127: "i",
  126: "I",
  125: "f",
  124: "F",
  123: "v",
  112: "r",
  111: "r",
};

interface Section {
  readonly id: number;
  /** Of the section's id. */
  readonly from: number;
  /** Of what it holds. */
  readonly at: number;
  readonly end: number;
}

/**
 * @returns the module with its memory bound to this many bytes
 * @throws {WasmError} MODULE_…
 */
export function limitModule(
  bytes: Uint8Array,
  { memoryBytes }: { readonly memoryBytes: number },
): Uint8Array {
  const bytesMax = LIMITS.moduleBytesMax;
  if (bytes.byteLength > bytesMax)
    throw new WasmError({ code: "MODULE_TOO_LARGE", bytes: bytes.byteLength, bytesMax });
  if (!engine.validate(bytes)) throw new WasmError({ code: "MODULE_MALFORMED", why: whyInvalid(bytes) });
  const sections = sectionsOf(bytes);
  const reading = (id: number): ByteReader | undefined => {
    const section = sections.find((one) => one.id === id);
    return section && new ByteReader(bytes, section.at, section.end);
  };
  if (reading(SECTION.start) !== undefined) throw unsupported("a start section", "do what it does in _start");
  checkImports(reading(SECTION.import), typesIn(reading(SECTION.type)));
  checkExports(reading(SECTION.export));
  const code = reading(SECTION.code);
  if (code !== undefined) checkInstructions(code);
  const bounded = new Map([
    [SECTION.table as number, boundTables(reading(SECTION.table))],
    [SECTION.memory as number, boundMemory(reading(SECTION.memory), memoryBytes)],
  ]);
  const parts = sections.flatMap(({ id, from, end }) => {
    const content = bounded.get(id);
    return content === undefined
      ? [bytes.subarray(from, end)]
      : [Uint8Array.from([id, ...leb128(content.length)]), Uint8Array.from(content)];
  });
  return Buffer.concat([bytes.subarray(0, HEADER_BYTES), ...parts]);
}

function whyInvalid(bytes: Uint8Array): string {
  try {
    new engine.Module(bytes);
    return "the engine refuses it";
  } catch (error) {
    if (!(error instanceof engine.CompileError)) throw error;
    return error.message.replace(/^WebAssembly\.Module\(\): /, "").slice(0, 200);
  }
}

function sectionsOf(bytes: Uint8Array): readonly Section[] {
  const reader = new ByteReader(bytes, HEADER_BYTES);
  const sections: Section[] = [];
  while (!reader.isAtEnd) {
    const from = reader.at;
    const id = reader.byte();
    const length = reader.u32();
    sections.push({ id, from, at: reader.at, end: reader.at + length });
    reader.bytes(length);
  }
  return sections;
}

/** "iI:i" for each function type. */
function typesIn(reader: ByteReader | undefined): readonly string[] {
  if (!reader) return [];
  const valueTypes = (): string =>
    Array.from({ length: reader.u32() }, () => {
      const letter = VALUE_LETTERS[reader.byte()];
      if (letter === undefined) throw unsupported("typed references", "build it without");
      return letter;
    }).join("");
  return Array.from({ length: reader.u32() }, () => {
    // What is made of them lies in the engine's own heap, which no limit of ours bounds.
    if (reader.byte() !== FUNCTION_TYPE)
      throw unsupported("types of the garbage collection proposal", "build it for linear memory");
    const parameters = valueTypes();
    return `${parameters}:${valueTypes()}`;
  });
}

function checkImports(reader: ByteReader | undefined, types: readonly string[]): void {
  for (let left = reader?.u32() ?? 0; reader && left > 0; left--) {
    const [module, name] = [reader.name(), reader.name()];
    const shown = `${module}.${name}`.slice(0, 120);
    if (module !== WASI_MODULE || !isWasiName(name) || reader.byte() !== EXTERNAL_FUNCTION)
      throw new WasmError({ code: "MODULE_IMPORT_UNKNOWN", name: shown });
    const expected = signatureOf(name);
    if (types[reader.u32()] !== expected)
      throw new WasmError({ code: "MODULE_IMPORT_MISTYPED", name: shown, expected });
  }
}

function checkExports(reader: ByteReader | undefined): void {
  const kinds = new Map<string, number>();
  for (let left = reader?.u32() ?? 0; reader && left > 0; left--) {
    const name = reader.name();
    kinds.set(name, reader.byte());
    reader.u32();
  }
  if (kinds.get("_start") !== EXTERNAL_FUNCTION)
    throw new WasmError({ code: "MODULE_EXPORT_MISSING", name: "function _start" });
  if (kinds.get("memory") !== EXTERNAL_MEMORY)
    throw new WasmError({ code: "MODULE_EXPORT_MISSING", name: "memory under the name memory" });
}

/** The section's new content; undefined where there is none. */
function boundMemory(reader: ByteReader | undefined, memoryBytes: number): readonly number[] | undefined {
  if (!reader) return undefined;
  if (reader.u32() !== 1) throw unsupported("several memories", "build it with one");
  const { min, max } = limitsIn(reader);
  const pagesMax = Math.floor(memoryBytes / LIMITS.wasmPageBytes);
  const declared = max ?? min;
  if (declared > pagesMax) {
    const bytes = declared * LIMITS.wasmPageBytes;
    throw new WasmError({ code: "MODULE_MEMORY_TOO_LARGE", bytes, bytesMax: memoryBytes });
  }
  return [1, 1, ...leb128(min), ...leb128(max ?? pagesMax)];
}

function boundTables(reader: ByteReader | undefined): readonly number[] | undefined {
  if (!reader) return undefined;
  const tables = reader.u32();
  if (tables > TABLES_MAX) throw unsupported(`${tables} tables`, `build it with at most ${TABLES_MAX}`);
  const entriesMax = Math.floor(LIMITS.wasmTableEntriesMax / Math.max(1, tables));
  const bounded = Array.from({ length: tables }, () => {
    const kind = reader.byte();
    if (VALUE_LETTERS[kind] !== "r") throw unsupported("tables of typed references", "build it without");
    const { min, max = entriesMax } = limitsIn(reader);
    if (min > entriesMax)
      throw unsupported(`a table of ${min} entries`, `build it with at most ${entriesMax}`);
    return [kind, 1, ...leb128(min), ...leb128(Math.min(max, entriesMax))];
  });
  return [...leb128(tables), ...bounded.flat()];
}

function limitsIn(reader: ByteReader): { readonly min: number; readonly max?: number } {
  const flags = reader.byte();
  if (flags > 1) throw unsupported("shared or 64-bit memory", "build it for wasm32 without threads");
  const min = reader.u32();
  return flags === 1 ? { min, max: reader.u32() } : { min };
}

function unsupported(what: string, instead: string): WasmError {
  return new WasmError({ code: "MODULE_UNSUPPORTED", what, instead });
}
