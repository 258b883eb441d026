/** Where the programs are that this one starts: beside it, in the same checkout. */
import { fileURLToPath } from "node:url";

const at = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));

export const SCRIPTS = {
  fog: at("apps/fog/src/main.ts"),
  reexecute: at("apps/fog/src/membership/reexecute.ts"),
  devnet: at("apps/devnet/src/main.ts"),
  provider: at("apps/provider/src/main.ts"),
  buildPage: at("apps/tab/src/main.ts"),
  prepareMnist: at("examples/mnist/prepare.ts"),
} as const;

/**
 * A small young generation: a station's own thread and its measuring one would each fill one of 32 MB before they
 * clean it, and collect no less for it (470 MiB resident without, 330 with, while the example trains; 2026-11).
 */
export const FOG_FLAGS = ["--max-semi-space-size=4"] as const;
