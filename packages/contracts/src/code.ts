/** Compiled code of the contracts, as cells. */
import { Cell } from "@ton/core";
import { COMPILED } from "./code.gen.ts";

export type ContractName = keyof typeof COMPILED;

const codeByName = new Map<ContractName, Cell>();

export function codeOf(name: ContractName): Cell {
  const known = codeByName.get(name);
  if (known) return known;
  const code = Cell.fromBase64(COMPILED[name].codeBase64);
  codeByName.set(name, code);
  return code;
}
