/**
 * What a vote may set, by name: every parameter of governance and of the registry, with the others left as they are.
 *
 * The rest of governance's powers (keys of the quorum, authorities, a challenged root) are orders of their own: `wordsOfOrder`
 * reads them, and whoever proposes one writes it with its encoder.
 */
import { formatPingo, parsePingo } from "@pingo/core";
import { Address, type Cell, Dictionary, type Slice } from "@ton/core";
import { SET_QUORUM_OP } from "../certificate/certificate.ts";
import { RESOLVE_OP, SET_AUTHORITIES_OP } from "../claims/distributor.ts";
import { SET_KEYS_OP } from "../quorum/quorum.ts";
import {
  encodeSetStakeParameters,
  type RegistryView,
  SET_REGISTRY_AUTHORITIES_OP,
  SET_STAKE_PARAMETERS_OP,
  type StakeParameters,
} from "../registry/registry.ts";
import {
  encodeSetGuardian,
  encodeSetVotingRules,
  type GovernanceView,
  SET_GUARDIAN_OP,
  SET_VOTING_RULES_OP,
  type VotingRules,
} from "./governance.ts";

/** How everything that a vote may set stands now. */
export interface Standing {
  readonly governance: GovernanceView;
  readonly registry: RegistryView;
}

export interface NamedParameter {
  readonly target: "governance" | "registry";
  /** What is written after its name. */
  readonly expects: string;
  read(standing: Standing): string;
  /** @returns null where the text says no such value */
  order(standing: Standing, text: string): Cell | null;
}

const SECONDS = "seconds, such as 432000";
const VOTES = "a number of votes, such as 10";
const PINGO = "PINGO, such as 100 or 0.5";

export const NAMED_PARAMETERS = {
  "vote-seconds": ofRules("voteSeconds", SECONDS, wholeOf, String),
  "timelock-seconds": ofRules("timelockSeconds", SECONDS, wholeOf, String),
  "builders-min": ofRules("buildersMin", VOTES, wholeOf, String),
  "users-min": ofRules("usersMinNano", PINGO, nanoOf, formatPingo),
  "provider-stake-min": ofStakes("providerStakeMinNano", PINGO, nanoOf, formatPingo),
  "fog-stake-min": ofStakes("fogStakeMinNano", PINGO, nanoOf, formatPingo),
  "verdict-millionths-max": ofStakes("verdictMillionthsMax", "millionths of a stake", wholeOf, String),
  guardian: {
    target: "governance",
    expects: "an address of the basechain",
    read: ({ governance }) => governance.guardian.toRawString(),
    order: (_standing, text) => {
      const address = addressOf(text);
      return address && encodeSetGuardian(address);
    },
  },
} as const satisfies Readonly<Record<string, NamedParameter>>;

export type ParameterName = keyof typeof NAMED_PARAMETERS;

/** What an order would set, one "name value" for each parameter that it changes; or what else it is. */
export function wordsOfOrder(order: Cell, standing: Standing): readonly string[] {
  try {
    return readOrder(order, standing);
  } catch {
    // Anyone may propose a cell of any shape; its target refuses it.
    return ["an order that cannot be read, and that its target will refuse"];
  }
}

function readOrder(order: Cell, standing: Standing): readonly string[] {
  const names = Object.keys(NAMED_PARAMETERS).filter(isParameterName);
  const changed = standingAfter(order, standing);
  if (changed) {
    const words = names
      .map(
        (name) =>
          [name, NAMED_PARAMETERS[name].read(standing), NAMED_PARAMETERS[name].read(changed)] as const,
      )
      .filter(([, before, after]) => before !== after)
      .map(([name, , after]) => `${name} ${after}`);
    return words.length > 0 ? words : ["what is set already"];
  }
  const read = order.beginParse();
  const opcode = read.remainingBits >= 32 ? read.loadUint(32) : 0;
  return [OTHER_ORDERS[opcode]?.(read) ?? `order 0x${opcode.toString(16).padStart(8, "0")}`];
}

export function isParameterName(name: string): name is ParameterName {
  return Object.hasOwn(NAMED_PARAMETERS, name);
}

/** After the opcode; the quorum's keys whole, since whoever holds them issues certificates and posts roots. */
const OTHER_ORDERS: Readonly<Record<number, (order: Slice) => string>> = {
  [SET_KEYS_OP]: (order) => {
    const threshold = order.loadUint(8);
    const keys = order.loadDict(Dictionary.Keys.Uint(8), Dictionary.Values.Buffer(32)).values();
    return `the fog nodes' quorum: ${threshold} of ${keys.map((key) => key.toString("hex")).join(" ")}`;
  },
  [SET_QUORUM_OP]: (order) => `certificates are issued by the quorum ${order.loadAddress().toRawString()}`,
  [SET_AUTHORITIES_OP]: (order) =>
    `the emission's quorum ${order.loadAddress().toRawString()} and guardian ${order.loadAddress().toRawString()}`,
  [SET_REGISTRY_AUTHORITIES_OP]: (order) =>
    `the registry's quorum ${order.loadAddress().toRawString()} and guardian ${order.loadAddress().toRawString()}`,
  [RESOLVE_OP]: (order) => {
    const root = order.loadUintBig(256).toString(16).padStart(64, "0");
    return `the challenged root ${root} ${order.loadBit() ? "is upheld" : "falls"}`;
  },
};

/** null where the order sets no parameter that has a name. */
function standingAfter(order: Cell, { governance, registry }: Standing): Standing | null {
  const read = order.beginParse();
  if (read.remainingBits < 32) return null;
  const opcode = read.loadUint(32);
  if (opcode === SET_GUARDIAN_OP)
    return { governance: { ...governance, guardian: read.loadAddress() }, registry };
  if (opcode === SET_VOTING_RULES_OP) {
    const [voteSeconds, timelockSeconds, buildersMin] = [
      read.loadUint(32),
      read.loadUint(32),
      read.loadUint(32),
    ];
    const rules = { voteSeconds, timelockSeconds, buildersMin, usersMinNano: read.loadCoins() };
    return { governance: { ...governance, rules }, registry };
  }
  if (opcode === SET_STAKE_PARAMETERS_OP) {
    const [providerStakeMinNano, fogStakeMinNano] = [read.loadCoins(), read.loadCoins()];
    const parameters = { providerStakeMinNano, fogStakeMinNano, verdictMillionthsMax: read.loadUint(32) };
    return { governance, registry: { ...registry, parameters } };
  }
  return null;
}

function ofRules<K extends keyof VotingRules>(
  key: K,
  expects: string,
  parse: (text: string) => VotingRules[K] | null,
  show: (value: VotingRules[K]) => string,
): NamedParameter {
  return {
    target: "governance",
    expects,
    read: ({ governance }) => show(governance.rules[key]),
    order: ({ governance: { rules } }, text) => {
      const value = parse(text);
      return value === null ? null : encodeSetVotingRules({ ...rules, [key]: value });
    },
  };
}

function ofStakes<K extends keyof StakeParameters>(
  key: K,
  expects: string,
  parse: (text: string) => StakeParameters[K] | null,
  show: (value: StakeParameters[K]) => string,
): NamedParameter {
  return {
    target: "registry",
    expects,
    read: ({ registry }) => show(registry.parameters[key]),
    order: ({ registry: { parameters } }, text) => {
      const value = parse(text);
      return value === null ? null : encodeSetStakeParameters({ ...parameters, [key]: value });
    },
  };
}

function wholeOf(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function nanoOf(text: string): bigint | null {
  return /^\d{1,10}(\.\d{1,9})?$/.test(text) ? parsePingo(`${text} PINGO`) : null;
}

function addressOf(text: string): Address | null {
  try {
    const address = Address.parse(text);
    return address.workChain === 0 ? address : null;
  } catch {
    return null; // told to whoever wrote it, by what is expected
  }
}
