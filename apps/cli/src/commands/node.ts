/** `pingo node …`: this computer as a provider. */
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { nodeJoinCommand } from "./node-join.ts";
import { nodeStatusCommand } from "./node-status.ts";

export function nodeCommand(run: Run): Command {
  return new Command("node")
    .description("lend this computer, and see who lends theirs")
    .addCommand(nodeJoinCommand(run))
    .addCommand(nodeStatusCommand(run));
}
