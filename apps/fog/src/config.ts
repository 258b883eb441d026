/** The station's settings: the only place that reads the environment, and where every default can be seen. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import {
  ADDRESS_BOOK_NAME,
  type HostPort,
  invalidSetting,
  isFault,
  LIMITS,
  type NodeId,
  parseNodeId,
  readFlag,
  readHostPort,
  readHttpUrl,
  readOneOf,
  readWhole,
  refuseUnknown,
} from "@pingo/core";
import { LOG_LEVELS, type LogLevel } from "@pingo/core/log";

export interface FogConfig {
  /** Everything the station writes is in here, but for a database of its own. */
  readonly folder: string;
  readonly http: HostPort;
  /** Multiaddr that providers dial. */
  readonly peerAddress: string;
  /** Pages may lend too: what they dial, and where the page lies; null where they may not. */
  readonly web: WebConfig | null;
  /** PostgreSQL; the built-in database when undefined. */
  readonly databaseUrl: string | undefined;
  readonly leaseTtlMs: number;
  /**
   * account: owners may owe what their jobs cost. prepaid: a job's budget must be there before it is admitted. chain: it must be in escrow on
   * chain before the job starts, and what is earned goes to wallets.
   */
  readonly payment: Payment;
  /** required: only providers with a stake in the registry on chain are given work. */
  readonly stake: "none" | "required";
  /** Of a provider's pieces, the least share that is done again, however long they came out the same; undefined: none are. */
  readonly auditRateMin: number | undefined;
  /** open: everybody may submit. certificate: contributors, and the founders. */
  readonly gate: "open" | "certificate";
  readonly founders: ReadonlySet<NodeId>;
  /** Hosts of pages whose visitors sign in with a wallet here; none: nobody does. */
  readonly domains: readonly string[];
  /** What wallets and signatures hold for: -239 mainnet, -3 testnet and devnet. */
  readonly network: -239 | -3;
  /** undefined: this station knows no chain. */
  readonly chain: ChainConfig | undefined;
  readonly logLevel: LogLevel;
  /** Stops when stdin ends, so that it never outlives the process that started it. */
  readonly exitsWithParent: boolean;
}

export interface ChainConfig {
  /** toncenter's API v2. */
  readonly endpoint: string;
  readonly apiKey: string | undefined;
  readonly addressBookPath: string;
}

/** "pingo devnet up" listens there. */
const DEVNET_ENDPOINT = "http://127.0.0.1:4720/api/v2/jsonRPC";
const GATES = ["open", "certificate"] as const;
const STAKES = ["none", "required"] as const;
const NETWORKS = { mainnet: -239, testnet: -3 } as const;
const FOUNDERS_MAX = 64;
const DOMAINS_MAX = 16;
/** As ton_proof names a page: its host, and its port where it has one. */
const HOST = /^[a-z0-9.-]{1,128}(:\d{1,5})?$/;
const PAYMENTS = ["account", "prepaid", "chain"] as const;
export type Payment = (typeof PAYMENTS)[number];

export interface WebConfig {
  /** Multiaddr that ends in /ws. */
  readonly listen: string;
  /** Where pages of https dial: a proxy with a certificate, as /dns4/HOST/tcp/443/tls/ws. */
  readonly announce: readonly string[];
  /** Holds the built page. */
  readonly pageFolder: string;
}

const OWN_PREFIX = "PINGO_FOG_";
const OWN_KEYS = [
  "PINGO_FOG_HTTP",
  "PINGO_FOG_P2P",
  "PINGO_FOG_WEB",
  "PINGO_FOG_WEB_ANNOUNCE",
  "PINGO_FOG_PAGE",
  "PINGO_FOG_LEASE_TTL_MS",
  "PINGO_FOG_AUDIT_PERCENT",
  "PINGO_FOG_PAYMENT",
  "PINGO_FOG_GATE",
  "PINGO_FOG_STAKE",
  "PINGO_FOG_FOUNDERS",
  "PINGO_FOG_DOMAINS",
  "PINGO_FOG_NETWORK",
  "PINGO_FOG_ADDRESS_BOOK",
] as const;
const HTTP = "127.0.0.1:4710";
export const LEASE_TTL_MS = 6_000;
const LEASE_TTL_MS_MIN = 300;

/** What of the process's environment is read. */
type Environment = {
  readonly [K in
    | (typeof OWN_KEYS)[number]
    | "PINGO_HOME"
    | "DATABASE_URL"
    | "TON_ENDPOINT"
    | "TON_API_KEY"
    | "PINGO_LOG_LEVEL"
    | "PINGO_EXIT_WITH_PARENT"]?: string | undefined;
};

/** @throws {SettingError} SETTING_UNKNOWN, SETTING_INVALID */
export function readConfig(env: Environment): FogConfig {
  // The address of a fog node, PINGO_FOG, is a provider's setting; a shell may well have it set for both.
  refuseUnknown(env, { program: "the fog node", prefix: OWN_PREFIX, known: OWN_KEYS });
  const home = env.PINGO_HOME || join(homedir(), ".pingo");
  return {
    folder: join(resolve(home), "fog"),
    http: readHostPort("PINGO_FOG_HTTP", env.PINGO_FOG_HTTP ?? HTTP, HTTP),
    peerAddress: readMultiaddr("PINGO_FOG_P2P", env.PINGO_FOG_P2P ?? "/ip4/127.0.0.1/tcp/4711"),
    web: readWeb(env),
    databaseUrl: env.DATABASE_URL ? readDatabaseUrl("DATABASE_URL", env.DATABASE_URL) : undefined,
    leaseTtlMs: readWhole("PINGO_FOG_LEASE_TTL_MS", env.PINGO_FOG_LEASE_TTL_MS ?? String(LEASE_TTL_MS), {
      min: LEASE_TTL_MS_MIN,
      max: LIMITS.leaseTtlMsMax,
    }),
    auditRateMin: env.PINGO_FOG_AUDIT_PERCENT
      ? readWhole("PINGO_FOG_AUDIT_PERCENT", env.PINGO_FOG_AUDIT_PERCENT, { min: 1, max: 100 }) / 100
      : undefined,
    gate: readOneOf("PINGO_FOG_GATE", env.PINGO_FOG_GATE || "open", GATES),
    stake: readOneOf("PINGO_FOG_STAKE", env.PINGO_FOG_STAKE || "none", STAKES),
    founders: readFounders("PINGO_FOG_FOUNDERS", env.PINGO_FOG_FOUNDERS ?? ""),
    domains: readDomains("PINGO_FOG_DOMAINS", env.PINGO_FOG_DOMAINS ?? ""),
    network:
      NETWORKS[readOneOf("PINGO_FOG_NETWORK", env.PINGO_FOG_NETWORK || "testnet", ["mainnet", "testnet"])],
    chain: readChain(env, resolve(home)),
    payment: readOneOf("PINGO_FOG_PAYMENT", env.PINGO_FOG_PAYMENT || "account", PAYMENTS),
    logLevel: readOneOf("PINGO_LOG_LEVEL", env.PINGO_LOG_LEVEL ?? "info", LOG_LEVELS),
    exitsWithParent: readFlag("PINGO_EXIT_WITH_PARENT", env.PINGO_EXIT_WITH_PARENT || "0"),
  };
}

/** A shell may well have the endpoint set for other programs: a station that needs no chain asks none. */
function readChain(env: Environment, home: string): ChainConfig | undefined {
  const { TON_ENDPOINT: endpoint = "", PINGO_FOG_ADDRESS_BOOK: book } = env;
  const isAsked =
    env.PINGO_FOG_GATE === "certificate" ||
    env.PINGO_FOG_PAYMENT === "chain" ||
    env.PINGO_FOG_STAKE === "required";
  if (!book && !isAsked) return undefined;
  return {
    endpoint: readHttpUrl("TON_ENDPOINT", endpoint || DEVNET_ENDPOINT, DEVNET_ENDPOINT),
    apiKey: env.TON_API_KEY || undefined,
    addressBookPath: resolve(book || join(home, ADDRESS_BOOK_NAME)),
  };
}

function readFounders(key: string, value: string): ReadonlySet<NodeId> {
  const ids = value
    .split(",")
    .map((id) => id.trim())
    .filter(Boolean);
  try {
    if (ids.length <= FOUNDERS_MAX) return new Set(ids.map(parseNodeId));
  } catch (error) {
    if (!isFault(error)) throw error;
  }
  throw invalidSetting(key, value, `at most ${FOUNDERS_MAX} node ids with commas between`);
}

function readDomains(key: string, value: string): readonly string[] {
  const domains = value
    .split(",")
    .map((domain) => domain.trim().toLowerCase())
    .filter(Boolean);
  if (domains.length <= DOMAINS_MAX && domains.every((domain) => HOST.test(domain))) return domains;
  throw invalidSetting(key, value, `at most ${DOMAINS_MAX} hosts with commas between, like app.example.org`);
}

function readMultiaddr(key: string, value: string): string {
  if (/^\/(ip4|ip6|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}$/.test(value)) return value;
  throw invalidSetting(key, value, "a multiaddr, like /ip4/127.0.0.1/tcp/4711");
}

function readWeb(env: Environment): WebConfig | null {
  const { PINGO_FOG_WEB: listen, PINGO_FOG_PAGE: page, PINGO_FOG_WEB_ANNOUNCE: announce } = env;
  if (!listen) {
    if (page) throw invalidSetting("PINGO_FOG_PAGE", page, "PINGO_FOG_WEB with it, which the page dials");
    return null;
  }
  if (!/^\/(ip4|ip6|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}\/ws$/.test(listen)) {
    throw invalidSetting("PINGO_FOG_WEB", listen, "a multiaddr, like /ip4/127.0.0.1/tcp/4712/ws");
  }
  if (!page)
    throw invalidSetting("PINGO_FOG_WEB", listen, "PINGO_FOG_PAGE with it, the folder of the built page");
  if (announce && !/^\/dns[46]?\/[^/]+\/tcp\/\d{1,5}\/tls\/ws$/.test(announce)) {
    throw invalidSetting(
      "PINGO_FOG_WEB_ANNOUNCE",
      announce,
      "a multiaddr, like /dns4/fog.example/tcp/443/tls/ws",
    );
  }
  return { listen, announce: announce ? [announce] : [], pageFolder: resolve(page) };
}

function readDatabaseUrl(key: string, value: string): string {
  if (/^postgres(ql)?:\/\//.test(value)) return value;
  throw invalidSetting(key, "…", "postgres://user@host/database");
}
