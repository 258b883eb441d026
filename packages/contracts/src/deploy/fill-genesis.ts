/** The devnet's genesis file as it stands in the tree: what only the machine knows that begins one is blank in it. */
import { fileURLToPath } from "node:url";

export const DEVNET_GENESIS_PATH = fileURLToPath(new URL("../../genesis/devnet.yaml", import.meta.url));

export interface GenesisBlanks {
  /** Raw addresses. */
  readonly deployer: string;
  readonly founder: string;
  /** ed25519, in hexadecimal digits. */
  readonly fogKey: string;
  /** By the chain's clock. */
  readonly nowUnixS: number;
}

const NOW = /<now(?:\+(\d{1,9}))?>/g;
const ANY_BLANK = /<(?:deployer|founder|fog-key|now(?:\+\d{1,9})?)>/g;

/** Whether it is the kind of file that a machine fills in: no other network's has anything to fill in but by hand. */
export function hasBlanks(text: string): boolean {
  return /^network: devnet\b/m.test(text) && text.search(ANY_BLANK) >= 0;
}

export function fillGenesis(text: string, { deployer, founder, fogKey, nowUnixS }: GenesisBlanks): string {
  return text
    .replaceAll("<deployer>", deployer)
    .replaceAll("<founder>", founder)
    .replaceAll("<fog-key>", fogKey)
    .replaceAll(NOW, (_, seconds: string | undefined) => String(nowUnixS + Number(seconds ?? 0)));
}

/** Whether a file is another one filled in, at whatever moment and by whomever. */
export function isFilledFrom(filled: string, blank: string): boolean {
  const parts = blank.split(ANY_BLANK).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[0-9a-f:]+")}$`).test(filled);
}
