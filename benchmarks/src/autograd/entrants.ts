/** Who trains a workload, and how each is started. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { GIVE_BACK, HUGE_PAGES } from "@pingo/core/malloc";
import type { Command } from "./contestant.ts";
import type { Workload } from "./workload.ts";

export type Engine = "PinGo" | "PyTorch" | "jax-js" | "tfjs-wasm";

export interface Entrant {
  readonly engine: Engine;
  readonly threads: number;
  readonly command: Command;
  /** Why it cannot be started. */
  readonly absent?: string;
  /** For one that needs seconds for a step: how much it is given. */
  readonly pace?: Pace;
}

export interface Pace {
  readonly turns: number;
  readonly stepsPerTurn: number;
}

const THREADS = [1, 2];
const FOLDER = dirname(fileURLToPath(import.meta.url));
const PYTHON = "/usr/bin/python3";
/** Of those of a provider's worker, which takes a young generation of 1 MB: here programs are built as well. */
const FLAGS = ["--expose-gc", "--max-semi-space-size=4"];
/** Choices of OpenBLAS kernels that were made for another machine. */
const BLAS_OVERRIDES = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

/** Peers in JavaScript are large, so they are no part of `npm ci`: benchmarks/peers/package.json. */
const PEERS = join(FOLDER, "../../peers");
const PEERS_ABSENT = "npm install --prefix benchmarks/peers --no-package-lock --ignore-scripts";
/** jax-js takes six seconds and more for a step with convolutions, and fifteen to forty for the first; tfjs a quarter for an MLP's. */
const SLOW_IN_JAX: readonly string[] = ["cnn", "resnet8"];
const SLOW: Pace = { turns: 2, stepsPerTurn: 1 };
const FEW: Pace = { turns: 6, stepsPerTurn: 4 };

/** @param folder  holds the workload's case, see exchange.ts */
export function entrantsOf(workload: Workload, folder: string): readonly Entrant[] {
  const env = { ...process.env };
  for (const name of BLAS_OVERRIDES) delete env[name];
  const threaded = THREADS.flatMap((threads): Entrant[] => [
    {
      engine: "PinGo",
      threads,
      command: {
        program: process.execPath,
        args: [...FLAGS, join(FOLDER, "ours.ts"), workload.name, String(threads)],
        // As a provider's worker: its malloc's settings, and its code compiled.
        env: { ...process.env, ...GIVE_BACK, ...HUGE_PAGES, NODE_COMPILE_CACHE: join(folder, "compiled") },
      },
    },
    {
      engine: "PyTorch",
      threads,
      command: {
        program: PYTHON,
        args: [join(FOLDER, "torch_peer.py"), folder, String(threads)],
        // Debian's PyTorch leaves OpenBLAS the choice of its threads; torch.set_num_threads does not reach it.
        env: { ...env, OPENBLAS_NUM_THREADS: String(threads), OMP_NUM_THREADS: String(threads) },
      },
    },
  ]);
  return [
    ...threaded,
    inJavaScript("jax-js", "jax-peer.mjs", folder, SLOW_IN_JAX.includes(workload.name) ? SLOW : undefined),
    inJavaScript("tfjs-wasm", "tfjs-peer.mjs", folder, FEW),
  ];
}

function inJavaScript(engine: Engine, file: string, folder: string, pace?: Pace): Entrant {
  return {
    engine,
    threads: 1,
    command: { program: process.execPath, args: [join(PEERS, file), folder] },
    ...(existsSync(join(PEERS, "node_modules")) ? {} : { absent: PEERS_ABSENT }),
    ...(pace === undefined ? {} : { pace }),
  };
}
