import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Import, moduleOf, program, run, textOf, treeOf } from "../test/wat.ts";
import { ERRNO } from "./errno.ts";
import { Folder, OutputFile } from "./tree.ts";

const INPUT = 3;
const OUTPUT = 4;
/** And to seek, which Node's asks for. */
const READ = 2n | 4n | 32n;
const WRITE = 64n;

/** Opens a path and answers the error number, the new descriptor at 900. */
const open = (fd: number, at: number, length: number, { flags = 0, rights = READ } = {}): string =>
  `(call $path_open (i32.const ${fd}) (i32.const 0) (i32.const ${at}) (i32.const ${length}) (i32.const ${flags}) (i64.const ${rights}) (i64.const 0) (i32.const 0) (i32.const 900))`;
const exit = (value: string): string => `(call $exit_with ${value})`;

function filesOf(folder: Folder, path = ""): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...folder.entries].flatMap(([name, node]) =>
      node instanceof Folder
        ? Object.entries(filesOf(node, `${path}${name}/`))
        : [[`${path}${name}`, node instanceof OutputFile ? textOf(Buffer.concat([...node.parts()])) : ""]],
    ),
  );
}

test("what it says, its exit code and its files come back", () => {
  const copy = program(
    `(drop ${open(INPUT, 100, 5)})
     (i32.store (i32.const 1000) (i32.const 2000)) (i32.store (i32.const 1004) (i32.const 100))
     (drop (call $fd_read (i32.load (i32.const 900)) (i32.const 1000) (i32.const 1) (i32.const 1008)))
     (local.set $n (i32.load (i32.const 1008)))
     (drop (call $say (i32.const 1) (i32.const 2000) (local.get $n)))
     (drop (call $say (i32.const 2) (i32.const 200) (i32.const 4)))
     (drop ${open(OUTPUT, 300, 5, { flags: 1, rights: WRITE })})
     (drop (call $say (i32.load (i32.const 900)) (i32.const 2000) (local.get $n)))
     ${exit("(local.get $n)")}`,
    { 100: "a.txt", 200: "warn", 300: "b.txt" },
  );
  const ran = run(copy, { input: { tree: treeOf({ "a.txt": "seven b" }), name: "in" } });
  expect(ran.end).toEqual({ code: "EXITED", exitCode: 7 });
  expect([textOf(ran.stdout), textOf(ran.stderr)]).toEqual(["seven b", "warn"]);
  expect(filesOf(ran.output)).toEqual({ "b.txt": "seven b" });
});

test("input of several blocks reads like one file, from wherever and however much", () => {
  const text = "0123456789abcdefghij";
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 8 }),
      fc.nat(25),
      fc.nat(25),
      (sizes, offset, length) => {
        const parts: { cid: null; bytes: Uint8Array; sizeBytes: number }[] = [];
        let at = 0;
        for (const size of sizes) {
          const bytes = new TextEncoder().encode(text.slice(at, at + size));
          if (bytes.byteLength > 0) parts.push({ cid: null, bytes, sizeBytes: bytes.byteLength });
          at += bytes.byteLength;
        }
        const reads = program(
          `(drop ${open(INPUT, 100, 1)})
           (i32.store (i32.const 1000) (i32.const 2000)) (i32.store (i32.const 1004) (i32.const ${length}))
           (drop (call $fd_pread (i32.load (i32.const 900)) (i32.const 1000) (i32.const 1) (i64.const ${offset}) (i32.const 1008)))
           (drop (call $say (i32.const 1) (i32.const 2000) (i32.load (i32.const 1008))))`,
          { 100: "f" },
        );
        const ran = run(reads, { input: { tree: { kind: "file", sizeBytes: at, parts }, name: "f" } });
        expect(textOf(ran.stdout)).toBe(text.slice(0, at).slice(offset, offset + length));
      },
    ),
    { numRuns: 50 },
  );
});

describe("no path leads out of what it was given", () => {
  const tree = treeOf({ f: "secret?" });
  test.each<readonly [string, number, string, string]>([
    ["above the input", INPUT, "../f", "notcapable"],
    ["above, by a detour", OUTPUT, "a/../../f", "noent"],
    ["from the root", INPUT, "/etc/passwd", "notcapable"],
    ["to nothing", INPUT, "g", "noent"],
    ["through a file", INPUT, "f/g", "notdir"],
    ["of a file as a folder", INPUT, "f/", "notdir"],
    ["from stdout", 1, "f", "notdir"],
    ["from a number that it made up", 77, "f", "badf"],
    ["that is no text", OUTPUT, "a\\80", "ilseq"],
  ])("%s", (_, fd, path, expected) => {
    const length = path.includes("\\80") ? 2 : path.length;
    const module = moduleWith(exit(open(fd, 100, length)), path);
    const { end } = run(module, { input: { tree, name: "in" } });
    expect(end).toEqual({ code: "EXITED", exitCode: ERRNO[expected as keyof typeof ERRNO] });
  });

  test.each<readonly [string, string, string]>([
    [
      "a symbolic link",
      `(call $path_symlink (i32.const 100) (i32.const 1) (i32.const ${OUTPUT}) (i32.const 100) (i32.const 1))`,
      "notsup",
    ],
    [
      "a hard link",
      `(call $path_link (i32.const ${INPUT}) (i32.const 0) (i32.const 100) (i32.const 1) (i32.const ${OUTPUT}) (i32.const 100) (i32.const 1))`,
      "notsup",
    ],
    ["a new file among its input", open(INPUT, 101, 1, { flags: 1, rights: WRITE }), "rofs"],
    ["its input opened to write", open(INPUT, 100, 1, { rights: WRITE }), "rofs"],
    [
      "its input unlinked",
      `(call $path_unlink_file (i32.const ${INPUT}) (i32.const 100) (i32.const 1))`,
      "rofs",
    ],
    [
      "its input moved",
      `(call $path_rename (i32.const ${INPUT}) (i32.const 100) (i32.const 1) (i32.const ${OUTPUT}) (i32.const 100) (i32.const 1))`,
      "rofs",
    ],
    [
      "a folder among its input",
      `(call $path_create_directory (i32.const ${INPUT}) (i32.const 101) (i32.const 1))`,
      "rofs",
    ],
    [
      "its root removed",
      `(call $path_remove_directory (i32.const ${OUTPUT}) (i32.const 102) (i32.const 1))`,
      "inval",
    ],
    ["a socket", "(call $sock_accept (i32.const 3) (i32.const 0) (i32.const 900))", "notsup"],
    [
      "an answer written outside its memory",
      "(call $random_get (i32.const 131000) (i32.const 4096))",
      "fault",
    ],
  ])("%s is refused", (_, call, expected) => {
    const { end } = run(program(exit(call), { 100: "fg." }), { input: { tree, name: "in" } });
    expect(end).toEqual({ code: "EXITED", exitCode: ERRNO[expected as keyof typeof ERRNO] });
  });
});

/** With a path that WAT's own escapes write. */
function moduleWith(body: string, path: string): Uint8Array {
  const module = program(body, { 100: "#".repeat(path.length) });
  const bytes = path.includes("\\80") ? Uint8Array.of(0x61, 0x80) : new TextEncoder().encode(path);
  const at = Buffer.from(module).indexOf("#");
  module.set(bytes, at);
  return module;
}

describe("what floods is ended, with what it said before", () => {
  const forever = (call: string): string => `(loop $more (drop ${call}) (br $more))`;
  test.each<readonly [string, string, string]>([
    ["stdout", forever("(call $say (i32.const 1) (i32.const 2000) (i32.const 4096))"), "STDOUT_TOO_LARGE"],
    ["stderr", forever("(call $say (i32.const 2) (i32.const 2000) (i32.const 4096))"), "STDERR_TOO_LARGE"],
    [
      "a file",
      `(drop ${open(OUTPUT, 100, 1, { flags: 1, rights: WRITE })}) ${forever("(call $say (i32.load (i32.const 900)) (i32.const 2000) (i32.const 4096))")}`,
      "OUTPUT_TOO_LARGE",
    ],
    [
      "a file of one size after another",
      `(drop ${open(OUTPUT, 100, 1, { flags: 1, rights: WRITE })}) (drop (call $fd_filestat_set_size (i32.load (i32.const 900)) (i64.const 1099511627776)))`,
      "OUTPUT_TOO_LARGE",
    ],
    [
      "many files",
      `(loop $more (i32.store (i32.const 100) (i32.add (i32.load (i32.const 100)) (i32.const 0x1))) (drop (call $path_create_directory (i32.const ${OUTPUT}) (i32.const 104) (i32.const 4)))
       (i32.store8 (i32.const 104) (i32.add (i32.const 65) (i32.and (i32.load (i32.const 100)) (i32.const 15))))
       (i32.store8 (i32.const 105) (i32.add (i32.const 65) (i32.and (i32.shr_u (i32.load (i32.const 100)) (i32.const 4)) (i32.const 15))))
       (i32.store8 (i32.const 106) (i32.add (i32.const 65) (i32.and (i32.shr_u (i32.load (i32.const 100)) (i32.const 8)) (i32.const 15))))
       (i32.store8 (i32.const 107) (i32.add (i32.const 65) (i32.and (i32.shr_u (i32.load (i32.const 100)) (i32.const 12)) (i32.const 15)))) (br $more))`,
      "OUTPUT_TOO_MANY",
    ],
  ])("%s", (_, body, code) => {
    const ran = run(program(body, { 100: "f", 104: "AAAA" }));
    expect(ran.end.code).toBe(code);
    expect(ran.stdout.byteLength).toBeLessThanOrEqual(2 ** 20);
  });

  test("descriptors run out, and are an error like any other", () => {
    const opening = open(OUTPUT, 100, 1, { flags: 1, rights: WRITE });
    const { end } = run(
      program(`(loop $more (br_if $more (i32.eqz (local.tee $n ${opening})))) ${exit("(local.get $n)")}`, {
        100: "f",
      }),
    );
    expect(end).toEqual({ code: "EXITED", exitCode: ERRNO.mfile });
  });
});

test("a trap is an end; a stack without one is the computer's, also for a module that would catch it", () => {
  expect(run(program("unreachable")).end).toEqual({ code: "TRAPPED", why: "unreachable" });
  const deep = moduleOf(
    `(module (memory (export "memory") 1) (func $f (call $f)) (func (export "_start") (call $f)))`,
  );
  expect(() => run(deep)).toThrow(expect.objectContaining({ code: "PIECE_STACK" }));
  const catching = moduleOf(`(module (memory (export "memory") 1) (func $f (call $f))
    (func (export "_start") (try (do (call $f)) (catch_all))))`);
  expect(() => run(catching)).toThrow(expect.objectContaining({ code: "PIECE_STACK" }));
});

test("a module that catches its own end is ended at its next call, and whatever it exits with then does not count", () => {
  const catching = moduleOf(`(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (try (do (call $exit (i32.const 3))) (catch_all))
      (try (do (call $exit (i32.const 0))) (catch_all))))`);
  expect(run(catching).end).toEqual({ code: "EXITED", exitCode: 3 });
});

test("time and chance are the piece's own: the same again, and others with another seed", () => {
  const draws = program(
    `(drop (call $random_get (i32.const 2000) (i32.const 8)))
     (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 2008)))
     (i64.store (i32.const 3000) (i64.const 9)) (i64.store (i32.const 3024) (i64.const 3600000000000))
     (drop (call $poll_oneoff (i32.const 3000) (i32.const 3100) (i32.const 1) (i32.const 3200)))
     (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 2016)))
     (drop (call $say (i32.const 1) (i32.const 2000) (i32.const 24)))`,
  );
  const first = run(draws).stdout;
  expect(run(draws).stdout).toEqual(first);
  expect(run(draws, { seed: 2 }).stdout).not.toEqual(first);
  // It slept for an hour, and no time went by.
  expect(Buffer.from(first).readBigUInt64LE(16)).toBeGreaterThan(3_600_000_000_000n);
});

test("arguments and environment arrive as C reads them", () => {
  const prints = program(
    `(drop (call $args_sizes_get (i32.const 2000) (i32.const 2004)))
     (drop (call $args_get (i32.const 2100) (i32.const 2200)))
     (drop (call $say (i32.const 1) (i32.const 2200) (i32.load (i32.const 2004))))
     (drop (call $environ_sizes_get (i32.const 2000) (i32.const 2004)))
     (drop (call $environ_get (i32.const 2100) (i32.const 2200)))
     (drop (call $say (i32.const 2) (i32.const 2200) (i32.load (i32.const 2004))))`,
  );
  const ran = run(prints, { arguments: ["p", "ü", ""], environment: { A: "1" } });
  expect([textOf(ran.stdout), textOf(ran.stderr)]).toEqual(["p\0ü\0\0", "A=1\0"]);
});

test("a folder is listed by name, in as many goes as the buffer asks for", () => {
  const lists = program(
    `(drop (call $fd_readdir (i32.const ${INPUT}) (i32.const 2000) (i32.const 60) (i64.const 2) (i32.const 1500)))
     (drop (call $say (i32.const 1) (i32.const 2000) (i32.load (i32.const 1500))))
     (drop (call $fd_readdir (i32.const ${INPUT}) (i32.const 2000) (i32.const 60) (i64.load (i32.const 2000)) (i32.const 1500)))
     (drop (call $say (i32.const 2) (i32.const 2000) (i32.load (i32.const 1500))))`,
  );
  const ran = run(lists, { input: { tree: treeOf({ b: "", a: "" }), name: "in" } });
  const names = (bytes: Uint8Array): string => textOf(bytes).replaceAll(/[^ab]/g, "");
  expect([names(ran.stdout), names(ran.stderr)]).toEqual(["ab", "b"]);
});

test("whatever numbers a module hands over, a call answers or the piece ends: nothing else comes out", () => {
  const number = fc.oneof(
    fc.integer({ min: -2, max: 8 }),
    fc.integer(),
    fc.constantFrom(2000, 131_071, 131_072),
  );
  const calls: readonly [Import, string][] = [
    ["fd_read", "iiii"],
    ["fd_pwrite", "iiiIi"],
    ["fd_readdir", "iiiIi"],
    ["fd_seek", "iIii"],
    ["fd_renumber", "ii"],
    ["path_open", "iiiiiIIii"],
    ["path_rename", "iiiiii"],
    ["path_filestat_get", "iiiii"],
    ["poll_oneoff", "iiii"],
    ["fd_prestat_dir_name", "iii"],
    ["args_get", "ii"],
    ["fd_filestat_set_size", "iI"],
    ["path_readlink", "iiiiii"],
  ];
  const call = fc
    .constantFrom(...calls)
    .chain(([name, signature]) =>
      fc
        .tuple(...[...signature].map(() => number))
        .map(
          (values) =>
            `(drop (call $${name} ${values.map((value, i) => `(${signature[i] === "I" ? "i64" : "i32"}.const ${value})`).join(" ")}))`,
        ),
    );
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 6 }), (body) => {
      const { end } = run(program(body.join("\n"), { 2000: "a/../b" }), {
        input: { tree: treeOf({ a: "x" }), name: "in" },
      });
      expect(["EXITED", "OUTPUT_TOO_LARGE"]).toContain(end.code);
    }),
  );
});

/** The same programs under Node's own WASI, on real folders: answers that a program sees are the same. */
test("Node's WASI and this one tell programs the same", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pingo-wasi-"));
  try {
    const [input, output] = [join(folder, "input"), join(folder, "output")];
    for (const path of [input, output, join(input, "sub")]) await mkdir(path);
    await writeFile(join(input, "f"), "hello");
    const step = (call: string, i: number): string => `(i32.store8 (i32.const ${4000 + i}) ${call})`;
    const steps = [
      open(INPUT, 100, 1), // f
      open(INPUT, 100, 1, { flags: 2 }), // f as a folder
      open(INPUT, 101, 7), // missing
      open(INPUT, 110, 3, { flags: 2 }), // sub
      open(INPUT, 110, 5), // sub/x
      open(OUTPUT, 120, 1, { flags: 1, rights: WRITE }), // a new file
      open(OUTPUT, 120, 1, { flags: 5, rights: WRITE }), // exclusively, again
      "(call $path_create_directory (i32.const 4) (i32.const 121) (i32.const 1))",
      "(call $path_create_directory (i32.const 4) (i32.const 121) (i32.const 1))",
      "(call $path_unlink_file (i32.const 4) (i32.const 122) (i32.const 1))",
      "(call $path_remove_directory (i32.const 4) (i32.const 121) (i32.const 1))",
      "(call $path_rename (i32.const 4) (i32.const 120) (i32.const 1) (i32.const 4) (i32.const 122) (i32.const 1))",
      "(call $path_filestat_get (i32.const 4) (i32.const 0) (i32.const 122) (i32.const 1) (i32.const 5000))",
      "(call $fd_close (i32.const 99))",
      "(call $fd_seek (i32.const 5) (i64.const -9) (i32.const 0) (i32.const 5000))",
      "(call $fd_seek (i32.const 5) (i64.const 2) (i32.const 0) (i32.const 5000))",
      "(call $fd_prestat_get (i32.const 3) (i32.const 5000))",
      "(call $fd_prestat_get (i32.const 5) (i32.const 5000))",
    ];
    const body = `${steps.map(step).join("\n")} (drop (call $say (i32.const 1) (i32.const 4000) (i32.const ${steps.length})))`;
    const module = program(body, { 100: "f", 101: "missing", 110: "sub/x", 120: "abc" });
    const path = join(folder, "program.wasm");
    await writeFile(path, module);
    const script = `const { WASI } = require("node:wasi"); const fs = require("node:fs");
      const wasi = new WASI({ version: "preview1", preopens: { "/input": ${JSON.stringify(input)}, "/output": ${JSON.stringify(output)} }, returnOnExit: true });
      const module = new WebAssembly.Module(fs.readFileSync(${JSON.stringify(path)}));
      wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()));`;
    const node = spawnSync(process.execPath, ["--no-warnings", "-e", script]);
    expect(node.stderr.toString()).toBe("");
    const tree = treeOf({ f: "hello" });
    const sub = treeOf({});
    const ran = run(module, {
      input: {
        tree: {
          kind: "folder",
          entries: new Map([...(tree.kind === "folder" ? tree.entries : []), ["sub", sub]]),
        },
        name: "in",
      },
    });
    expect([...ran.stdout].join()).toBe([...new Uint8Array(node.stdout)].join());
  } finally {
    await rm(folder, { recursive: true });
  }
});
