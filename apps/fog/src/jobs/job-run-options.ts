/** What a job's run is given: the rooms it writes to, and its ways to providers and to the plan. */
import type { Clock, FogRequest, Log, NodeId, Prng, RegistryRef } from "@pingo/core";
import type { Blocks } from "@pingo/storage";
import type { Sql } from "../database/schema.ts";
import type { EventHub } from "./event-hub.ts";
import type { JobRun } from "./job-run.ts";
import type { Modeller } from "./modeller.ts";
import type { Traffic } from "./traffic.ts";

export interface JobRunOptions {
  readonly sql: Sql;
  readonly blocks: Blocks;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Log;
  readonly hub: EventHub;
  readonly traffic: Traffic;
  readonly modeller: Modeller;
  readonly fog: NodeId;
  readonly leaseTtlMs: number;
  /** Where stakes that answer for results stand; null: this station knows none. */
  readonly registry: RegistryRef | null;
  /** Whether an owner may owe what a job costs. */
  readonly hasCredit: (owner: NodeId) => boolean;
  /** Whether a job's budget comes from the chain, after it is admitted. */
  readonly awaitsFunds: boolean;
  /** @throws {FaultError} unless the owner may use this station */
  readonly admitOwner: (owner: NodeId) => Promise<void>;
  /** @throws {FaultError} when the provider refuses or cannot be reached */
  readonly ask: (provider: NodeId, request: FogRequest) => Promise<void>;
  /** Providers may be wanted now, or free. */
  readonly wake: () => void;
  /** How many units providers could take side by side now. */
  readonly placeable: (run: JobRun) => number;
  readonly onFinished: (run: JobRun) => void;
}
