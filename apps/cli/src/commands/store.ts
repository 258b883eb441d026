/** `pingo store …`: files and folders by content. */
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { formatBytes, parseCid } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Context, connectAsReader, connectAsUser } from "../context.ts";
import { optionsOf } from "../options.ts";
import { progressBar } from "../view/bars.ts";
import { count } from "../view/job-view.ts";

const PUT_HELP = `
Symbolic links and devices inside a folder are refused before anything is sent.

Examples:
  pingo store put photo.jpg          prints its CID; what the fog node has is not sent again
  pingo store put ./holiday          a folder, with all that is in it
  pingo store put photo.jpg --json   {"cid", "files", "sizeBytes"}`;

const GET_HELP = `
Nothing that is there is overwritten, and what could not be fetched whole leaves nothing behind.

Examples:
  pingo store get bafy… --out photo.jpg   every block is checked against its CID
  pingo store get bafy… --out ./holiday   a folder
  pingo store get bafy… --out photo.jpg --json   {"path", "files", "sizeBytes"}`;

const BAR_COLUMNS = 28;

export function storeCommand(run: Run): Command {
  const put = new Command("put")
    .description("store a file or a folder and print its CID")
    .argument("<path>", "file or folder")
    .addHelpText("after", PUT_HELP)
    .action(run(putPath));
  const get = new Command("get")
    .description("fetch a file or a folder by its CID")
    .argument("<cid>")
    .requiredOption("--out <path>", "where it goes; nothing may be there yet")
    .addHelpText("after", GET_HELP)
    .action(run(getPath));
  return new Command("store")
    .description("put and get files and folders by content")
    .addCommand(put)
    .addCommand(get);
}

async function putPath(context: Context, command: Command): Promise<void> {
  const { screen, ports, signal } = context;
  const path = resolve(command.args[0] ?? "");
  if ((await ports.disk.sizeBytes(path)) === undefined) throw new CliError({ code: "FILE_MISSING", path });
  const client = await connectAsUser(context);
  // A link that the user names is followed; those inside a folder are refused.
  const stored = await client.upload(await realpath(path), {
    signal,
    onProgress: showing(context, "sending"),
  });
  screen.live("");
  screen.line(stored.cid);
  screen.json(stored);
}

async function getPath(context: Context, command: Command): Promise<void> {
  const { screen, signal } = context;
  const cid = parseCid(command.args[0] ?? "");
  const path = resolve(optionsOf(command).text("out") ?? "");
  const client = await connectAsReader(context);
  const { files, sizeBytes } = await client.download(cid, path, {
    signal,
    onProgress: showing(context, "fetching"),
  });
  screen.live("");
  screen.line(`${path}, ${count(files)} ${files === 1 ? "file" : "files"}, ${formatBytes(sizeBytes)}`);
  screen.json({ path, files, sizeBytes });
}

/** A bar of what is done; the total of a fetch is what its root claims. */
function showing({ screen }: Context, verb: string) {
  return ({ bytesDone, bytesTotal }: { readonly bytesDone: number; readonly bytesTotal: number }): void => {
    const bar = progressBar(bytesDone / bytesTotal, BAR_COLUMNS);
    screen.live(`${verb} ${bar} ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`);
  };
}
