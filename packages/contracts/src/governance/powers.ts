/**
 * What may be decided: the closed list of orders that governance can give, by contract.
 *
 * Nothing here moves anyone's tokens: authorities, keys, minima, and the word on a challenged root.
 */
import type { Address } from "@ton/core";
import { SET_QUORUM_OP } from "../certificate/certificate.ts";
import { RESOLVE_OP, SET_AUTHORITIES_OP } from "../claims/distributor.ts";
import { SET_KEYS_OP } from "../quorum/quorum.ts";
import { SET_REGISTRY_AUTHORITIES_OP, SET_STAKE_PARAMETERS_OP } from "../registry/registry.ts";
import { type Power, SET_GUARDIAN_OP, SET_VOTING_RULES_OP } from "./governance.ts";

const OPCODES_BY_CONTRACT = {
  governance: [SET_VOTING_RULES_OP, SET_GUARDIAN_OP],
  quorum: [SET_KEYS_OP],
  certificates: [SET_QUORUM_OP],
  compute: [RESOLVE_OP, SET_AUTHORITIES_OP],
  fog: [RESOLVE_OP, SET_AUTHORITIES_OP],
  registry: [SET_STAKE_PARAMETERS_OP, SET_REGISTRY_AUTHORITIES_OP],
} as const;

export type Governed = keyof typeof OPCODES_BY_CONTRACT;

export function powersOver(addressByContract: Readonly<Record<Governed, Address>>): readonly Power[] {
  return Object.entries(OPCODES_BY_CONTRACT).flatMap(([name, opcodes]) => {
    // SAFETY: Object.entries of a table with these keys has these keys.
    const target = addressByContract[name as Governed];
    return opcodes.map((opcode) => ({ target, opcode }));
  });
}
