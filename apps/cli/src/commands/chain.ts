/** `pingo chain …`: PinGo's contracts on TON. */
import { resolve } from "node:path";
import { formatPingo } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { deployGenesis } from "../local/deploy-genesis.ts";
import { fillForHome, keptGenesisPath } from "../local/filled-genesis.ts";
import { openOwnChain } from "../local/own-chain.ts";
import { openWallet } from "../local/own-wallet.ts";
import { parseAddress } from "../local/parse-address.ts";
import { claimAirdrop, reclaimAirdrop, releaseVested, tellOwner } from "../local/vaults.ts";
import { optionsOf } from "../options.ts";
import { progressBar } from "../view/bars.ts";
import { table } from "../view/table.ts";

const DEPLOY_HELP = `
The network is the one behind TON_ENDPOINT (toncenter's API v2; default: the devnet of this machine) and, where it asks for a key, TON_API_KEY. This
home's wallet is the deployer that the genesis file names, and pays. What stands is left as it is: after an interruption, run the same again.
docs/reference/contracts.md says what belongs in the file; packages/contracts/genesis has one for a devnet, which is deployed as it stands,
and examples for testnet and mainnet.

Examples:
  pingo chain deploy --genesis packages/contracts/genesis/devnet.yaml
  pingo chain deploy --genesis genesis.json --out book.json --json
  TON_ENDPOINT=https://testnet.toncenter.com/api/v2/jsonRPC TON_API_KEY=… pingo chain deploy --genesis genesis.json`;

const RELEASE_HELP = `
Anyone may, and pays the way; the PINGO go to the vault's owner.

Examples:
  pingo chain release team-1
  pingo chain release investors-2 --json`;
const AIRDROP_HELP = `
Until the last day, once. Anyone may ask and pays the way; the PINGO go to the owner.

Examples:
  pingo chain airdrop --genesis genesis.yaml
  pingo chain airdrop --genesis genesis.yaml --owner UQ…`;
const RECLAIM_HELP = `
Anyone may, after the last day: it goes to the emission for contributors.

Examples:
  pingo chain reclaim`;
const TELL_HELP = `
A transfer without a notice says nothing to whom it came. Contracts that keep PINGO book it once they are told, and anyone may have them told: a gift to the
emission, a job's escrow, a lock, a stake. Those that keep none (minter, quorum, certificates, registry, governance) refuse.

Examples:
  pingo chain tell compute
  pingo chain tell EQ… --json`;

const BAR_COLUMNS = 28;
const GENESIS_BYTES_MAX = 262_144;

export function chainCommand(run: Run): Command {
  return new Command("chain")
    .description("PinGo's contracts on TON")
    .addCommand(
      new Command("deploy")
        .description("bring all contracts onto the network, and write where they are")
        .requiredOption("--genesis <file>", "the genesis file (YAML or JSON)")
        .option("--out <file>", "where the address book goes (default: $PINGO_HOME/address-book.json)")
        .addHelpText("after", DEPLOY_HELP)
        .action(run(deploy)),
    )
    .addCommand(
      new Command("release")
        .description("what a vesting vault owes its owner by now")
        .argument("<vault>", "its name in the address book: investors-1, team-1")
        .addHelpText("after", RELEASE_HELP)
        .action(run(release)),
    )
    .addCommand(
      new Command("airdrop")
        .description("the airdrop's part of a wallet")
        .option(
          "--genesis <file>",
          "the genesis file that lists the owners (default: the one kept beside the address book)",
        )
        .option("--owner <address>", "whose part (default: this home's wallet)")
        .addHelpText("after", AIRDROP_HELP)
        .action(run(airdrop)),
    )
    .addCommand(
      new Command("reclaim")
        .description("what nobody claimed of the airdrop, for contributors")
        .addHelpText("after", RECLAIM_HELP)
        .action(run(reclaim)),
    )
    .addCommand(
      new Command("tell")
        .description("tell a contract of PINGO that came without a notice")
        .argument("<contract>", "its name in the address book, or its address")
        .addHelpText("after", TELL_HELP)
        .action(run(tell)),
    );
}

async function release(context: Context, command: Command): Promise<void> {
  const name = command.args[0] ?? "";
  const { releasedNano } = await releaseVested(context, name);
  context.screen.json({ vault: name, releasedNano: releasedNano.toString() });
  context.screen.line(`${formatPingo(releasedNano)} of ${name}, on their way to its owner`);
}

async function airdrop(context: Context, command: Command): Promise<void> {
  const { screen } = context;
  const options = optionsOf(command);
  const file = options.text("genesis");
  const path = file === undefined ? keptGenesisPath((await openOwnChain(context)).bookPath) : resolve(file);
  const text = await readGenesis(context, path);
  const owner = options.text("owner");
  const of = owner === undefined ? undefined : await parseAddress("--owner", owner);
  const claimed = await claimAirdrop(context, { text, path }, of);
  screen.json({ owner: claimed.owner, nano: claimed.nano.toString() });
  screen.line(`${formatPingo(claimed.nano)} of the airdrop, on their way to ${claimed.owner}`);
}

async function reclaim(context: Context): Promise<void> {
  const { reclaimedNano } = await reclaimAirdrop(context);
  context.screen.json({ reclaimedNano: reclaimedNano.toString() });
  context.screen.line(`${formatPingo(reclaimedNano)} that nobody claimed are contributors'`);
}

async function tell(context: Context, command: Command): Promise<void> {
  const { owner, toldNano } = await tellOwner(context, command.args[0] ?? "");
  context.screen.json({ owner, toldNano: toldNano.toString() });
  context.screen.line(`${owner} was told of ${formatPingo(toldNano)}`);
}

/** @throws {CliError} FILE_MISSING, FILE_TOO_LARGE */
async function readGenesis({ ports }: Context, path: string): Promise<string> {
  const bytes = await ports.disk.read(path);
  if (bytes === undefined) throw new CliError({ code: "FILE_MISSING", path });
  if (bytes.byteLength > GENESIS_BYTES_MAX)
    throw new CliError({ code: "FILE_TOO_LARGE", path, bytesMax: GENESIS_BYTES_MAX });
  return new TextDecoder().decode(bytes);
}

async function deploy(context: Context, command: Command): Promise<void> {
  const { config, ports, screen, signal } = context;
  const options = optionsOf(command);
  const path = resolve(options.text("genesis") ?? "");
  const bookPath = resolve(options.text("out") ?? config.chain.addressBookPath);
  const written = { text: await readGenesis(context, path), path };
  const { createToncenter, createWalletSender } = await import("@pingo/ton");
  const { file, key } = await openWallet(context);
  const { clock, fetch } = ports;
  const chain = createToncenter({ ...config.chain, fetch, clock });
  const sender = createWalletSender({ chain, key, network: file.network, clock, signal });
  const genesis = await fillForHome(context, written, { chain, sender, bookPath });
  const { book, sent } = await deployGenesis(context, {
    ...{ ...genesis, chain, sender, bookPath },
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
