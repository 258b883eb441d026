/** The script of index.html: defines a model, trains it in a Web Worker, stops when asked. */
import { buildTrainProgram, startTrainer } from "@pingo/autograd/browser";
import { SPIRALS, spiralModel, spirals } from "./spirals.ts";

const CALLS = 40;
const STEPS = 25;

/** Of a page, the part used here: the types of this repository are those of Node. */
interface Page {
  getElementById(id: string): { textContent: string; onclick: (() => void) | null };
}
declare const document: Page;

const progress = document.getElementById("progress");
let stop = new AbortController();
document.getElementById("start").onclick = () => {
  stop.abort(new Error("started anew"));
  stop = new AbortController();
  train(stop.signal).catch((error: unknown) => {
    progress.textContent = error instanceof Error ? error.message : String(error);
  });
};
document.getElementById("stop").onclick = () => stop.abort(new Error("stopped"));

async function train(signal: AbortSignal): Promise<void> {
  const program = buildTrainProgram(spiralModel(), SPIRALS);
  await using trainer = await startTrainer(program, { wasmUrl: "ort.wasm", signal });
  const { fields, rows } = spirals();
  await trainer.setFields(fields);
  await trainer.reset(program.initialWeights);
  for (let call = 0; call < CALLS; call++) {
    const drawn = BigInt64Array.from({ length: STEPS * SPIRALS.batchSize }, () =>
      BigInt(Math.floor(Math.random() * rows)),
    );
    const losses = await trainer.run(drawn, new Float32Array(STEPS).fill(0.01));
    progress.textContent = `step ${(call + 1) * STEPS}, loss ${losses.at(-1)?.toFixed(3)}`;
  }
  progress.textContent += ", done";
}
