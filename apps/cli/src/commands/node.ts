/** `pingo node …`: this computer as a provider. */
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { nodeBenchCommand } from "./node-bench.ts";
import { nodeJoinCommand } from "./node-join.ts";
import { nodeFinishCommand, nodePauseCommand, nodeResumeCommand } from "./node-pause.ts";
import { nodePolicyCommand } from "./node-policy.ts";
import { nodeServiceCommand } from "./node-service.ts";
import { nodeSizeCommand } from "./node-size.ts";
import { nodeCollectCommand, nodeRegisterCommand, nodeUnbondCommand } from "./node-stake.ts";
import { nodeStatusCommand } from "./node-status.ts";
import { nodeWhyCommand } from "./node-why.ts";

export function nodeCommand(run: Run): Command {
  return new Command("node")
    .description("lend this computer, and see who lends theirs")
    .addCommand(nodeJoinCommand(run))
    .addCommand(nodeServiceCommand(run))
    .addCommand(nodeStatusCommand(run))
    .addCommand(nodeWhyCommand(run))
    .addCommand(nodePolicyCommand(run))
    .addCommand(nodeSizeCommand(run))
    .addCommand(nodeBenchCommand(run))
    .addCommand(nodeRegisterCommand(run))
    .addCommand(nodeUnbondCommand(run))
    .addCommand(nodeCollectCommand(run))
    .addCommand(nodePauseCommand(run))
    .addCommand(nodeResumeCommand(run))
    .addCommand(nodeFinishCommand(run));
}
