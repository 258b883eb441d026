/** `pingo job …`: everything about jobs that exist. */
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { jobEscrowCommand } from "./job-escrow.ts";
import { jobGetCommand } from "./job-get.ts";
import { jobListCommand } from "./job-list.ts";
import { jobShowCommand } from "./job-show.ts";
import { jobStopCommand } from "./job-stop.ts";
import { jobSubmitCommand } from "./job-submit.ts";
import { jobValidateCommand } from "./job-validate.ts";

export function jobCommand(run: Run): Command {
  return new Command("job")
    .description("submit, validate, list, show, stop and get jobs; what is paid for one")
    .addCommand(jobSubmitCommand(run))
    .addCommand(jobValidateCommand(run))
    .addCommand(jobListCommand(run))
    .addCommand(jobShowCommand(run))
    .addCommand(jobStopCommand(run))
    .addCommand(jobGetCommand(run))
    .addCommand(jobEscrowCommand(run));
}
