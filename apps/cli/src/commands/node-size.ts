/** `pingo node size`: how much of this computer is lent at most; an agent that runs follows within a second. */
import { parseBytes, parseMillicores, parseShape } from "@pingo/core";
import { ANY_SIZE, type OwnerSize } from "@pingo/scheduler";
import { zOwnerSize } from "@pingo/scheduler/status";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { readSize, writeSize } from "../local/own-provider.ts";
import { type Options, optionsOf } from "../options.ts";
import { sizeLines } from "../view/size-view.ts";

const HELP = `
Each stays as it was where it is not named. A part of a core is a worker that runs for a part of the time; work that
wants a whole core then goes elsewhere. What a policy file says under "size" holds beside this.

Examples:
  pingo node size                              what is lent at most
  pingo node size --cores 1.5 --memory 2Gi     takes effect at once, also while units run
  pingo node size --disk 10Gi                  blocks kept for the next units
  pingo node size --cores all                  as the agent was started
  pingo node size --reset`;

const ALL = "all";

export function nodeSizeCommand(run: Run): Command {
  return new Command("size")
    .description("how much of this computer is lent at most; changed at any time")
    .option("--cores <number>", 'such as 2, 1.5 or 500m; "all" takes the limit away')
    .option("--memory <bytes>", 'such as 2Gi, 128Mi at least; or "all"')
    .option("--disk <bytes>", 'such as 10Gi, 64Mi at least; or "all"')
    .option("--reset", "no limit but the policy's")
    .addHelpText("after", HELP)
    .action(
      run(async (context, command) => {
        const options = optionsOf(command);
        const before = options.flag("reset") ? ANY_SIZE : await readSize(context);
        const after = changed(before, options);
        if (after !== before || options.flag("reset")) await writeSize(context, after);
        context.screen.json(after);
        for (const line of sizeLines(after)) context.screen.line(line);
      }),
    );
}

/** The same object where nothing was named. */
function changed(before: OwnerSize, options: Options): OwnerSize {
  const given = {
    millicores: read(options.text("cores"), parseMillicores),
    memoryBytes: read(options.text("memory"), parseBytes),
    diskBytes: read(options.text("disk"), parseBytes),
  };
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  if (named.length === 0) return before;
  return parseShape(zOwnerSize, { ...before, ...Object.fromEntries(named) }, "how much is lent");
}

function read(text: string | undefined, parse: (text: string) => number): number | null | undefined {
  if (text === undefined) return undefined;
  return text === ALL ? null : parse(text);
}
