/** The provider's settings: the only place that reads the environment, and where every default can be seen. */
import { availableParallelism, homedir } from "node:os";
import { join, resolve } from "node:path";
import { LIMITS } from "@pingo/core";
import { LOG_LEVELS, type LogLevel } from "@pingo/core/log";
import { POLICY_FILE } from "@pingo/scheduler/status";
import { compileCacheFolder } from "./lean-process.ts";
import { ProviderError } from "./provider-error.ts";

export interface ProviderConfig {
  /** Everything the provider writes is in here. */
  readonly folder: string;
  /** HTTP address of the fog node. */
  readonly fogUrl: string;
  /** Units that run side by side, each in a process of its own. */
  readonly slots: number;
  readonly cacheBytesMax: number;
  /** The owner's policy file, the gentle profile where there is none; null lends all, all the time. */
  readonly policyPath: string | null;
  /** How the owner's desktop is reached, for the sensors that ask it. */
  readonly desktopEnvironment: Readonly<Record<string, string>>;
  readonly logLevel: LogLevel;
  /** Stops when stdin ends, so that it never outlives the process that started it. */
  readonly exitsWithParent: boolean;
  /** What a worker process sees of the environment. */
  readonly workerEnvironment: Readonly<Record<string, string>>;
  /** Compiled code of agent and worker. */
  readonly compileCache: string;
}

const OWN_PREFIX = "PINGO_PROVIDER_";
const OWN_KEYS = [
  "PINGO_PROVIDER_DIR",
  "PINGO_PROVIDER_SLOTS",
  "PINGO_PROVIDER_CACHE_MIB",
  "PINGO_PROVIDER_POLICY",
] as const;
const DESKTOP_KEYS = [
  "PATH",
  "HOME",
  "DISPLAY",
  "XAUTHORITY",
  "WAYLAND_DISPLAY",
  "XDG_RUNTIME_DIR",
  "DBUS_SESSION_BUS_ADDRESS",
  "SystemRoot",
] as const;
const NO_POLICY = "off";
/** A worker gets these and nothing else: it runs what strangers ask for. */
const WORKER_KEYS = ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "SystemRoot"] as const;
const CACHE_MIB = 4_096;
const MIB = 2 ** 20;

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {ProviderError} SETTING_UNKNOWN, SETTING_INVALID */
export function readConfig(env: Environment): ProviderConfig {
  for (const key of Object.keys(env)) {
    if (key.startsWith(OWN_PREFIX) && !OWN_KEYS.some((known) => known === key)) {
      throw new ProviderError({ code: "SETTING_UNKNOWN", key, known: OWN_KEYS.join(", ") });
    }
  }
  const home = env["PINGO_HOME"] || join(homedir(), ".pingo");
  const folder = resolve(env["PINGO_PROVIDER_DIR"] || join(home, "provider"));
  const policy = env["PINGO_PROVIDER_POLICY"] || join(folder, POLICY_FILE);
  const slotsMax = Math.min(availableParallelism(), LIMITS.leasesPerProviderMax);
  return {
    folder,
    policyPath: policy === NO_POLICY ? null : resolve(policy),
    desktopEnvironment: pick(env, DESKTOP_KEYS),
    fogUrl: readUrl("PINGO_FOG", env["PINGO_FOG"] || "http://127.0.0.1:4710"),
    slots: readInteger("PINGO_PROVIDER_SLOTS", env["PINGO_PROVIDER_SLOTS"] || "1", slotsMax),
    cacheBytesMax:
      readInteger("PINGO_PROVIDER_CACHE_MIB", env["PINGO_PROVIDER_CACHE_MIB"] || String(CACHE_MIB), 2 ** 24) *
      MIB,
    logLevel: readLogLevel("PINGO_LOG_LEVEL", env["PINGO_LOG_LEVEL"] || "info"),
    exitsWithParent: readFlag("PINGO_EXIT_WITH_PARENT", env["PINGO_EXIT_WITH_PARENT"] || "0"),
    compileCache: compileCacheFolder(env),
    workerEnvironment: {
      ...pick(env, WORKER_KEYS),
      NODE_COMPILE_CACHE: compileCacheFolder(env),
    },
  };
}

function pick(env: Environment, keys: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(keys.flatMap((key) => (env[key] === undefined ? [] : [[key, env[key]]])));
}

function readUrl(key: string, value: string): string {
  const url = URL.parse(value);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url.href.replace(/\/+$/, "");
  throw invalid(key, value, "the URL of a fog node, like http://127.0.0.1:4710");
}

function readInteger(key: string, value: string, max: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= 1 && number <= max) return number;
  throw invalid(key, value, `a whole number from 1 to ${max}`);
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

function invalid(key: string, value: string, expected: string): ProviderError {
  return new ProviderError({ code: "SETTING_INVALID", key, value: value.slice(0, 128), expected });
}
