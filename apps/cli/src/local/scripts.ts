/** Where the programs are that this one starts: beside it, in the same checkout. */
import { fileURLToPath } from "node:url";

const at = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));

export const SCRIPTS = {
  fog: at("apps/fog/src/main.ts"),
  devnet: at("apps/devnet/src/main.ts"),
  provider: at("apps/provider/src/main.ts"),
  buildPage: at("apps/tab/src/main.ts"),
  prepareMnist: at("examples/mnist/prepare.ts"),
} as const;
