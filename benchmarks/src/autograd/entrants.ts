/** Who trains a workload, and how each is started. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "./contestant.ts";
import type { Workload } from "./workload.ts";

export type Engine = "PinGo" | "PyTorch";

export interface Entrant {
  readonly engine: Engine;
  readonly threads: number;
  readonly command: Command;
}

const FOLDER = dirname(fileURLToPath(import.meta.url));
const PYTHON = "/usr/bin/python3";
/** Choices of OpenBLAS kernels that were made for another machine. */
const BLAS_OVERRIDES = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

/** @param folder  holds the workload's case, see exchange.ts */
export function entrantsOf(workload: Workload, folder: string): readonly Entrant[] {
  const env = { ...process.env };
  for (const name of BLAS_OVERRIDES) delete env[name];
  return [1].flatMap((threads): Entrant[] => [
    {
      engine: "PinGo",
      threads,
      command: { program: process.execPath, args: [join(FOLDER, "ours.ts"), workload.name, String(threads)] },
    },
    {
      engine: "PyTorch",
      threads,
      command: { program: PYTHON, args: [join(FOLDER, "torch_peer.py"), folder, String(threads)], env },
    },
  ]);
}
