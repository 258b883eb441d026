/** The script of trials.html: the trials, where the test's browser can call them. */
import { startTrainer } from "@pingo/autograd/browser";
import { cancel, type Trained, type TrialName, train } from "./trials.ts";

export interface Trials {
  train(name: TrialName): Promise<Trained>;
  cancel(): ReturnType<typeof cancel>;
  /** The fault's code. */
  startWith(wasmUrl: string): Promise<string>;
}

const start = (wasmUrl: string) => (program: Parameters<typeof startTrainer>[0]) =>
  startTrainer(program, { wasmUrl });

const trials: Trials = {
  train: (name) => train(name, start("/ort.wasm")),
  cancel: () => cancel(start("/ort.wasm")),
  startWith: (wasmUrl) =>
    train("chargpt", start(wasmUrl)).then(
      () => "it started",
      (error: { code: string }) => error.code,
    ),
};
Object.assign(globalThis, { trials });
