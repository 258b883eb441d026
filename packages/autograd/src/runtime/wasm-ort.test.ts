import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { loadOrt } from "./load-ort.ts";
import { loadWasmOrt } from "./wasm-ort.ts";

test("another binary is refused by its hash, a missing one by its name, and then the right one is taken", async () => {
  const other = { name: "other.wasm", read: async () => new Uint8Array(8) };
  await expect(loadWasmOrt(other)).rejects.toThrow(
    /other.wasm has the sha256 af5570f5a1810b7a.*onnxruntime-web 1.30.0/,
  );
  const missing = { name: "missing.wasm", read: () => Promise.reject(new Error("no such file")) };
  await expect(loadWasmOrt(missing)).rejects.toMatchObject({
    fault: { code: "WASM_MISSING", source: "missing.wasm", why: "no such file" },
  });
  expect((await loadOrt("wasm")).backend).toBe("wasm");
});

test("a process that trains natively never loads the WebAssembly build, nor the other way round", () => {
  const here = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  for (const [backend, other] of [
    ["native", "onnxruntime-web/wasm"],
    ["wasm", "onnxruntime-node"],
  ] as const) {
    const hook = `import { registerHooks } from "node:module";
      registerHooks({ resolve(name, context, next) {
        if (name === "${other}") throw new Error("loaded ${other}");
        return next(name, context);
      } });`;
    const script = `import { openTrainer } from ${here("./open-trainer.ts")};
      import { linearTrainProgram } from ${here("./testing/linear-program.ts")};
      const program = linearTrainProgram({ features: 2, classes: 2, batchSize: 1 });
      await using trainer = await openTrainer(program, { backend: "${backend}" });
      process.stdout.write("opened");`;
    const said = execFileSync(process.execPath, [
      "--import",
      `data:text/javascript,${encodeURIComponent(hook)}`,
      "--input-type=module",
      "--eval",
      script,
    ]);
    expect(said.toString()).toBe("opened");
  }
});
