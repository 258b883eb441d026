/** `pingo node pause|resume|finish`: the owner's word over the policy. */
import { parseDuration } from "@pingo/core";
import type { OwnerWish } from "@pingo/scheduler";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { writeWish } from "../local/own-provider.ts";

const PAUSE_HELP = `
Examples:
  pingo node pause 2h       nothing runs for two hours; what is done of a unit is handed in
  pingo node pause 30s`;
const RESUME_HELP = `
Examples:
  pingo node resume         takes a pause or a finish back`;
const FINISH_HELP = `
Examples:
  pingo node finish         what runs is finished, nothing new is taken`;

/** Longer is no pause: `pingo node service uninstall`, or a policy with windows. */
const PAUSE_MS_MAX = 366 * 86_400_000;

export function nodePauseCommand(run: Run): Command {
  return new Command("pause")
    .description("lend nothing for a while")
    .argument("<duration>", 'such as "30m" or "2h"')
    .addHelpText("after", PAUSE_HELP)
    .action(
      run(async (context, command) => {
        const forMs = pauseMs(command.args[0] ?? "");
        const untilUnixMs = context.ports.clock.nowUnixMs() + forMs;
        await tell(context, { kind: "paused", untilUnixMs, forMs }, `paused until ${localText(untilUnixMs)}`);
      }),
    );
}

export function nodeResumeCommand(run: Run): Command {
  return new Command("resume")
    .description("lend again as the policy says")
    .addHelpText("after", RESUME_HELP)
    .action(run((context) => tell(context, { kind: "none" }, "it lends again as your policy says")));
}

export function nodeFinishCommand(run: Run): Command {
  return new Command("finish")
    .description("finish what runs, and take nothing new")
    .addHelpText("after", FINISH_HELP)
    .action(
      run((context) => tell(context, { kind: "finishing" }, "what runs is finished, nothing new is taken")),
    );
}

function pauseMs(text: string): number {
  const ms = parseDuration(text);
  if (ms > 0 && ms <= PAUSE_MS_MAX) return ms;
  throw new CliError({ code: "OPTION_INVALID", option: "duration", value: text, expected: "1ms to 366d" });
}

async function tell(context: Context, wish: OwnerWish, said: string): Promise<void> {
  await writeWish(context, wish);
  context.screen.json(wish);
  context.screen.line(said);
}

function localText(unixMs: number): string {
  return new Date(unixMs).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" });
}
