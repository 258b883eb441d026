import { parseShape, zFogNodeView } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { HTTP_PORT_DEFAULT } from "../config.ts";
import type { Context } from "../context.ts";
import { runDaemon } from "../daemon.ts";
import { buildPage } from "../local/build-page.ts";
import { FOG_FLAGS, SCRIPTS } from "../local/scripts.ts";
import { optionsOf } from "../options.ts";
import { fogEpochCommand } from "./fog-epoch.ts";
import { fogCasesCommand, fogSlashCommand } from "./fog-slash.ts";
import { fogCollectCommand, fogRegisterCommand, fogUnbondCommand } from "./fog-stake.ts";
import { fogWithdrawCommand } from "./fog-withdraw.ts";

const HELP = `
Examples:
  pingo fog serve                          on this machine only, ports 4710 and 4711
  pingo fog serve --host 0.0.0.0           for the neighbourhood
  pingo fog serve --web                    browser tabs may lend too: it serves them a page
  DATABASE_URL=postgres://… pingo fog serve`;

const PORT_MAX = 65_533;

export function fogCommand(run: Run): Command {
  return new Command("fog")
    .description("run a fog node, stake on it, judge the work")
    .addCommand(
      new Command("serve")
        .description("a fog node in the foreground")
        .option("--host <address>", "address to listen on (default: 127.0.0.1)")
        .option("--port <number>", "HTTP port; providers connect to the next one (default: 4710)")
        .option("--web", "serve a page that lends from a browser; it connects to the port after that")
        .addHelpText("after", HELP)
        .action(run(serve)),
    )
    .addCommand(fogRegisterCommand(run))
    .addCommand(fogUnbondCommand(run))
    .addCommand(fogCollectCommand(run))
    .addCommand(fogEpochCommand(run))
    .addCommand(fogCasesCommand(run))
    .addCommand(fogSlashCommand(run))
    .addCommand(fogWithdrawCommand(run));
}

async function serve(context: Context, command: Command): Promise<void> {
  const options = optionsOf(command);
  const host = options.text("host") ?? "127.0.0.1";
  const port = options.whole("port", { min: 1, max: PORT_MAX }) ?? HTTP_PORT_DEFAULT;
  const family = host.includes(":") ? "ip6" : "ip4";
  const page = options.flag("web") ? await buildPage(context) : undefined;
  await runDaemon(context, {
    name: "fog",
    script: SCRIPTS.fog,
    flags: FOG_FLAGS,
    env: {
      PINGO_FOG_HTTP: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
      PINGO_FOG_P2P: `/${family}/${host}/tcp/${port + 1}`,
      ...(page && { PINGO_FOG_WEB: `/${family}/${host}/tcp/${port + 2}/ws`, PINGO_FOG_PAGE: page }),
    },
    whenReady: (line) => {
      const node = typeof line === "object" && line !== null && "node" in line ? line.node : undefined;
      const { httpUrl, id, web } = parseShape(zFogNodeView, node, "the fog node's ready line");
      const lend = web ? `\nlend from a browser at ${web.pageUrl}` : "";
      return `fog node ${id} at ${httpUrl}${lend}`;
    },
  });
}
