import { formatBytes, formatDuration, type ProviderView } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { table } from "../view/table.ts";

const HELP = `
Examples:
  pingo node status          the fog node and every provider it has seen
  pingo node status --json`;

export function nodeStatusCommand(run: Run): Command {
  return new Command("status")
    .description("the fog node and its providers")
    .addHelpText("after", HELP)
    .action(run(status));
}

async function status(context: Context): Promise<void> {
  const client = await connectAsReader(context);
  const [node, providers] = await Promise.all([
    client.node({ signal: context.signal }),
    client.providers({ signal: context.signal }),
  ]);
  context.screen.json({ node, providers });
  context.screen.line(`fog node ${node.id} at ${node.httpUrl}, version ${node.version}`);
  context.screen.line(providerTable(providers, context.ports.clock.nowUnixMs()));
}

export function providerTable(providers: readonly ProviderView[], nowUnixMs: number): string {
  if (providers.length === 0) return 'no providers yet; "pingo node join" lends a computer';
  const columns = [
    { title: "PROVIDER" },
    { title: "STATE" },
    { title: "BUSY", align: "right" },
    { title: "CORES", align: "right" },
    { title: "MEMORY", align: "right" },
    { title: "GFLOPS", align: "right" },
    { title: "UNITS", align: "right" },
    { title: "SEEN", align: "right" },
  ] as const;
  const rows = providers.map((provider) => [
    provider.id,
    provider.connected ? "connected" : "away",
    `${provider.busySlots}/${provider.slots}`,
    (provider.cpuMillicores / 1000).toFixed(1),
    formatBytes(provider.memoryBytes),
    provider.gflops === 0 ? "" : provider.gflops.toFixed(1),
    String(provider.unitsCounted),
    `${formatDuration(Math.max(0, nowUnixMs - provider.lastSeenUnixMs))} ago`,
  ]);
  return table(columns, rows);
}
