/** `pingo chain …`: PinGo's contracts on TON. */
import { resolve } from "node:path";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { deployGenesis } from "../local/deploy-genesis.ts";
import { openWallet } from "../local/own-wallet.ts";
import { optionsOf } from "../options.ts";
import { progressBar } from "../view/bars.ts";
import { table } from "../view/table.ts";

const DEPLOY_HELP = `
The network is the one behind TON_ENDPOINT (toncenter's API v2; default: the devnet of this machine) and, where it asks for a key, TON_API_KEY. This
home's wallet is the deployer that the genesis file names, and pays. What stands is left as it is: after an interruption, run the same again.
docs/reference/contracts.md says what belongs in the file.

Examples:
  pingo chain deploy --genesis genesis.json
  pingo chain deploy --genesis genesis.json --out book.json --json
  TON_ENDPOINT=https://testnet.toncenter.com/api/v2/jsonRPC TON_API_KEY=… pingo chain deploy --genesis genesis.json`;

const BAR_COLUMNS = 28;
const GENESIS_BYTES_MAX = 262_144;

export function chainCommand(run: Run): Command {
  return new Command("chain")
    .description("PinGo's contracts on TON")
    .addCommand(
      new Command("deploy")
        .description("bring all contracts onto the network, and write where they are")
        .requiredOption("--genesis <file>", "the genesis file (JSON)")
        .option("--out <file>", "where the address book goes (default: $PINGO_HOME/address-book.json)")
        .addHelpText("after", DEPLOY_HELP)
        .action(run(deploy)),
    );
}

async function deploy(context: Context, command: Command): Promise<void> {
  const { config, ports, screen, signal } = context;
  const options = optionsOf(command);
  const path = resolve(options.text("genesis") ?? "");
  const bookPath = resolve(options.text("out") ?? config.chain.addressBookPath);
  const bytes = await ports.disk.read(path);
  if (bytes === undefined) throw new CliError({ code: "FILE_MISSING", path });
  if (bytes.byteLength > GENESIS_BYTES_MAX)
    throw new CliError({ code: "FILE_TOO_LARGE", path, bytesMax: GENESIS_BYTES_MAX });
  const { createToncenter, createWalletSender } = await import("@pingo/ton");
  const { file, key } = await openWallet(context);
  const { clock, fetch } = ports;
  const chain = createToncenter({ ...config.chain, fetch, clock });
  const sender = createWalletSender({ chain, key, network: file.network, clock, signal });
  const { book, sent } = await deployGenesis(context, {
    ...{ text: new TextDecoder().decode(bytes), path, chain, sender, bookPath },
    onProgress: (standing, of) =>
      screen.live(`deploying ${progressBar(standing / of, BAR_COLUMNS)} ${standing} of ${of} contracts`),
  });
  screen.live("");
  screen.json({ ...book, sent, path: bookPath });
  screen.line(table([{ title: "contract" }, { title: "address" }], Object.entries(book.addresses)));
  screen.line(
    sent === 0 ? `all of it stood already; ${bookPath} says where` : `deployed; ${bookPath} says where`,
  );
}
