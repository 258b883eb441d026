/** `pingo wallet …`: the wallet that is paid, and that signs for this home. */
import { resolve } from "node:path";
import { formatPingo, isFault, type RewardsView } from "@pingo/core";
import type { NetworkId } from "@pingo/ton";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Context, connectAsReader } from "../context.ts";
import { findHomePayer, type LocalPayer } from "../local/local-payer.ts";
import { readRewards } from "../local/own-rewards.ts";
import { keepWallet, newPassphraseOf, passphraseOf, readWallet, walletPath } from "../local/own-wallet.ts";
import { readSecret } from "../local/read-secret.ts";
import { sendPingo } from "../local/send-pingo.ts";
import { type BalancesOrWhy, balanceLines, type OwnAddress, readBalances } from "../local/wallet-balances.ts";
import { optionsOf } from "../options.ts";
import { askSecret } from "../view/ask-secret.ts";
import { rewardLines } from "../view/rewards-view.ts";
import { nanoOf } from "./node-stake.ts";

const WORDS_BYTES_MAX = 4_096;
const NETWORKS: Readonly<Record<string, NetworkId>> = { mainnet: -239, testnet: -3, devnet: -3 };
const NETWORK_DEFAULT = "testnet";

const SECRET_HELP = `
The passphrase is asked for at a terminal; a program sets PINGO_WALLET_PASSPHRASE_FILE (a file that holds it) or
PINGO_WALLET_PASSPHRASE. Neither reaches the processes that pingo starts.`;
const CREATE_HELP = `${SECRET_HELP}

Examples:
  pingo wallet create                          for testnet and the devnet
  pingo wallet create --network mainnet
  pingo wallet show --words                    then write the words down: they are the wallet`;
const IMPORT_HELP = `${SECRET_HELP}

Examples:
  pingo wallet import                          asks for the 24 words
  pingo wallet import --file words.txt --network mainnet`;
const SHOW_HELP = `
Examples:
  pingo wallet show                            the address, GRAM, PINGO, certificate and rewards
  pingo wallet show --words                    the 24 words too; whoever reads them has the wallet
  pingo wallet show --json`;

const SEND_HELP = `
It returns when the receiver's PINGO wallet has them; about 0.004 GRAM, more is attached and comes back. What is sent cannot be called back.

Examples:
  pingo wallet send 100 UQ…
  pingo wallet send 0.5 0:… --json`;

export function walletCommand(run: Run): Command {
  return new Command("wallet")
    .description("the wallet that is paid and that signs; TON, W5")
    .addCommand(
      onNetwork("create")
        .description("a new wallet, sealed with a passphrase")
        .addHelpText("after", CREATE_HELP)
        .action(run(create)),
    )
    .addCommand(
      onNetwork("import")
        .description("a wallet of yours, by its 24 words")
        .option("--file <path>", "a file that holds the words (default: they are asked for)")
        .addHelpText("after", IMPORT_HELP)
        .action(run(importWallet)),
    )
    .addCommand(
      new Command("show")
        .description("its address, and what it has where a chain is set up")
        .option("--words", "the 24 words as well")
        .addHelpText("after", SHOW_HELP)
        .action(run(show)),
    )
    .addCommand(
      new Command("send")
        .description("PINGO to another wallet")
        .argument("<amount>", "PINGO, such as 100 or 0.5")
        .argument("<address>", "whose wallet")
        .addHelpText("after", SEND_HELP)
        .action(run(send)),
    );
}

async function send(context: Context, command: Command): Promise<void> {
  const [amount = "", address = ""] = command.args;
  const amountNano = nanoOf("<amount>", amount);
  if (amountNano === 0n)
    throw new CliError({
      code: "OPTION_INVALID",
      option: "<amount>",
      value: amount,
      expected: "more than nothing",
    });
  const to = await sendPingo(context, address, amountNano);
  context.screen.json({ to, amountNano: amountNano.toString() });
  context.screen.line(`${formatPingo(amountNano)} have come to ${to}`);
}

function onNetwork(name: string): Command {
  return new Command(name).option(
    "--network <name>",
    `mainnet, testnet or devnet (default: ${NETWORK_DEFAULT}, and the devnet with it)`,
  );
}

async function create(context: Context, command: Command): Promise<void> {
  await createWallet(context, networkFrom(command));
}

/** @throws {CliError} WALLET_EXISTS, PASSPHRASE_NEEDED */
export async function createWallet(context: Context, network = networkOf(NETWORK_DEFAULT)): Promise<void> {
  const { drawMnemonic } = await import("@pingo/ton");
  await sealAndKeep(context, network, () => drawMnemonic(context.ports.prng));
}

function networkFrom(command: Command): NetworkId {
  return networkOf(optionsOf(command).text("network") ?? NETWORK_DEFAULT);
}

async function importWallet(context: Context, command: Command): Promise<void> {
  const { parseMnemonic } = await import("@pingo/ton");
  const file = optionsOf(command).text("file");
  await sealAndKeep(context, networkFrom(command), async () => parseMnemonic(await wordsFrom(context, file)));
}

async function sealAndKeep(
  context: Context,
  network: NetworkId,
  wordsOf: () => Promise<readonly string[]>,
): Promise<void> {
  const { sealWallet } = await import("@pingo/ton");
  const path = walletPath(context);
  // Before anything is asked: a second wallet is never made here.
  if ((await context.ports.disk.sizeBytes(path)) !== undefined)
    throw new CliError({ code: "WALLET_EXISTS", path });
  const words = await wordsOf();
  const passphrase = await newPassphraseOf(context);
  const wallet = await sealWallet(words, { network, passphrase, prng: context.ports.prng });
  await keepWallet(context, wallet);
  await tell(context, wallet);
  context.screen.line(`sealed in ${path}; "pingo wallet show --words" shows the 24 words: write them down`);
}

async function show(context: Context, command: Command): Promise<void> {
  const local = optionsOf(command).flag("words") ? undefined : await findHomePayer(context);
  if (local !== undefined) return showLocal(context, local);
  const wallet = await readWallet(context);
  const found = await readBalances(context, wallet);
  const rewards = "balances" in found ? await rewardsOfWallet(context, wallet.address) : null;
  if (!optionsOf(command).flag("words")) return tell(context, wallet, { found, rewards });
  const { wordsOfWallet } = await import("@pingo/ton");
  const words = wordsOfWallet(wallet, await passphraseOf(context, "Passphrase: "));
  await tell(context, wallet, { found, rewards, words });
}

/** The wallet of this home's own devnet. */
async function showLocal(context: Context, { key, network, endpoint, bookPath }: LocalPayer): Promise<void> {
  const { walletContract } = await import("@pingo/ton");
  const address = walletContract(key.publicKey, network).address.toRawString();
  const wallet = { address, network, publicKey: Buffer.from(key.publicKey).toString("hex") };
  const where = { ...context.config.chain, endpoint, addressBookPath: bookPath };
  const found = await readBalances(context, wallet, where);
  await tell(context, wallet, { found, rewards: await rewardsOfWallet(context, address) });
  context.screen.line("the wallet of this home's own devnet, worth nothing elsewhere");
}

/** null where no fog node is there to say, or it gives none: what is on chain is told all the same. */
async function rewardsOfWallet(context: Context, address: string): Promise<RewardsView | null> {
  try {
    return await readRewards(await connectAsReader(context), address, context.signal);
  } catch (error) {
    context.signal.throwIfAborted();
    if (isFault(error)) return null;
    throw error;
  }
}

/** As wallets show it, and as contracts write it. */
async function tell(
  context: Context,
  wallet: OwnAddress,
  {
    words,
    found,
    rewards = null,
  }: {
    readonly words?: readonly string[];
    readonly found?: BalancesOrWhy;
    readonly rewards?: RewardsView | null;
  } = {},
): Promise<void> {
  const { Address } = await import("@ton/core");
  const { screen } = context;
  const { network, publicKey } = wallet;
  const raw = wallet.address;
  const address = Address.parseRaw(raw).toString({
    bounceable: false,
    testOnly: network !== NETWORKS["mainnet"],
  });
  screen.json({
    address,
    raw,
    network,
    publicKey,
    ...found,
    ...(rewards && { rewards }),
    ...(words && { words }),
  });
  screen.line(address);
  screen.line(screen.paint("dim", `${raw}, network ${network}`));
  for (const line of found ? balanceLines(found) : []) screen.line(line);
  if (rewards !== null) for (const line of rewardLines(rewards)) screen.line(line);
  for (let i = 0; i < (words?.length ?? 0); i += 6) screen.line(`  ${words?.slice(i, i + 6).join(" ")}`);
}

async function wordsFrom(context: Context, file: string | undefined): Promise<string> {
  if (file !== undefined) return readSecret(context, resolve(file), WORDS_BYTES_MAX);
  const { terminal, screen, signal } = context;
  if (terminal === undefined || screen.isJson) throw new CliError({ code: "WORDS_NEEDED" });
  return askSecret(terminal, "The 24 words, with spaces between: ", signal);
}

function networkOf(name: string): NetworkId {
  const network = NETWORKS[name];
  if (network !== undefined) return network;
  const expected = Object.keys(NETWORKS).join(", ");
  throw new CliError({ code: "OPTION_INVALID", option: "--network", value: name.slice(0, 64), expected });
}
