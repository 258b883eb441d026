/** `pingo node policy show|set`: when this computer works for others, and how much of it. */
import { resolve } from "node:path";
import { LIMITS } from "@pingo/core";
import { type OwnerPolicy, PROFILES, parsePolicyFile } from "@pingo/scheduler";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { policyPath } from "../local/own-provider.ts";
import { policyLines } from "../view/policy-view.ts";

const SHOW_HELP = `
Examples:
  pingo node policy show
  pingo node policy show --json`;
const SET_HELP = `
Examples:
  pingo node policy set gentle          yours first in everything: one core while you type, none on battery
  pingo node policy set balanced        short spikes of yours do not stop it
  pingo node policy set dedicated       a server: everything, day and night
  pingo node policy set my-policy.yaml  your own; docs/reference/owner-policy.md has every key`;

export function nodePolicyCommand(run: Run): Command {
  return new Command("policy")
    .description("when this computer works for others, and how much of it")
    .addCommand(
      new Command("show")
        .description("the policy in force")
        .addHelpText("after", SHOW_HELP)
        .action(run(show)),
    )
    .addCommand(
      new Command("set")
        .description("take a profile, or a policy file; an agent that runs follows within a second")
        .argument("<profile or file>")
        .addHelpText("after", SET_HELP)
        .action(run(set)),
    );
}

async function show(context: Context): Promise<void> {
  const path = policyPath(context);
  const text = await readText(context, path);
  tell(context, text === undefined ? PROFILES.gentle : parsePolicyFile(text, path), {
    from: text === undefined ? "the default" : path,
  });
}

async function set(context: Context, command: Command): Promise<void> {
  const name = command.args[0] ?? "";
  const isProfile = Object.hasOwn(PROFILES, name);
  const source = resolve(name);
  const text = isProfile ? `profile: ${name}\n` : await readText(context, source);
  if (text === undefined) {
    const expected = `${Object.keys(PROFILES).join(", ")}, or a policy file`;
    throw new CliError({ code: "OPTION_INVALID", option: "policy", value: name, expected });
  }
  const policy = parsePolicyFile(text, source);
  const path = policyPath(context);
  await context.ports.disk.write(path, new TextEncoder().encode(text));
  tell(context, policy, { from: path });
}

function tell(context: Context, policy: OwnerPolicy, { from }: { readonly from: string }): void {
  context.screen.json({
    from,
    policy: { ...policy, priceNanoPerCpuHour: String(policy.priceNanoPerCpuHour) },
  });
  context.screen.line(`profile ${policy.profile}, from ${from}`);
  for (const line of policyLines(policy)) context.screen.line(`  ${line}`);
}

async function readText({ ports }: Context, path: string): Promise<string | undefined> {
  const bytesMax = LIMITS.policyFileBytesMax;
  // Before anything is read: its size is the most that this would take of memory.
  if (((await ports.disk.sizeBytes(path)) ?? 0) > bytesMax)
    throw new CliError({ code: "FILE_TOO_LARGE", path, bytesMax });
  const bytes = await ports.disk.read(path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
