/** A whole network on this machine: one fog node and its providers, as child processes. */
import { join } from "node:path";
import { type Clock, type FogNodeView, parseShape, zFogNodeView } from "@pingo/core";
import type { CliConfig } from "../config.ts";
import { type Child, startChild } from "./child.ts";
import { FOG_FLAGS, SCRIPTS } from "./scripts.ts";
import { untilInterrupted } from "./until-interrupted.ts";

/** Ctrl-C to silence within 5 s: providers hand their leases back first, then the fog node closes. */
const PROVIDERS_STOP_MS = 2_000;
const FOG_STOP_MS = 2_000;

export interface LocalNetworkOptions {
  readonly config: CliConfig;
  readonly clock: Clock;
  readonly httpPort: number;
  readonly p2pPort: number;
  readonly providers: number;
  /** Browser tabs may lend too: where the built page is, and what it dials. */
  readonly web?: { readonly page: string; readonly port: number } | undefined;
  readonly signal: AbortSignal;
  /** More settings of the fog node. */
  readonly fogEnv?: Readonly<Record<string, string>>;
  /** The fog node holds the home; the providers start. */
  readonly onFogReady?: () => void;
  readonly onReady?: (name: string, ready: number, of: number) => void;
}

export interface LocalNetwork extends AsyncDisposable {
  readonly fog: FogNodeView;
  readonly children: readonly Child[];
  /** Rejects with its fault as soon as the fog node ends by itself; providers may come and go. */
  readonly failed: Promise<never>;
  /** Told of each provider that ends by itself. */
  onProviderEnd(tell: (fault: Error) => void): void;
}

/** @throws the fault of the first child that does not get ready; the others are stopped */
export async function startLocalNetwork(options: LocalNetworkOptions): Promise<LocalNetwork> {
  const { config, clock, signal, httpPort, p2pPort, web } = options;
  const children: Child[] = [];
  let isStopping = false;
  const stop = async (): Promise<void> => {
    isStopping = true;
    const [fogChild, ...providerChildren] = children;
    await stopAll(providerChildren, PROVIDERS_STOP_MS, clock);
    if (fogChild) await stopAll([fogChild], FOG_STOP_MS, clock);
  };
  const start = (
    name: string,
    script: string,
    env: Readonly<Record<string, string>>,
    flags: readonly string[] = [],
  ): Child => {
    const shared = { ...config.inherited, PINGO_HOME: config.home, PINGO_LOG_LEVEL: config.logLevel };
    const logPath = join(config.home, "logs", `${name}.log`);
    const child = startChild(
      { name, script, flags, env: { ...shared, PINGO_EXIT_WITH_PARENT: "1", ...env }, logPath },
      clock,
    );
    children.push(child);
    return child;
  };
  const aborted = untilInterrupted(signal);
  const ready = async (child: Child): Promise<unknown> => {
    const line = await Promise.race([child.ready, aborted]);
    options.onReady?.(child.name, children.indexOf(child) + 1, options.providers + 1);
    return line;
  };
  try {
    const listens = {
      PINGO_FOG_HTTP: `127.0.0.1:${httpPort}`,
      PINGO_FOG_P2P: `/ip4/127.0.0.1/tcp/${p2pPort}`,
      ...(web && { PINGO_FOG_WEB: `/ip4/127.0.0.1/tcp/${web.port}/ws`, PINGO_FOG_PAGE: web.page }),
      ...options.fogEnv,
    };
    const fogChild = start("fog", SCRIPTS.fog, listens, FOG_FLAGS);
    const fog = fogOf(await ready(fogChild));
    options.onFogReady?.();
    const providers = Array.from({ length: options.providers }, (_, i) =>
      start(`provider-${i + 1}`, SCRIPTS.provider, {
        PINGO_PROVIDER_DIR: join(config.home, `provider-${i + 1}`),
        PINGO_FOG: fog.httpUrl,
        // The owner asked for this, now, and a provider would take its neighbours for the owner's work.
        PINGO_PROVIDER_POLICY: "off",
      }),
    );
    await Promise.all(providers.map(ready));
    return {
      fog,
      children,
      failed: fogChild.ended.then((end) =>
        isStopping ? new Promise<never>(() => undefined) : Promise.reject(fogChild.faultOf(end)),
      ),
      onProviderEnd(tell) {
        for (const child of providers)
          void child.ended.then((end) => !isStopping && tell(child.faultOf(end)));
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function fogOf(line: unknown): FogNodeView {
  const node = typeof line === "object" && line !== null && "node" in line ? line.node : undefined;
  return parseShape(zFogNodeView, node, "the fog node's ready line");
}

async function stopAll(children: readonly Child[], withinMs: number, clock: Clock): Promise<void> {
  for (const child of children) child.terminate();
  const all = Promise.all(children.map((child) => child.ended));
  const timer = new AbortController();
  const late = clock.sleep(withinMs, { signal: timer.signal }).catch(() => undefined); // aborted: all ended in time
  await Promise.race([all, late]);
  timer.abort();
  for (const child of children) child.kill(); // no effect on one that ended
  await all;
}
