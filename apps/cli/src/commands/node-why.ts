/** `pingo node why`: what this computer lends at this moment, and why not more. */
import { formatBytes } from "@pingo/core";
import type { OwnerStatus, ProviderStatus } from "@pingo/scheduler/status";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import type { Context } from "../context.ts";
import { readOwnStatus } from "../local/own-provider.ts";
import { refusalLines } from "../view/own-status.ts";

const HELP = `
Examples:
  pingo node why
  pingo node why --json | jq -r '.owner.reasons[].code'`;

export function nodeWhyCommand(run: Run): Command {
  return new Command("why")
    .description("what this computer lends at this moment, and why not more")
    .addHelpText("after", HELP)
    .action(run(why));
}

async function why(context: Context): Promise<void> {
  const status = await readOwnStatus(context);
  context.screen.json(status);
  for (const line of whyLines(status, context.ports.clock.nowUnixMs())) context.screen.line(line);
}

function whyLines(status: ProviderStatus, nowUnixMs: number): readonly string[] {
  const { owner, busySlots, isOnline, fog, refused } = status;
  const troubles = status.troubles.map(({ sentence, code }) => `  ${sentence} (${code})`);
  const work = `${busySlots} ${busySlots === 1 ? "unit" : "units"} of work`;
  const link = isOnline ? `joined to ${fog}, ${work}` : `looking for the fog node at ${fog}`;
  const refusal = refusalLines(refused, nowUnixMs);
  if (owner === null)
    return ["it lends all, all the time: no policy is in force", ...troubles, link, ...refusal];
  return [
    `${STATES[owner.verdict]}${lentText(owner)}`,
    ...owner.reasons.map(({ sentence, code }) => `  ${sentence} (${code})`),
    ...troubles,
    link,
    ...refusal,
    ...(owner.policyProblem === null
      ? []
      : [`the policy file is broken, the one before it counts: ${owner.policyProblem}`]),
    ...owner.missing.map((sentence) => `not known here: ${sentence}`),
  ];
}

const STATES: { readonly [V in OwnerStatus["verdict"]]: string } = {
  run: "it lends all that your policy lends",
  throttle: "it lends a part",
  suspend: "it stands still",
  vacate: "it has given everything back",
};

function lentText({ cores, memoryBytes, machineMillicores, profile }: OwnerStatus): string {
  if (cores === 0) return ` (profile ${profile})`;
  const all = (machineMillicores / 1_000).toFixed(machineMillicores % 1_000 === 0 ? 0 : 1);
  return `: ${cores} of ${all} cores, ${formatBytes(memoryBytes)} of memory (profile ${profile})`;
}
