/** The `pingo` command: parses, runs one command, and turns its outcome into an exit code. */
import type { Writable } from "node:stream";
import { type Clock, type Disk, type Fetch, isFault, type Prng, reportOf } from "@pingo/core";
import { Command, CommanderError } from "commander";
import { CliError } from "./cli-error.ts";
import { auditCommand } from "./commands/audit.ts";
import { autogradCommand } from "./commands/autograd.ts";
import { chainCommand } from "./commands/chain.ts";
import { devnetCommand } from "./commands/devnet.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { earningsCommand } from "./commands/earnings.ts";
import { fogCommand } from "./commands/fog.ts";
import { jobCommand } from "./commands/job.ts";
import { membershipCommand } from "./commands/membership.ts";
import { nodeCommand } from "./commands/node.ts";
import { quoteCommand } from "./commands/quote.ts";
import { storeCommand } from "./commands/store.ts";
import { trainCommand } from "./commands/train.ts";
import { upCommand } from "./commands/up.ts";
import { voteCommand } from "./commands/vote.ts";
import { walletCommand } from "./commands/wallet.ts";
import { readConfig } from "./config.ts";
import type { Context, Terminal } from "./context.ts";
import { EXIT_FAULT, EXIT_INTERRUPTED } from "./exit-codes.ts";
import { optionsOf } from "./options.ts";
import { createScreen, type ScreenStream } from "./view/screen.ts";

export interface CliMachine {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: ScreenStream;
  readonly stderr: Writable;
  /** Where input and output are a terminal. */
  readonly terminal: Terminal | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly fetch: Fetch;
  readonly prng: Prng;
}

/** Runs a command's action; it may have an exit code of its own to give. */
export type Run = (
  action: (context: Context, command: Command) => Promise<unknown>,
) => (...args: unknown[]) => Promise<void>;

const EXAMPLES = `
Examples:
  pingo up                             a fog node and three providers here, training the example
  pingo train job.yaml --follow        check, submit, watch; the model is fetched at the end
  pingo node join --fog http://…:4710  lend this computer`;

/** @returns the exit code */
export async function runCli(machine: CliMachine): Promise<number> {
  const startedMs = machine.clock.monotonicMs();
  const isJson = machine.argv.includes("--json");
  const isDebug = Boolean(machine.env["PINGO_DEBUG"]);
  try {
    const outcome = { exitCode: 0 };
    await createProgram(machine, startedMs, outcome).parseAsync([...machine.argv], { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // help was asked for, and shown
    const shown = error instanceof CommanderError ? usageOf(error) : interruptedOr(error, machine.signal);
    tell(shown, { ...machine, isJson, isDebug });
    return shown instanceof CliError && shown.code === "INTERRUPTED" ? EXIT_INTERRUPTED : EXIT_FAULT;
  }
}

function createProgram(machine: CliMachine, startedMs: number, outcome: { exitCode: number }): Command {
  const run: Run =
    (action) =>
    async (...args) => {
      const command = args.at(-1);
      if (!(command instanceof Command)) throw new TypeError("commander hands the command last");
      outcome.exitCode = exitCodeOf(await action(contextOf(machine, command, startedMs), command));
    };
  const program = new Command("pingo")
    .description("Idle computers, one network: train small AI models without a data centre.")
    .version("0.1.0")
    .option("--json", "print JSON: one value, or one per line")
    .option("--fog <url>", "the fog node to talk to (default: PINGO_FOG, else http://127.0.0.1:4710)")
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .addHelpText("after", EXAMPLES);
  program
    .addCommand(upCommand(run))
    .addCommand(trainCommand(run))
    .addCommand(jobCommand(run))
    .addCommand(nodeCommand(run))
    .addCommand(fogCommand(run))
    .addCommand(storeCommand(run))
    .addCommand(autogradCommand(run))
    .addCommand(walletCommand(run))
    .addCommand(quoteCommand(run))
    .addCommand(membershipCommand(run))
    .addCommand(earningsCommand(run))
    .addCommand(auditCommand(run))
    .addCommand(voteCommand(run))
    .addCommand(chainCommand(run))
    .addCommand(devnetCommand(run))
    .addCommand(doctorCommand(run));
  inherit(program, machine);
  return program;
}

function exitCodeOf(answer: unknown): number {
  return typeof answer === "number" ? answer : 0;
}

/** Whose words commander did not understand. */
const commandOf = new WeakMap<CommanderError, Command>();

/** Every command reports through us and shows the options that all share. */
function inherit(command: Command, machine: CliMachine): void {
  command
    .exitOverride((error) => {
      commandOf.set(error, command);
      throw error;
    })
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => machine.stdout.write(text),
      // Errors are ours to tell; the help of a group called without a command is not one.
      writeErr: (text) => void (text.startsWith("error:") || machine.stderr.write(text)),
    });
  for (const child of command.commands) inherit(child, machine);
}

function contextOf(machine: CliMachine, command: Command, startedMs: number): Context {
  const config = readConfig(machine.env);
  const options = optionsOf(command);
  return {
    config,
    fogUrl: options.text("fog") ?? config.fogUrl,
    screen: createScreen(machine.stdout, { isJson: options.flag("json"), hasColor: config.hasColor }),
    ports: machine,
    terminal: machine.terminal,
    signal: machine.signal,
    startedMs,
  };
}

function usageOf(error: CommanderError): CliError {
  const why = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  const isHelp = error.code === "commander.help"; // a group without a command: its help was meant
  const command = wordsOf(commandOf.get(error) ?? null);
  return new CliError({ code: "USAGE", why: isHelp ? "a command is missing" : why, command });
}

function wordsOf(command: Command | null): string {
  if (command === null || command.parent === null) return "pingo";
  return `${wordsOf(command.parent)} ${command.name()}`;
}

function interruptedOr(error: unknown, signal: AbortSignal): unknown {
  const isOurs = signal.aborted && (error === signal.reason || !isFault(error));
  return isOurs ? new CliError({ code: "INTERRUPTED" }, { cause: error }) : error;
}

interface Teller {
  readonly stdout: Writable | ScreenStream;
  readonly stderr: Writable;
  readonly isJson: boolean;
  readonly isDebug: boolean;
}

function tell(error: unknown, { stdout, stderr, isJson, isDebug }: Teller): void {
  const report = isFault(error) ? reportOf(error) : unknownReport(error);
  if (isJson) stdout.write(`${JSON.stringify({ error: report })}\n`);
  else stderr.write(`${report.message} (${report.code})\n`);
  if (isDebug) stderr.write(`${describeInsides(error)}\n`);
}

function unknownReport(error: unknown): { readonly code: string; readonly message: string } {
  const what = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  return {
    code: "INTERNAL",
    message: `something broke inside PinGo: ${what}; PINGO_DEBUG=1 shows where`,
  };
}

function describeInsides(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by ${describeInsides(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
