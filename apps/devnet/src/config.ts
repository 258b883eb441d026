/** The devnet's settings: the only place that reads the environment, and where every default can be seen. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { LOG_LEVELS, type LogLevel } from "@pingo/core/log";
import { DevnetError } from "./fault.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface DevnetConfig {
  /** Everything the devnet writes is in here. */
  readonly folder: string;
  /** The toncenter API. */
  readonly http: HostPort;
  /** Faucet and time travel: on the loopback, always. */
  readonly adminPort: number;
  readonly blockMs: number;
  /** Of one remote address. */
  readonly requestsPerSecondMax: number;
  /** A snapshot to begin from, where the folder has no chain yet. */
  readonly snapshotPath: string | undefined;
  readonly logLevel: LogLevel;
  /** Stops when stdin ends, so that it never outlives the process that started it. */
  readonly exitsWithParent: boolean;
}

const OWN_PREFIX = "PINGO_DEVNET_";
const OWN_KEYS = [
  "PINGO_DEVNET_HTTP",
  "PINGO_DEVNET_ADMIN_PORT",
  "PINGO_DEVNET_BLOCK_MS",
  "PINGO_DEVNET_RATE",
  "PINGO_DEVNET_FROM",
] as const;
/** As mainnet since April 2026. */
const BLOCK_MS = 400;
const BLOCK_MS_MIN = 20;
const BLOCK_MS_MAX = 60_000;
const REQUESTS_PER_SECOND = 2_000;

/** What of the process's environment is read. */
type Environment = {
  readonly [K in (typeof OWN_KEYS)[number] | "PINGO_HOME" | "PINGO_LOG_LEVEL" | "PINGO_EXIT_WITH_PARENT"]?:
    | string
    | undefined;
};

/** @throws {DevnetError} SETTING_UNKNOWN, SETTING_INVALID */
export function readConfig(env: Environment): DevnetConfig {
  for (const key of Object.keys(env)) {
    if (key.startsWith(OWN_PREFIX) && !OWN_KEYS.some((known) => known === key))
      throw new DevnetError({ code: "SETTING_UNKNOWN", key, known: OWN_KEYS.join(", ") });
  }
  const home = env.PINGO_HOME || join(homedir(), ".pingo");
  return {
    folder: join(resolve(home), "devnet"),
    http: readHostPort("PINGO_DEVNET_HTTP", env.PINGO_DEVNET_HTTP || "127.0.0.1:4720"),
    adminPort: readWhole("PINGO_DEVNET_ADMIN_PORT", env.PINGO_DEVNET_ADMIN_PORT || "4721", 0, 65_535),
    blockMs: readWhole(
      "PINGO_DEVNET_BLOCK_MS",
      env.PINGO_DEVNET_BLOCK_MS || String(BLOCK_MS),
      BLOCK_MS_MIN,
      BLOCK_MS_MAX,
    ),
    requestsPerSecondMax: readWhole(
      "PINGO_DEVNET_RATE",
      env.PINGO_DEVNET_RATE || String(REQUESTS_PER_SECOND),
      1,
      1_000_000,
    ),
    snapshotPath: env.PINGO_DEVNET_FROM ? resolve(env.PINGO_DEVNET_FROM) : undefined,
    logLevel: readLogLevel("PINGO_LOG_LEVEL", env.PINGO_LOG_LEVEL || "info"),
    exitsWithParent: readFlag("PINGO_EXIT_WITH_PARENT", env.PINGO_EXIT_WITH_PARENT || "0"),
  };
}

function readHostPort(key: string, value: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([a-zA-Z0-9.-]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) throw invalid(key, value, "host:port, like 127.0.0.1:4720");
  return { host, port };
}

function readWhole(key: string, value: string, min: number, max: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalid(key, value, `a whole number from ${min} to ${max}`);
}

function readLogLevel(key: string, value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level === undefined) throw invalid(key, value, LOG_LEVELS.join(", "));
  return level;
}

function readFlag(key: string, value: string): boolean {
  if (value === "1") return true;
  if (value === "0") return false;
  throw invalid(key, value, "1 or 0");
}

function invalid(key: string, value: string, expected: string): DevnetError {
  return new DevnetError({ code: "SETTING_INVALID", key, value: value.slice(0, 128), expected });
}
