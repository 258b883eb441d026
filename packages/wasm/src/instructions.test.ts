import { readFileSync } from "node:fs";
import { LIMITS } from "@pingo/core";
import { describe, expect, test } from "vitest";
import { moduleOf } from "../test/wat.ts";
import { leb128 } from "./byte-reader.ts";
import { limitModule } from "./module.ts";

const memoryBytes = 2 ** 24;

/** Functions () -> () of these bodies, which end themselves; the first is the start. */
function moduleOfBodies(bodies: readonly (readonly number[])[]): Uint8Array {
  const section = (id: number, bytes: readonly number[]) =>
    Buffer.concat([Uint8Array.from([id, ...leb128(bytes.length)]), Uint8Array.from(bytes)]);
  const count = leb128(bodies.length);
  const text = (name: string) => [name.length, ...new TextEncoder().encode(name)];
  return Buffer.concat([
    Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    section(1, [1, 0x60, 0, 0]),
    section(3, [...count, ...bodies.map(() => 0)]),
    section(5, [1, 0, 1]),
    section(7, [2, ...text("memory"), 2, 0, ...text("_start"), 0, 0]),
    section(10, [...count, ...bodies.flatMap((body) => [...leb128(body.length + 1), 0, ...body])]),
  ]);
}

const END = 0x0b;
const DROP = 0x1a;
const ZERO = [0xfd, 12, ...new Array<number>(16).fill(0)]; // v128.const 0

describe("relaxed SIMD is refused by its name", () => {
  test.each<readonly [string, number, number]>([
    ["i8x16.relaxed_swizzle", 0x100, 2],
    ["i32x4.relaxed_trunc_f32x4_s", 0x101, 1],
    ["f32x4.relaxed_madd", 0x105, 3],
    ["f64x2.relaxed_nmadd", 0x108, 3],
    ["i8x16.relaxed_laneselect", 0x109, 3],
    ["f32x4.relaxed_min", 0x10d, 2],
    ["i16x8.relaxed_q15mulr_s", 0x111, 2],
    ["i32x4.relaxed_dot_i8x16_i7x16_add_s", 0x113, 3],
  ])("%s", (_, number, operands) => {
    const body = [...new Array<number[]>(operands).fill(ZERO).flat(), 0xfd, ...leb128(number), DROP, END];
    expect(() => limitModule(moduleOfBodies([body]), { memoryBytes })).toThrow(
      expect.objectContaining({
        code: "MODULE_UNSUPPORTED",
        message: expect.stringContaining("-mrelaxed-simd"),
      }),
    );
  });
});

test("what looks like it inside a number or a vector is none", () => {
  const like = [0xfd, 0x85, 0x02];
  const constant = [0xfd, 12, ...like, ...like, ...like, ...like, ...like, 0, DROP];
  const double = [0x44, ...like, ...like, 0, 0, DROP];
  expect(() => limitModule(moduleOfBodies([[...constant, ...double, END]]), { memoryBytes })).not.toThrow();
});

test("a module has as many functions as may be, and no more", () => {
  const of = (count: number) => moduleOfBodies(new Array<number[]>(count).fill([END]));
  expect(() => limitModule(of(LIMITS.wasmFunctionsMax), { memoryBytes })).not.toThrow();
  expect(() => limitModule(of(LIMITS.wasmFunctionsMax + 1), { memoryBytes })).toThrow(
    expect.objectContaining({
      code: "MODULE_UNSUPPORTED",
      message: expect.stringContaining("250001 functions"),
    }),
  );
});

test("every other kind of instruction is passed over, to the last byte", () => {
  const module = moduleOf(`(module
    (memory (export "memory") 1) (table $t 2 funcref) (elem $e func $f) (data $d "abc") (tag $g (param i32))
    (global $v (mut i64) (i64.const -9223372036854775808))
    (type $plain (func))
    (func $f) (func $two (param i32 i64) (result i32) (local f64 v128 funcref externref) (local.get 0))
    (func $tail (return_call $f)) (func $tails (return_call_indirect (type $plain) (i32.const 0)))
    (func (export "_start") (local $n i32) (local $x v128) (local $r funcref)
      (block (loop (br_if 1 (i32.const 1)) (br 0)))
      (if (i32.const 1) (then (nop)) (else (unreachable)))
      (block (block (br_table 0 1 0 (local.get $n))))
      (drop (block (result i32) (i32.const -1)))
      (drop (select (i32.const 1) (i32.const 2) (i32.const 0)))
      (drop (select (result funcref) (local.get $r) (ref.null func) (i32.const 0)))
      (drop (ref.is_null (ref.func $f)))
      (table.set $t (i32.const 0) (ref.func $f)) (drop (table.get $t (i32.const 0)))
      (drop (table.grow $t (ref.null func) (i32.const 1))) (drop (table.size $t))
      (table.fill $t (i32.const 0) (ref.null func) (i32.const 0))
      (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 0)) (elem.drop $e)
      (table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 0))
      (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (data.drop $d)
      (memory.copy (i32.const 0) (i32.const 1) (i32.const 2)) (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
      (drop (memory.grow (i32.const 0))) (drop (memory.size))
      (global.set $v (i64.add (global.get $v) (i64.const 9223372036854775807)))
      (drop (f32.add (f32.const nan) (f32.const 1.5))) (drop (f64.sqrt (f64.const -0x1p-1074)))
      (drop (i32.trunc_sat_f64_u (f64.const 1e300))) (drop (i64.extend8_s (i64.const 255)))
      (i64.store16 offset=4294967295 align=1 (i32.const 0) (i64.const 1))
      (drop (f64.load offset=8 (i32.const 0)))
      (drop (call $two (i32.const 1) (i64.const 2))) (call_indirect (type $plain) (i32.const 0))
      (local.set $x (v128.load8_splat (i32.const 0))) (v128.store offset=16 (i32.const 0) (local.get $x))
      (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 (local.get $x) (local.get $x)))
      (drop (i8x16.extract_lane_s 15 (local.get $x))) (drop (f64x2.replace_lane 1 (local.get $x) (f64.const 1)))
      (drop (v128.load8_lane 3 (i32.const 0) (local.get $x))) (v128.store64_lane 1 (i32.const 0) (local.get $x))
      (drop (v128.load32_zero (i32.const 0))) (drop (f32x4.mul (local.get $x) (i32x4.splat (i32.const 7))))
      (drop (f64x2.promote_low_f32x4 (local.get $x)))
      (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))) (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))
      (atomic.fence) (drop (i64.atomic.rmw32.cmpxchg_u offset=4 (i32.const 0) (i64.const 1) (i64.const 1)))
      (try (do (throw $g (i32.const 1))) (catch $g (drop)) (catch_all (rethrow 0)))
      (block (try (do (nop)) (delegate 0)))
      (return)))`);
  expect(() => limitModule(module, { memoryBytes })).not.toThrow();
});

test("the example's module, as a compiler made it, is taken", () => {
  const module = readFileSync(new URL("../../../examples/words/count.wasm", import.meta.url));
  expect(() => limitModule(module, { memoryBytes: 2 ** 28 })).not.toThrow();
});
