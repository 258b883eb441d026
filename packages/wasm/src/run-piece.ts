/**
 * Runs one piece: a pure function of the module and what it is given. Time and chance are the piece's own, so that two
 * computers come to the same bytes, and one can check the other.
 *
 * It takes the thread it is called on until the module ends. Whoever calls ends that thread, or its process, should it not.
 */
import { isFault, type PieceEnd, type PieceInput, type PieceLimits } from "@pingo/core";
import type { StoredTree } from "@pingo/storage";
import { type EngineMemory, engine, type HostFunction } from "./engine.ts";
import { Errno } from "./errno.ts";
import { fileCalls } from "./file-calls.ts";
import { type Calls, Guest } from "./guest.ts";
import { GuestMemory } from "./guest-memory.ts";
import { limitModule } from "./module.ts";
import { pathCalls } from "./path-calls.ts";
import { PieceEnded } from "./piece-ended.ts";
import { processCalls } from "./process-calls.ts";
import { WASI_MODULE } from "./signatures.ts";
import { type Folder, inputFolder, type ReadLeaf } from "./tree.ts";
import { WasmError } from "./wasm-error.ts";

export interface PieceTask {
  readonly module: Uint8Array;
  /** After the program's name, which comes first. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly input: { readonly tree: StoredTree; readonly name: PieceInput["name"] } | null;
  readonly limits: PieceLimits;
  readonly seed: number;
}

export interface PieceRun {
  readonly end: PieceEnd;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly output: Folder;
}

/** @throws {WasmError} MODULE_…, PIECE_OUT_OF_MEMORY, PIECE_STACK; what `readLeaf` throws */
export function runPiece(task: PieceTask, readLeaf: ReadLeaf): PieceRun {
  try {
    return run(task, readLeaf);
  } catch (error) {
    throw error instanceof RangeError ? ofComputer(error) : error;
  }
}

/**
 * A RangeError is memory or a stack that came to its end, and where that is differs: a function's frame is another once the
 * engine has compiled it a second time, which it does beside the module when it gets to it.
 */
function ofComputer(cause: RangeError): WasmError {
  const code = cause.message.includes("call stack") ? "PIECE_STACK" : "PIECE_OUT_OF_MEMORY";
  return new WasmError({ code, why: cause.message }, { cause });
}

function run(task: PieceTask, readLeaf: ReadLeaf): PieceRun {
  const { limits, seed, environment, input } = task;
  const guest = new Guest({
    arguments: task.arguments,
    environment,
    input: inputFolder(input?.tree ?? null, input?.name ?? "", readLeaf),
    outputBytesMax: limits.outputBytes,
    seed,
  });
  const end = endOf(limitModule(task.module, limits), guest);
  const { stdout, stderr, output } = guest;
  return { end, stdout: stdout.content, stderr: stderr.content, output };
}

function endOf(bytes: Uint8Array, guest: Guest): PieceEnd {
  const module = new engine.Module(bytes);
  let thrown: unknown;
  /** A module can catch what passes through it: what ended the piece ends it at its next call again. */
  const endure = (error: unknown): never => {
    thrown ??= error;
    throw thrown;
  };
  const calls: Calls = { ...fileCalls(guest), ...pathCalls(guest), ...processCalls(guest) };
  const imports = Object.fromEntries(
    Object.entries(calls).map(([name, call]): [string, HostFunction] => [
      name,
      (...args) => {
        if (thrown !== undefined) throw thrown;
        try {
          // SAFETY: limitModule compared the import's type with the signature that the call's type comes from.
          (call as (...unsigned: (number | bigint)[]) => void)(...args.map(unsigned));
          return 0;
        } catch (error) {
          return error instanceof Errno ? error.number : endure(error);
        }
      },
    ]),
  );
  try {
    const { exports } = new engine.Instance(module, { [WASI_MODULE]: imports });
    // SAFETY: limitModule saw that it exports a memory and a function under these names.
    guest.memory = new GuestMemory(exports["memory"] as EngineMemory);
    (exports["_start"] as () => void)();
    if (thrown !== undefined) throw thrown;
    return { code: "EXITED", exitCode: 0 };
  } catch (error) {
    return endBy(thrown ?? error);
  }
}

function endBy(error: unknown): PieceEnd {
  if (error instanceof PieceEnded) return error.end;
  if (isFault(error)) throw error;
  if (error instanceof engine.RuntimeError) return { code: "TRAPPED", why: error.message.slice(0, 256) };
  if (error instanceof engine.Exception)
    return { code: "TRAPPED", why: "an exception that it did not catch" };
  throw error;
}

function unsigned(value: number | bigint): number | bigint {
  return typeof value === "bigint" ? BigInt.asUintN(64, value) : value >>> 0;
}
