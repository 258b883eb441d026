/** What the environment says: the only place of this app that reads it. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { ADDRESS_BOOK_NAME, readHttpUrl, readOneOf, refuseUnknown } from "@pingo/core";

export const HTTP_PORT_DEFAULT = 4710;
export const DEVNET_PORT_DEFAULT = 4720;

export interface CliConfig {
  /** All state lives under it. */
  readonly home: string;
  readonly fogUrl: string;
  /** Show the insides of an error. */
  readonly isDebug: boolean;
  readonly hasColor: boolean;
  readonly logLevel: string;
  readonly wallet: WalletSecrets;
  readonly chain: ChainConfig;
  /** The environment, for child processes; without secrets that are this one's alone. */
  readonly inherited: Readonly<Record<string, string>>;
}

/** The devnet of this machine, unless TON_ENDPOINT names another. */
export interface ChainConfig {
  /** toncenter's API v2. */
  readonly endpoint: string;
  /** Somebody set it, rather than leaving it at the devnet of this machine. */
  readonly isNamed: boolean;
  readonly apiKey: string | undefined;
  /** Where the contracts are. */
  readonly addressBookPath: string;
}

export interface WalletSecrets {
  readonly passphrase: string | undefined;
  readonly passphraseFile: string | undefined;
}

/** Ours, and those of the apps that share the environment with us. */
const KNOWN = [
  "PINGO_HOME",
  "PINGO_FOG",
  "PINGO_DEBUG",
  "PINGO_LOG_LEVEL",
  "PINGO_FOG_HTTP",
  "PINGO_FOG_P2P",
  "PINGO_FOG_WEB",
  "PINGO_FOG_WEB_ANNOUNCE",
  "PINGO_FOG_PAGE",
  "PINGO_FOG_LEASE_TTL_MS",
  "PINGO_FOG_PAYMENT",
  "PINGO_FOG_GATE",
  "PINGO_FOG_STAKE",
  "PINGO_FOG_FOUNDERS",
  "PINGO_FOG_DOMAINS",
  "PINGO_FOG_NETWORK",
  "PINGO_FOG_ADDRESS_BOOK",
  "PINGO_PROVIDER_DIR",
  "PINGO_PROVIDER_SLOTS",
  "PINGO_PROVIDER_POLICY",
  "PINGO_DEVNET_HTTP",
  "PINGO_DEVNET_ADMIN_PORT",
  "PINGO_DEVNET_BLOCK_MS",
  "PINGO_DEVNET_RATE",
  "PINGO_DEVNET_FROM",
  "PINGO_EXIT_WITH_PARENT",
  "PINGO_WALLET_PASSPHRASE",
  "PINGO_WALLET_PASSPHRASE_FILE",
] as const;

const SECRETS: readonly string[] = ["PINGO_WALLET_PASSPHRASE", "PINGO_WALLET_PASSPHRASE_FILE"];

const DEVNET_ENDPOINT = `http://127.0.0.1:${DEVNET_PORT_DEFAULT}/api/v2/jsonRPC`;

const LOG_LEVELS = ["error", "warn", "info", "debug", "silent"];

/** @throws {SettingError} SETTING_UNKNOWN, SETTING_INVALID */
export function readConfig(env: Readonly<Record<string, string | undefined>>): CliConfig {
  const inherited: Record<string, string> = {};
  for (const [key, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (!SECRETS.includes(key)) inherited[key] = value;
  }
  refuseUnknown(inherited, { program: "PinGo", prefix: "PINGO_", known: KNOWN });
  const home = resolve(env["PINGO_HOME"] || join(homedir(), ".pingo"));
  return {
    home,
    fogUrl: env["PINGO_FOG"] || `http://127.0.0.1:${HTTP_PORT_DEFAULT}`,
    isDebug: isOn(env["PINGO_DEBUG"]),
    hasColor: !env["NO_COLOR"] && env["TERM"] !== "dumb",
    logLevel: readOneOf("PINGO_LOG_LEVEL", env["PINGO_LOG_LEVEL"] || "info", LOG_LEVELS),
    wallet: {
      passphrase: env["PINGO_WALLET_PASSPHRASE"] || undefined,
      passphraseFile: env["PINGO_WALLET_PASSPHRASE_FILE"] || undefined,
    },
    chain: {
      endpoint: readHttpUrl("TON_ENDPOINT", env["TON_ENDPOINT"] || DEVNET_ENDPOINT, DEVNET_ENDPOINT),
      isNamed: Boolean(env["TON_ENDPOINT"]),
      apiKey: env["TON_API_KEY"] || undefined,
      addressBookPath: resolve(env["PINGO_FOG_ADDRESS_BOOK"] || join(home, ADDRESS_BOOK_NAME)),
    },
    inherited,
  };
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0";
}
