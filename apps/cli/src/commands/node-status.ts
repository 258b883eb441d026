import { availabilityAt, formatBytes, formatDuration, isFault, type ProviderView } from "@pingo/core";
import type { ProviderStatus } from "@pingo/scheduler/status";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Context, connectAsReader } from "../context.ts";
import { readOwnStatus } from "../local/own-provider.ts";
import { optionsOf } from "../options.ts";
import { cropped, fold } from "../view/fold.ts";
import { ownStatusLines } from "../view/own-status.ts";
import { takenBackLines } from "../view/refuted-view.ts";
import { table } from "../view/table.ts";

const HELP = `
Examples:
  pingo node status          this computer, the fog node and every provider it has seen
  pingo node status --live   this computer, told anew each second until Ctrl-C
  pingo node status --json`;

const LIVE_MS = 1_000;

export function nodeStatusCommand(run: Run): Command {
  return new Command("status")
    .description("what this computer lends and does; the fog node and its providers")
    .option("--live", "only this computer, each second anew until Ctrl-C; with --json one line a second")
    .addHelpText("after", HELP)
    .action(run(status));
}

async function status(context: Context, command: Command): Promise<void> {
  if (optionsOf(command).flag("live")) return live(context);
  const { screen, ports, signal } = context;
  const own = await ownStatusOrNull(context);
  const client = await connectAsReader(context);
  const now = ports.clock.nowUnixMs();
  try {
    const [node, providers, refuted] = await Promise.all([
      client.node({ signal }),
      client.providers({ signal }),
      own === null ? [] : client.refutedOfProvider(own.provider, { signal }),
    ]);
    screen.json({ node, providers, own, refuted });
    if (own !== null) for (const line of ownStatusLines(own, now)) screen.line(line);
    for (const line of takenBackLines(refuted)) screen.line(line);
    screen.line(`fog node ${node.id} at ${node.httpUrl}, version ${node.version}`);
    screen.line(providerTable(providers, now));
    if (providers.some(({ connected, hasStake }) => connected && hasStake === false))
      screen.line(
        'who has no stake is given no work here; "pingo node register" puts PINGO behind a provider',
      );
  } catch (error) {
    // This computer can be told of without its fog node.
    if (own === null || !isFault(error) || signal.aborted) throw error;
    screen.json({ node: null, providers: [], own, refuted: [] });
    for (const line of ownStatusLines(own, now)) screen.line(line);
    screen.line(error.message);
  }
}

async function live(context: Context): Promise<void> {
  const { screen, ports, signal } = context;
  await readOwnStatus(context); // none at the start is told as a fault, one that comes later is waited for
  while (!signal.aborted) {
    const own = await ownStatusOrNull(context);
    const lines = own === null ? ["no provider runs here"] : ownStatusLines(own, ports.clock.nowUnixMs());
    screen.json(own);
    const { columns, rows } = screen;
    const folded = lines.flatMap((line) => fold(line, columns));
    if (screen.isLive) screen.live(cropped(folded, rows).join("\n"));
    else for (const line of lines) screen.line(line);
    await ports.clock.sleep(LIVE_MS, { signal }).catch(() => undefined); // Ctrl-C ends it, as it should
  }
  screen.live("");
}

async function ownStatusOrNull(context: Context): Promise<ProviderStatus | null> {
  try {
    return await readOwnStatus(context);
  } catch (error) {
    if (error instanceof CliError && error.code === "NO_PROVIDER") return null;
    throw error;
  }
}

export function providerTable(providers: readonly ProviderView[], nowUnixMs: number): string {
  if (providers.length === 0) return 'no providers yet; "pingo node join" lends a computer';
  const columns = [
    { title: "PROVIDER" },
    { title: "STATE" },
    { title: "BUSY", align: "right" },
    { title: "CORES", align: "right" },
    { title: "MEMORY", align: "right" },
    { title: "DISK", align: "right" },
    { title: "GFLOPS", align: "right" },
    { title: "LENDS NOW", align: "right" },
    { title: "UNITS", align: "right" },
    { title: "SEEN", align: "right" },
  ] as const;
  const rows = providers.map((provider) => [
    provider.id,
    stateOf(provider),
    `${provider.busySlots}/${provider.slots}`,
    (provider.cpuMillicores / 1000).toFixed(1),
    formatBytes(provider.memoryBytes),
    formatBytes(provider.diskBytes),
    provider.gflops === 0 ? "" : provider.gflops.toFixed(1),
    percentText(availabilityAt(provider.terms, nowUnixMs)),
    String(provider.unitsCounted),
    `${formatDuration(Math.max(0, nowUnixMs - provider.lastSeenUnixMs))} ago`,
  ]);
  return table(columns, rows);
}

function stateOf({ connected, hasStake }: ProviderView): string {
  if (!connected) return "away";
  return hasStake === false ? "no stake" : "connected";
}

/** How likely it lends at this hour of the week. */
function percentText(percent: number | undefined): string {
  return percent === undefined ? "" : `${percent} %`;
}
