/** The provider's settings: the only place that reads the environment, and where every default can be seen. */
import { availableParallelism, homedir } from "node:os";
import { join, resolve } from "node:path";
import { LIMITS, readFlag, readHttpUrl, readOneOf, readWhole, refuseUnknown } from "@pingo/core";
import { LOG_LEVELS, type LogLevel } from "@pingo/core/log";
import { POLICY_FILE } from "@pingo/scheduler/status";
import { compileCacheFolder } from "./lean-process.ts";

export interface ProviderConfig {
  /** Everything the provider writes is in here. */
  readonly folder: string;
  /** HTTP address of the fog node. */
  readonly fogUrl: string;
  /** Units that run side by side at most, each in a process of its own: all cores under a policy, one without. */
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
const FOG_URL = "http://127.0.0.1:4710";
const NO_POLICY = "off";
/** A worker gets these and nothing else: it runs what strangers ask for. */
const WORKER_KEYS = ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "SystemRoot"] as const;
const CACHE_MIB = 4_096;
const MIB = 2 ** 20;

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {SettingError} SETTING_UNKNOWN, SETTING_INVALID */
export function readConfig(env: Environment): ProviderConfig {
  refuseUnknown(env, { program: "the provider", prefix: OWN_PREFIX, known: OWN_KEYS });
  const home = env["PINGO_HOME"] || join(homedir(), ".pingo");
  const folder = resolve(env["PINGO_PROVIDER_DIR"] || join(home, "provider"));
  const policy = env["PINGO_PROVIDER_POLICY"] || join(folder, POLICY_FILE);
  const slotsMax = Math.min(availableParallelism(), LIMITS.leasesPerProviderMax);
  // A policy says how many of all it lends at a moment; without one, all that is here works all the time.
  const slotsByDefault = policy === NO_POLICY ? 1 : slotsMax;
  return {
    folder,
    policyPath: policy === NO_POLICY ? null : resolve(policy),
    desktopEnvironment: pick(env, DESKTOP_KEYS),
    fogUrl: readHttpUrl("PINGO_FOG", env["PINGO_FOG"] || FOG_URL, FOG_URL),
    slots: readWhole("PINGO_PROVIDER_SLOTS", env["PINGO_PROVIDER_SLOTS"] || String(slotsByDefault), {
      min: 1,
      max: slotsMax,
    }),
    cacheBytesMax:
      MIB *
      readWhole("PINGO_PROVIDER_CACHE_MIB", env["PINGO_PROVIDER_CACHE_MIB"] || String(CACHE_MIB), {
        min: 1,
        max: 2 ** 24,
      }),
    logLevel: readOneOf("PINGO_LOG_LEVEL", env["PINGO_LOG_LEVEL"] || "info", LOG_LEVELS),
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
