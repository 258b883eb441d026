import { parseShape, zFogNodeView } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { HTTP_PORT_DEFAULT } from "../config.ts";
import type { Context } from "../context.ts";
import { runDaemon } from "../daemon.ts";
import { SCRIPTS } from "../local/scripts.ts";
import { optionsOf } from "../options.ts";

const HELP = `
Examples:
  pingo fog serve                          on this machine only, ports 4710 and 4711
  pingo fog serve --host 0.0.0.0           for the neighbourhood
  DATABASE_URL=postgres://… pingo fog serve`;

const PORT_MAX = 65_534;

export function fogCommand(run: Run): Command {
  return new Command("fog")
    .description("run a fog node")
    .addCommand(
      new Command("serve")
        .description("a fog node in the foreground")
        .option("--host <address>", "address to listen on (default: 127.0.0.1)")
        .option("--port <number>", "HTTP port; providers connect to the next one (default: 4710)")
        .addHelpText("after", HELP)
        .action(run(serve)),
    );
}

async function serve(context: Context, command: Command): Promise<void> {
  const options = optionsOf(command);
  const host = options.text("host") ?? "127.0.0.1";
  const port = options.whole("port", { min: 1, max: PORT_MAX }) ?? HTTP_PORT_DEFAULT;
  const family = host.includes(":") ? "ip6" : "ip4";
  await runDaemon(context, {
    name: "fog",
    script: SCRIPTS.fog,
    env: {
      PINGO_FOG_HTTP: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
      PINGO_FOG_P2P: `/${family}/${host}/tcp/${port + 1}`,
    },
    whenReady: (line) => {
      const node = typeof line === "object" && line !== null && "node" in line ? line.node : undefined;
      const { httpUrl, id } = parseShape(zFogNodeView, node, "the fog node's ready line");
      return `fog node ${id} at ${httpUrl}`;
    },
  });
}
