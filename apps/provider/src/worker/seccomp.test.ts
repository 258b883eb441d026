/** The filter as the kernel runs it: a reader of its few instructions, for each processor that we have a list for. */
import { assertDefined } from "@pingo/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seccompFilter } from "./seccomp.ts";

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const EPERM = 0x00050001;
const EAFNOSUPPORT = 0x00050061;

function verdictOf(filter: Uint8Array, architecture: number, call: number, args: readonly number[]): number {
  const view = new DataView(filter.buffer);
  const facts = new DataView(new ArrayBuffer(64));
  facts.setUint32(0, call, true);
  facts.setUint32(4, architecture, true);
  for (const [i, value] of args.entries()) facts.setUint32(16 + 8 * i, value, true);
  let loaded = 0;
  for (let at = 0; ; at++) {
    const code = view.getUint16(at * 8, true);
    const operand = view.getUint32(at * 8 + 4, true);
    const jump = (isTrue: boolean): void => {
      at += view.getUint8(at * 8 + (isTrue ? 2 : 3));
    };
    if (code === 0x06) return operand;
    if (code === 0x20) loaded = facts.getUint32(operand, true);
    else if (code === 0x15) jump(loaded === operand);
    else if (code === 0x35) jump(loaded >= operand);
    else if (code === 0x45) jump((loaded & operand) !== 0);
    else throw new Error(`instruction ${code}`);
  }
}

describe.each([
  { name: "x64", architecture: 0xc000003e, socket: 41, mmap: 9, memfd: 319, clone: 56, read: 0 },
  { name: "arm64", architecture: 0xc00000b7, socket: 198, mmap: 222, memfd: 279, clone: 220, read: 63 },
])("on $name", ({ name, architecture, socket, mmap, memfd, clone, read }) => {
  const filter = assertDefined(seccompFilter(name), "it has a list");
  const verdict = (call: number, ...args: number[]) => verdictOf(filter, architecture, call, args);

  test("sockets are of the computer's own kind or of none", () => {
    expect(verdict(socket, 1, 1, 0)).toBe(ALLOW);
    fc.assert(
      fc.property(fc.nat(64), (family) => {
        fc.pre(family !== 1);
        expect(verdict(socket, family, 1, 0)).toBe(EAFNOSUPPORT);
      }),
    );
  });

  test("memory that is shared, which no limit of a process counts, is not to be had", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (flags) => {
        expect(verdict(mmap, 0, 4_096, 3, flags)).toBe((flags & 1) === 1 ? EPERM : ALLOW);
      }),
    );
    expect(verdict(memfd)).toBe(EPERM);
  });

  test("threads are made, processes are not, and what is plain passes", () => {
    expect(verdict(clone, 0x00010000)).toBe(ALLOW);
    expect(verdict(clone, 17)).toBe(EPERM);
    expect(verdict(read, 1)).toBe(ALLOW);
  });

  test("another way of calling is none", () => {
    expect(verdictOf(filter, 0x40000003, read, [])).toBe(KILL);
    expect(verdict(0x40000000 + read)).toBe(EPERM);
  });
});
