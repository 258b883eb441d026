import { LIMITS } from "@pingo/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { moduleOf, run } from "../test/wat.ts";
import { limitModule } from "./module.ts";
import { WasmError } from "./wasm-error.ts";

const START = `(func (export "_start"))`;
const MEMORY = `(memory (export "memory") 1)`;
const memoryBytes = 2 ** 20;

const PAGE = 65_536;
/** Grows as far as it gets and exits with the pages that it has. */
const GROWER = `(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) ${MEMORY}
  (func (export "_start")
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (call $exit (memory.size))))`;

test("a memory without a bound gets the job's, and grows to it and no further", () => {
  const limits = { memoryBytes: 7 * PAGE, outputBytes: 0, secondsPerPiece: 1 };
  expect(run(moduleOf(GROWER), { limits }).end).toEqual({ code: "EXITED", exitCode: 7 });
});

test("a bound that the module declares stays as it is", () => {
  const bound = GROWER.replace(`"memory") 1)`, `"memory") 1 3)`);
  expect(run(moduleOf(bound)).end).toEqual({ code: "EXITED", exitCode: 3 });
});

test("a table without a bound gets one", () => {
  const wat = `(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) ${MEMORY}
    (table $t 1 funcref)
    (func (export "_start")
      (if (i32.ne (table.grow $t (ref.null func) (i32.const 1000000)) (i32.const -1)) (then (call $exit (i32.const 1))))))`;
  expect(run(moduleOf(wat)).end).toEqual({ code: "EXITED", exitCode: 0 });
});

describe("a module is refused, with what to do next", () => {
  test.each<readonly [string, string, string, string]>([
    [
      "of no known import",
      `(import "env" "now" (func)) ${MEMORY} ${START}`,
      "MODULE_IMPORT_UNKNOWN",
      "env.now",
    ],
    [
      "of a WASI that is not this one",
      `(import "wasi_unstable" "fd_close" (func (param i32) (result i32))) ${MEMORY} ${START}`,
      "MODULE_IMPORT_UNKNOWN",
      "wasi_unstable.fd_close",
    ],
    [
      "that imports its memory",
      `(import "env" "memory" (memory 1)) ${START}`,
      "MODULE_IMPORT_UNKNOWN",
      "env.memory",
    ],
    [
      "that mistypes a call",
      `(import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32))) ${MEMORY} ${START}`,
      "MODULE_IMPORT_MISTYPED",
      "fd_close",
    ],
    ["without a start", MEMORY, "MODULE_EXPORT_MISSING", "_start"],
    ["whose memory is its own secret", `(memory 1) ${START}`, "MODULE_EXPORT_MISSING", "memory"],
    [
      "that runs before it is asked to",
      `${MEMORY} (func $f) (start $f) ${START}`,
      "MODULE_UNSUPPORTED",
      "start section",
    ],
    [
      "that begins with too much",
      `(memory (export "memory") 17) ${START}`,
      "MODULE_MEMORY_TOO_LARGE",
      "1.06 MiB",
    ],
    [
      "that declares too much",
      `(memory (export "memory") 1 65536) ${START}`,
      "MODULE_MEMORY_TOO_LARGE",
      "raise workers.resources.memory",
    ],
    [
      "that shares its memory",
      `(memory (export "memory") 1 2 shared) ${START}`,
      "MODULE_UNSUPPORTED",
      "shared",
    ],
    ["of 64-bit memory", `(memory (export "memory") i64 1) ${START}`, "MODULE_UNSUPPORTED", "64-bit"],
    ["of two memories", `${MEMORY} (memory 1) ${START}`, "MODULE_UNSUPPORTED", "several memories"],
    [
      "of a huge table",
      `${MEMORY} (table 2000000 funcref) ${START}`,
      "MODULE_UNSUPPORTED",
      "2000000 entries",
    ],
  ])("%s", (_, wat, code, words) => {
    const module = moduleOf(`(module ${wat})`);
    expect(() => limitModule(module, { memoryBytes })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) }),
    );
  });
});

test("a module is taken at its largest and refused past it", () => {
  const of = (bytes: number): Uint8Array => {
    const module = moduleOf(`(module ${MEMORY} ${START})`);
    // A custom section fills it up: its id, its length in four bytes, and a name of no length.
    const left = bytes - module.byteLength - 5;
    const length = [0, 1, 2, 3].map((i) => ((left >>> (7 * i)) & 127) | (i < 3 ? 128 : 0));
    return Buffer.concat([module, Uint8Array.from([0, ...length]), new Uint8Array(left)]);
  };
  expect(limitModule(of(LIMITS.moduleBytesMax), { memoryBytes }).byteLength).toBeGreaterThan(0);
  expect(() => limitModule(of(LIMITS.moduleBytesMax + 1), { memoryBytes })).toThrow(
    expect.objectContaining({ code: "MODULE_TOO_LARGE" }),
  );
});

test("bytes that are no module are refused, whatever they are", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(() => limitModule(bytes, { memoryBytes })).toThrow(
        expect.objectContaining({ code: "MODULE_MALFORMED" }),
      );
    }),
  );
});

test("a module that was altered anywhere is refused by a fault, or bound as it was", () => {
  const module = moduleOf(GROWER);
  fc.assert(
    fc.property(fc.nat(module.byteLength - 1), fc.nat(255), (at, byte) => {
      const altered = module.slice();
      altered[at] = byte;
      try {
        const bound = limitModule(altered, { memoryBytes });
        expect(limitModule(bound, { memoryBytes })).toEqual(bound);
      } catch (error) {
        expect(error).toBeInstanceOf(WasmError);
      }
    }),
  );
});
