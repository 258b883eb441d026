/** `pingo store …`: files by content. */
import { resolve } from "node:path";
import { formatBytes, LIMITS, parseCid } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Context, connectAsReader } from "../context.ts";
import { optionsOf } from "../options.ts";
import { progressBar } from "../view/bars.ts";

const PUT_HELP = `
Examples:
  pingo store put photo.jpg          prints its CID; what the fog node has is not sent again
  pingo store put photo.jpg --json`;

const GET_HELP = `
Examples:
  pingo store get bafy… --out photo.jpg   every block is checked against its CID`;

const BAR_COLUMNS = 28;
/** A file is held in memory while it is sent or fetched. */
const FILE_BYTES_MAX = Math.min(LIMITS.datasetBytesMax, 2 ** 31 - 1);

export function storeCommand(run: Run): Command {
  const put = new Command("put")
    .description("store a file and print its CID")
    .argument("<file>")
    .addHelpText("after", PUT_HELP)
    .action(run(putFile));
  const get = new Command("get")
    .description("fetch a file by its CID")
    .argument("<cid>")
    .requiredOption("--out <file>", "where it goes")
    .addHelpText("after", GET_HELP)
    .action(run(getFile));
  return new Command("store").description("put and get files by content").addCommand(put).addCommand(get);
}

async function putFile(context: Context, command: Command): Promise<void> {
  const { screen, ports, signal } = context;
  const path = resolve(command.args[0] ?? "");
  const sizeBytes = await ports.disk.sizeBytes(path);
  if (sizeBytes === undefined) throw new CliError({ code: "FILE_MISSING", path });
  if (sizeBytes > FILE_BYTES_MAX)
    throw new CliError({ code: "FILE_TOO_LARGE", path, bytesMax: FILE_BYTES_MAX });
  const bytes = (await ports.disk.read(path)) ?? new Uint8Array();
  const cid = await (await connectAsReader(context)).putFile(bytes, {
    signal,
    onProgress: (sent) =>
      screen.live(
        `${progressBar(sent.bytesDone / sent.bytesTotal, BAR_COLUMNS)} ${formatBytes(sent.bytesDone)}`,
      ),
  });
  screen.live("");
  screen.line(cid);
  screen.json({ cid, sizeBytes });
}

async function getFile(context: Context, command: Command): Promise<void> {
  const { screen, ports, signal } = context;
  const cid = parseCid(command.args[0] ?? "");
  const path = resolve(optionsOf(command).text("out") ?? "");
  const bytes = await (await connectAsReader(context)).getFile(cid, { signal, sizeBytesMax: FILE_BYTES_MAX });
  await ports.disk.write(path, bytes);
  screen.line(`${path}, ${formatBytes(bytes.byteLength)}`);
  screen.json({ path, sizeBytes: bytes.byteLength });
}
