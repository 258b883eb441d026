/**
 * The worker that lends: it has the agent, so that what the page draws disturbs nothing, and timers go on while the tab
 * is out of sight.
 */
import { type Log, type LogFields, reportOf } from "@pingo/core";
import { decideTab } from "../lend-decision.ts";
import type { TabState, TabStatus, ToWorker } from "../protocol.ts";
import { openIndexedDisk } from "./indexed-disk.ts";
import { pageClock, pageFetch, pagePrng } from "./page-ports.ts";
import { startTabAgent, type TabAgent } from "./tab-agent.ts";

/** Of a page's worker, the part used here: our types are those of Node. */
interface WorkerScope {
  onmessage: ((event: { readonly data: ToWorker }) => void) | null;
  postMessage(message: TabStatus): void;
  readonly navigator: {
    readonly hardwareConcurrency: number;
    /** GiB, coarse; not in every browser. */
    readonly deviceMemory?: number;
    readonly locks: {
      request(
        name: string,
        options: { readonly ifAvailable: boolean },
        held: (lock: object | null) => Promise<void>,
      ): Promise<void>;
    };
  };
}

const DATABASE = "pingo-provider";
/** Two tabs with one key would take each other's leases. */
const LOCK = "pingo-provider";
const TELL_EVERY_MS = 250;
const GIB = 2 ** 30;
const SILENT = (_event: string, _fields?: LogFields): void => undefined;
/** The page shows what matters; a browser's console is nobody's log. */
const log: Log = { error: SILENT, warn: SILENT, info: SILENT, debug: SILENT };

// SAFETY: the page, which alone starts this file, starts it as a dedicated worker.
const scope = globalThis as unknown as WorkerScope;
let latest: ToWorker | undefined;
let agent: TabAgent | undefined;

scope.onmessage = ({ data }) => {
  const isFirst = latest === undefined;
  latest = data;
  if (isFirst) void lendInTurn();
  else agent?.heed(data);
};

/** Where another tab lends, this one says so, and takes over when that one is gone. */
async function lendInTurn(): Promise<void> {
  const { locks } = scope.navigator;
  let isMine = false;
  await locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    isMine = lock !== null;
    if (isMine) await lend();
  });
  if (isMine) return;
  tellIdle("elsewhere", null);
  await locks.request(LOCK, { ifAvailable: false }, lend);
}

/** Its caller holds the lock until this resolves: for as long as this tab lends. */
async function lend(): Promise<void> {
  const first = latest;
  if (first === undefined) return;
  let fault: unknown;
  try {
    using disk = await openIndexedDisk(DATABASE);
    const { hardwareConcurrency, deviceMemory } = scope.navigator;
    await using started = await startTabAgent({
      first,
      ports: { clock: pageClock, prng: pagePrng, fetch: pageFetch, log, disk },
      machine: {
        cores: Math.max(1, hardwareConcurrency),
        memoryBytes: deviceMemory === undefined ? undefined : deviceMemory * GIB,
      },
    });
    agent = started;
    // What came while it started.
    if (latest) started.heed(latest);
    const telling = setInterval(() => scope.postMessage(started.status), TELL_EVERY_MS);
    try {
      await Promise.race([started.ended, disk.lost]);
    } catch (error) {
      fault = error; // what ends in order below may fail for the same reason, and says less
      throw error;
    } finally {
      clearInterval(telling);
      agent = undefined;
    }
  } catch (error) {
    tellIdle("failed", reportOf(fault ?? error).message);
  }
}

/** Nothing runs, and nothing will. */
function tellIdle(state: TabState, problem: string | null): void {
  if (!latest) return;
  const decision = decideTab(latest.signals, latest.policy);
  const done = { units: 0, steps: 0, rows: 0, ms: 0, acknowledged: 0 };
  scope.postMessage({ ...{ state, problem, decision, done }, provider: null, units: [], earnedNano: null });
}
