/** What every command is handed. The engine behind the sdk is loaded when it is needed: help must not wait for it. */
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Ports } from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import type { CliConfig } from "./config.ts";
import type { Screen } from "./view/screen.ts";

export interface Context {
  readonly config: CliConfig;
  /** --fog, else PINGO_FOG, else the default. */
  readonly fogUrl: string;
  readonly screen: Screen;
  readonly ports: Pick<Ports, "clock" | "prng" | "disk" | "fetch">;
  /** Where a person can be asked; undefined where there is none. */
  readonly terminal: Terminal | undefined;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  /** By the monotonic clock, when this process began. */
  readonly startedMs: number;
}

export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
}

/** A client that can sign: with the key of this home's user. */
export async function connectAsUser(context: Context, fogUrl = context.fogUrl): Promise<FogClient> {
  const { connect, openIdentity } = await import("@pingo/sdk");
  const key = await openIdentity(join(context.config.home, "user.key"), context.ports.prng);
  return connect(fogUrl, { ports: context.ports, key });
}

/** A client that only reads. */
export async function connectAsReader(context: Context): Promise<FogClient> {
  const { connect } = await import("@pingo/sdk");
  return connect(context.fogUrl, { ports: context.ports });
}
