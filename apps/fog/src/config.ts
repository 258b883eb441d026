/** The station's settings: the only place that reads the environment, and where every default can be seen. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { FaultError, LIMITS, type Sentences } from "@pingo/core";
import { LOG_LEVELS, type LogLevel } from "@pingo/core/log";

export interface FogConfig {
  /** Everything the station writes is in here, but for a database of its own. */
  readonly folder: string;
  readonly http: { readonly host: string; readonly port: number };
  /** Multiaddr that providers dial. */
  readonly peerAddress: string;
  /** PostgreSQL; the built-in database when undefined. */
  readonly databaseUrl: string | undefined;
  readonly leaseTtlMs: number;
  /** account: owners may owe what their jobs cost. prepaid: a job's budget must be there before it is admitted. */
  readonly payment: Payment;
  readonly logLevel: LogLevel;
  /** Stops when stdin ends, so that it never outlives the process that started it. */
  readonly exitsWithParent: boolean;
}

const PAYMENTS = ["account", "prepaid"] as const;
export type Payment = (typeof PAYMENTS)[number];

export type ConfigFault =
  | { readonly code: "SETTING_UNKNOWN"; readonly key: string; readonly known: string }
  | {
      readonly code: "SETTING_INVALID";
      readonly key: string;
      readonly value: string;
      readonly expected: string;
    };

const SENTENCES: Sentences<ConfigFault> = {
  SETTING_UNKNOWN: (f) => `${f.key} is not a setting of the fog node; it knows ${f.known}`,
  SETTING_INVALID: (f) => `${f.key} is "${f.value}"; expected ${f.expected}`,
};

export class ConfigError extends FaultError<ConfigFault> {
  override readonly name = "ConfigError";
  constructor(fault: ConfigFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

const OWN_PREFIX = "PINGO_FOG_";
const OWN_KEYS = ["PINGO_FOG_HTTP", "PINGO_FOG_P2P", "PINGO_FOG_LEASE_TTL_MS", "PINGO_FOG_PAYMENT"] as const;
export const LEASE_TTL_MS = 6_000;
const LEASE_TTL_MS_MIN = 300;

/** What of the process's environment is read. */
type Environment = {
  readonly [K in
    | (typeof OWN_KEYS)[number]
    | "PINGO_HOME"
    | "DATABASE_URL"
    | "PINGO_LOG_LEVEL"
    | "PINGO_EXIT_WITH_PARENT"]?: string | undefined;
};

/** @throws {ConfigError} SETTING_UNKNOWN, SETTING_INVALID */
export function readConfig(env: Environment): FogConfig {
  for (const key of Object.keys(env)) {
    // The address of a fog node is a provider's setting; a shell may well have it set for both.
    if (key.startsWith(OWN_PREFIX) && !OWN_KEYS.some((known) => known === key)) {
      throw new ConfigError({ code: "SETTING_UNKNOWN", key, known: OWN_KEYS.join(", ") });
    }
  }
  const home = env.PINGO_HOME || join(homedir(), ".pingo");
  return {
    folder: join(resolve(home), "fog"),
    http: readHostPort("PINGO_FOG_HTTP", env.PINGO_FOG_HTTP ?? "127.0.0.1:4710"),
    peerAddress: readMultiaddr("PINGO_FOG_P2P", env.PINGO_FOG_P2P ?? "/ip4/127.0.0.1/tcp/4711"),
    databaseUrl: env.DATABASE_URL ? readDatabaseUrl("DATABASE_URL", env.DATABASE_URL) : undefined,
    leaseTtlMs: readTtl("PINGO_FOG_LEASE_TTL_MS", env.PINGO_FOG_LEASE_TTL_MS ?? String(LEASE_TTL_MS)),
    payment: readOneOf("PINGO_FOG_PAYMENT", env.PINGO_FOG_PAYMENT || "account", PAYMENTS),
    logLevel: readOneOf("PINGO_LOG_LEVEL", env.PINGO_LOG_LEVEL ?? "info", LOG_LEVELS),
    exitsWithParent: readFlag("PINGO_EXIT_WITH_PARENT", env.PINGO_EXIT_WITH_PARENT ?? "0"),
  };
}

function readHostPort(key: string, value: string): FogConfig["http"] {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([a-zA-Z0-9.-]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) throw invalid(key, value, "host:port, like 127.0.0.1:4710");
  return { host, port };
}

function readMultiaddr(key: string, value: string): string {
  if (/^\/(ip4|ip6|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}$/.test(value)) return value;
  throw invalid(key, value, "a multiaddr, like /ip4/127.0.0.1/tcp/4711");
}

function readDatabaseUrl(key: string, value: string): string {
  if (/^postgres(ql)?:\/\//.test(value)) return value;
  throw invalid(key, "…", "postgres://user@host/database");
}

function readTtl(key: string, value: string): number {
  const ttlMs = Number(value);
  if (Number.isInteger(ttlMs) && ttlMs >= LEASE_TTL_MS_MIN && ttlMs <= LIMITS.leaseTtlMsMax) return ttlMs;
  throw invalid(key, value, `whole milliseconds from ${LEASE_TTL_MS_MIN} to ${LIMITS.leaseTtlMsMax}`);
}

function readOneOf<T extends string>(key: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw invalid(key, value, known.join(", "));
  return found;
}

function readFlag(key: string, value: string): boolean {
  if (value === "1") return true;
  if (value === "0" || value === "") return false;
  throw invalid(key, value, "1 or 0");
}

function invalid(key: string, value: string, expected: string): ConfigError {
  return new ConfigError({ code: "SETTING_INVALID", key, value: value.slice(0, 128), expected });
}
