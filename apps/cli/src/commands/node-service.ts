/** `pingo node service`: lends this computer without a terminal, as a systemd user unit. */
import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { SCRIPTS } from "../local/scripts.ts";
import { serviceUnit, UNIT_NAME } from "../local/service-unit.ts";
import { optionsOf } from "../options.ts";
import { coresMax } from "./node-cores.ts";
import { parseCores } from "./node-join.ts";

const HELP = `
Examples:
  pingo node service show                          the unit, and nothing else
  pingo node service install --fog http://10.0.0.5:4710
  pingo node service uninstall
  sudo loginctl enable-linger $USER                goes on when you log out`;

export function nodeServiceCommand(run: Run): Command {
  const command = (
    name: string,
    about: string,
    action: (context: Context, command: Command) => Promise<void>,
  ) =>
    new Command(name)
      .description(about)
      .option("--cores <number>", "at most this many cores (default: all)")
      .action(run(action));
  return new Command("service")
    .description("lend this computer without a terminal, as a systemd user unit")
    .addHelpText("after", HELP)
    .addCommand(command("show", "the unit as install would write it", show))
    .addCommand(command("install", "write the unit, start it now and at every login", install))
    .addCommand(command("uninstall", "stop it and remove the unit", uninstall));
}

async function show(context: Context, command: Command): Promise<void> {
  const unit = unitOf(context, command);
  context.screen.json({ path: unitPath(context), unit });
  context.screen.line(unit.trimEnd());
}

async function install(context: Context, command: Command): Promise<void> {
  const path = unitPath(context);
  await context.ports.disk.write(path, new TextEncoder().encode(unitOf(context, command)));
  context.screen.line(`written: ${path}`);
  await systemctl(context, ["daemon-reload"]);
  await systemctl(context, ["enable", "--now", UNIT_NAME]);
  context.screen.json({ path, isStarted: true });
  context.screen.line(`it runs; "pingo node status" shows it, "journalctl --user -u ${UNIT_NAME}" its log`);
}

async function uninstall(context: Context): Promise<void> {
  const path = unitPath(context);
  if ((await context.ports.disk.sizeBytes(path)) === undefined)
    throw new CliError({ code: "FILE_MISSING", path });
  await systemctl(context, ["disable", "--now", UNIT_NAME]);
  await context.ports.disk.remove(path);
  await systemctl(context, ["daemon-reload"]);
  context.screen.json({ path, isStarted: false });
  context.screen.line(`stopped and removed: ${path}`);
}

function unitOf(context: Context, command: Command): string {
  const { config, fogUrl } = context;
  const cores = parseCores(optionsOf(command).text("cores") ?? String(coresMax()));
  return serviceUnit({
    command: [process.execPath, SCRIPTS.provider],
    environment: { PINGO_HOME: config.home, PINGO_FOG: fogUrl, PINGO_PROVIDER_SLOTS: String(cores) },
  });
}

function unitPath({ config }: Context): string {
  const folder =
    config.inherited["XDG_CONFIG_HOME"] || join(config.inherited["HOME"] || homedir(), ".config");
  return join(folder, "systemd", "user", UNIT_NAME);
}

async function systemctl({ config, signal }: Context, words: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)("systemctl", ["--user", ...words], { env: config.inherited, signal });
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? (error.message.trim().split("\n").at(-1) ?? "") : String(error);
    throw new CliError({ code: "SYSTEMD_FAILED", words: words.join(" "), why }, { cause: error });
  }
}
