/** `pingo devnet …`: TON on this machine. */
import { resolve } from "node:path";
import { formatDuration, parseDuration, parseShape } from "@pingo/core";
import { Command } from "commander";
import { z } from "zod";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { DEVNET_PORT_DEFAULT } from "../config.ts";
import type { Context } from "../context.ts";
import { runDaemon } from "../daemon.ts";
import { ADMIN_PORT_DEFAULT, askDevnet, zDevnetView } from "../local/devnet-admin.ts";
import { SCRIPTS } from "../local/scripts.ts";
import { optionsOf } from "../options.ts";

const PORT_MAX = 65_534;
const NANO_DIGITS = 9;

const UP_HELP = `
Examples:
  pingo devnet up                          the toncenter API on port 4720, faucet and time travel on 4721
  pingo devnet up --from before.sqlite     begin from a snapshot
  TON_ENDPOINT=http://127.0.0.1:4720/api/v2/jsonRPC node app.ts`;
const FAUCET_HELP = `
Examples:
  pingo devnet faucet EQ… 10               ten GRAM, in a block when the command returns
  pingo devnet faucet 0:… 0.5 --json`;
const TRAVEL_HELP = `
Examples:
  pingo devnet travel 24h                  the next block is a day later, for contracts too
  pingo devnet travel 30s`;
const STATUS_HELP = `
Examples:
  pingo devnet status
  pingo devnet status --json`;
const SNAPSHOT_HELP = `
Examples:
  pingo devnet snapshot before.sqlite      the whole chain in one file; "pingo devnet up --from" begins from it`;

export function devnetCommand(run: Run): Command {
  return new Command("devnet")
    .description("TON on this machine, as toncenter serves it")
    .addCommand(
      new Command("up")
        .description("a devnet in the foreground")
        .option(
          "--host <address>",
          "address of the API (default: 127.0.0.1); the faucet stays on the loopback",
        )
        .option("--port <number>", "port of the API; the next one is the faucet's (default: 4720)")
        .option("--from <file>", "a snapshot to begin from")
        .addHelpText("after", UP_HELP)
        .action(run(up)),
    )
    .addCommand(
      admin("faucet")
        .description("GRAM from the devnet's faucet")
        .argument("<address>", "who receives it")
        .argument("<amount>", "GRAM, such as 10 or 0.5")
        .addHelpText("after", FAUCET_HELP)
        .action(run(faucet)),
    )
    .addCommand(
      admin("travel")
        .description("move the devnet's time on")
        .argument("<duration>", 'such as "30m" or "24h"')
        .addHelpText("after", TRAVEL_HELP)
        .action(run(travel)),
    )
    .addCommand(
      admin("status")
        .description("the newest block, its time, and what waits")
        .addHelpText("after", STATUS_HELP)
        .action(run(status)),
    )
    .addCommand(
      admin("snapshot")
        .description("write the whole chain to a file")
        .argument("<file>", "a file that is not there yet")
        .addHelpText("after", SNAPSHOT_HELP)
        .action(run(snapshot)),
    );
}

function admin(name: string): Command {
  return new Command(name).option("--port <number>", `port of the faucet (default: ${ADMIN_PORT_DEFAULT})`);
}

async function up(context: Context, command: Command): Promise<void> {
  const options = optionsOf(command);
  const host = options.text("host");
  const port = options.whole("port", { min: 1, max: PORT_MAX });
  const from = options.text("from");
  const api = `${host?.includes(":") ? `[${host}]` : (host ?? "127.0.0.1")}:${port ?? DEVNET_PORT_DEFAULT}`;
  await runDaemon(context, {
    name: "devnet",
    script: SCRIPTS.devnet,
    env: {
      ...(host === undefined && port === undefined ? {} : { PINGO_DEVNET_HTTP: api }),
      ...(port === undefined ? {} : { PINGO_DEVNET_ADMIN_PORT: String(port + 1) }),
      ...(from === undefined ? {} : { PINGO_DEVNET_FROM: resolve(from) }),
    },
    whenReady: (line) => {
      const view = typeof line === "object" && line !== null && "devnet" in line ? line.devnet : undefined;
      const { endpoint, adminUrl } = parseShape(zDevnetView, view, "the devnet's ready line");
      return `TON_ENDPOINT=${endpoint}\nfaucet and time travel at ${adminUrl}`;
    },
  });
}

const zGranted = z.object({ address: z.string(), nano: z.string(), seqno: z.int(), transaction: z.string() });

async function faucet(context: Context, command: Command): Promise<void> {
  const [address = "", amount = ""] = command.args;
  const granted = await askDevnet(context, portOf(command), "faucet", zGranted, {
    address,
    nano: nanoOf(amount).toString(),
  });
  context.screen.json(granted);
  context.screen.line(`${granted.address} has ${amount} GRAM more since block ${granted.seqno}`);
}

const zArrived = z.object({ seqno: z.int(), unixS: z.int(), travelledS: z.int() });

async function travel(context: Context, command: Command): Promise<void> {
  const seconds = Math.ceil(parseDuration(command.args[0] ?? "") / 1000);
  const arrived = await askDevnet(context, portOf(command), "travel", zArrived, { seconds });
  context.screen.json(arrived);
  context.screen.line(
    `block ${arrived.seqno} is of ${timeText(arrived.unixS)}, ${ahead(arrived.travelledS)}`,
  );
}

const zStatus = zArrived.extend({ devnet: zDevnetView, waiting: z.int(), faucetNano: z.string() });

async function status(context: Context, command: Command): Promise<void> {
  const found = await askDevnet(context, portOf(command), "status", zStatus);
  context.screen.json(found);
  context.screen.line(`TON_ENDPOINT=${found.devnet.endpoint}, network ${found.devnet.networkId}`);
  context.screen.line(`block ${found.seqno} of ${timeText(found.unixS)}, ${ahead(found.travelledS)}`);
  context.screen.line(
    `${found.waiting} messages wait; the faucet has ${gramText(BigInt(found.faucetNano))} GRAM`,
  );
}

async function snapshot(context: Context, command: Command): Promise<void> {
  const path = resolve(command.args[0] ?? "");
  const zWritten = z.object({ path: z.string(), seqno: z.int() });
  const written = await askDevnet(context, portOf(command), "snapshot", zWritten, { path });
  context.screen.json(written);
  context.screen.line(`the chain up to block ${written.seqno} is in ${written.path}`);
}

function portOf(command: Command): number | undefined {
  return optionsOf(command).whole("port", { min: 1, max: PORT_MAX + 1 });
}

/** @throws {CliError} OPTION_INVALID */
function nanoOf(amount: string): bigint {
  const [, whole = "", part = ""] = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(amount) ?? [];
  if (whole === "")
    throw new CliError({
      code: "OPTION_INVALID",
      option: "<amount>",
      value: amount.slice(0, 64),
      expected: "GRAM with at most nine decimals, such as 10 or 0.5",
    });
  return BigInt(whole + part.padEnd(NANO_DIGITS, "0"));
}

function gramText(nano: bigint): string {
  return (nano / 10n ** BigInt(NANO_DIGITS)).toString();
}

function timeText(unixS: number): string {
  return new Date(unixS * 1000).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "medium" });
}

function ahead(travelledS: number): string {
  return travelledS === 0 ? "as here" : `${formatDuration(travelledS * 1000)} ahead of here`;
}
