/** The devnet's settings: the only place that reads the environment, and where every default can be seen. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { type HostPort, readFlag, readHostPort, readOneOf, readWhole, refuseUnknown } from "@pingo/core";
import { LOG_LEVELS, type LogLevel } from "@pingo/core/log";

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
const HTTP = "127.0.0.1:4720";
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

/** @throws {SettingError} SETTING_UNKNOWN, SETTING_INVALID */
export function readConfig(env: Environment): DevnetConfig {
  refuseUnknown(env, { program: "the devnet", prefix: OWN_PREFIX, known: OWN_KEYS });
  const home = env.PINGO_HOME || join(homedir(), ".pingo");
  return {
    folder: join(resolve(home), "devnet"),
    http: readHostPort("PINGO_DEVNET_HTTP", env.PINGO_DEVNET_HTTP || HTTP, HTTP),
    adminPort: readWhole("PINGO_DEVNET_ADMIN_PORT", env.PINGO_DEVNET_ADMIN_PORT || "4721", {
      min: 0,
      max: 65_535,
    }),
    blockMs: readWhole("PINGO_DEVNET_BLOCK_MS", env.PINGO_DEVNET_BLOCK_MS || String(BLOCK_MS), {
      min: BLOCK_MS_MIN,
      max: BLOCK_MS_MAX,
    }),
    requestsPerSecondMax: readWhole(
      "PINGO_DEVNET_RATE",
      env.PINGO_DEVNET_RATE || String(REQUESTS_PER_SECOND),
      {
        min: 1,
        max: 1_000_000,
      },
    ),
    snapshotPath: env.PINGO_DEVNET_FROM ? resolve(env.PINGO_DEVNET_FROM) : undefined,
    logLevel: readOneOf("PINGO_LOG_LEVEL", env.PINGO_LOG_LEVEL || "info", LOG_LEVELS),
    exitsWithParent: readFlag("PINGO_EXIT_WITH_PARENT", env.PINGO_EXIT_WITH_PARENT || "0"),
  };
}
