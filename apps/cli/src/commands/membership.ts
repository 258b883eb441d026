/** `pingo membership …`: where this home stands, and the wallet that its keys work for. */
import { formatPingo, type MembershipView, shortId } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { linkOf } from "../local/link.ts";
import { destroyCertificate, lapseCertificate, takeExcess } from "../local/own-certificate.ts";
import { ownKeys } from "../local/own-ids.ts";
import { openWallet } from "../local/own-wallet.ts";
import { parseAddress } from "../local/parse-address.ts";
import { moment } from "../local/vote-error.ts";
import { optionsOf } from "../options.ts";
import { table } from "../view/table.ts";

const SHOW_HELP = `
Examples:
  pingo membership show
  pingo membership show --json | jq .isMember`;
const JOIN_HELP = `
Your key and those of the providers that this home ran sign, together with the wallet, that they work for it. What they earn is the
wallet's; a certificate that it earns lets all of them in. Say it again after a new provider has started.

Examples:
  pingo membership join                    after "pingo wallet create" and "pingo node join"
  PINGO_WALLET_PASSPHRASE_FILE=secret pingo membership join --json`;

const LAPSE_HELP = `
Anyone may, once "valid until" has passed, and pays the way: about 0.003 GRAM. A certificate that has run out opens no door anyway; wallets show it as revoked from then on.

Examples:
  pingo membership lapse
  pingo membership lapse --owner UQ… --json`;
const EXCESS_HELP = `
Examples:
  pingo membership excess`;
const LEAVE_HELP = `
It proves nothing and votes no more, and its GRAM comes home. There is no way back to this one: work that counts earns another, whose standing begins anew.

Examples:
  pingo membership leave --yes`;

export function membershipCommand(run: Run): Command {
  return new Command("membership")
    .description("whether you may use the network, and how you come to")
    .addCommand(
      new Command("show")
        .description("where you stand with the fog node")
        .addHelpText("after", SHOW_HELP)
        .action(run(show)),
    )
    .addCommand(
      new Command("join")
        .description("link your keys to your wallet")
        .addHelpText("after", JOIN_HELP)
        .action(run(linkOwnKeys)),
    )
    .addCommand(
      new Command("lapse")
        .description("say on chain that a certificate's time has run out")
        .option("--owner <address>", "whose (default: this home's wallet)")
        .addHelpText("after", LAPSE_HELP)
        .action(run(lapse)),
    )
    .addCommand(
      new Command("excess")
        .description("bring home the GRAM that your certificate does not need")
        .addHelpText("after", EXCESS_HELP)
        .action(run(excess)),
    )
    .addCommand(
      new Command("leave")
        .description("give your certificate up")
        .requiredOption("--yes", "that you mean it")
        .addHelpText("after", LEAVE_HELP)
        .action(run(leave)),
    );
}

async function lapse(context: Context, command: Command): Promise<void> {
  const text = optionsOf(command).text("owner");
  const of = text === undefined ? undefined : await parseAddress("--owner", text);
  const { owner, revokedAtUnixS } = await lapseCertificate(context, of);
  context.screen.json({ owner, revokedAtUnixS });
  context.screen.line(`the certificate of ${owner} is revoked as of ${moment(revokedAtUnixS)}`);
}

async function excess(context: Context): Promise<void> {
  const { owner, keptNanogram } = await takeExcess(context);
  context.screen.json({ owner, keptNanogram: keptNanogram.toString() });
  const kept = formatPingo(keptNanogram).replace("PINGO", "GRAM");
  context.screen.line(`the certificate keeps ${kept} for its rent; the rest is in your wallet`);
}

async function leave(context: Context): Promise<void> {
  const { owner } = await destroyCertificate(context);
  context.screen.json({ owner });
  context.screen.line(`${owner} has given its certificate up; work that counts earns another one`);
}

async function show(context: Context): Promise<void> {
  const client = await connectAsReader(context);
  const [user] = await ownKeys(context);
  if (user === undefined) return;
  const view = await client.membership(user.key.nodeId, { signal: context.signal });
  context.screen.json(view);
  for (const line of memberLines(view)) context.screen.line(line);
}

export function memberLines(view: MembershipView): readonly string[] {
  const { gate, isMember, state, address, validUntilUnixS, worksVerified, next } = view;
  const until =
    validUntilUnixS === null ? "" : ` until ${new Date(validUntilUnixS * 1000).toLocaleDateString("sv-SE")}`;
  return [
    `${isMember ? "✓ you may submit jobs" : "✗ you may not submit jobs yet"}: the gate is ${gate === "open" ? "open to everybody" : "for contributors"}`,
    `certificate: ${state}${until}`,
    `wallet: ${address ?? "not linked"}`,
    `work that came out the same when it was repeated: ${worksVerified}`,
    ...(isMember ? [] : [next]),
  ];
}

/** The user's and the providers' of this home, to its wallet. */
export async function linkOwnKeys(context: Context): Promise<void> {
  const { screen, signal } = context;
  const wallet = await openWallet(context);
  const client = await connectAsReader(context);
  const keys = await ownKeys(context);
  const atUnixMs = context.ports.clock.nowUnixMs();
  const linked = [];
  for (const { name, key } of keys) {
    const { node, address } = await client.linkWallet(linkOf(key, wallet, atUnixMs), { signal });
    linked.push({ name, node, address });
  }
  screen.json({ address: wallet.file.address, linked });
  screen.line(
    table(
      [{ title: "who" }, { title: "id" }],
      linked.map(({ name, node }) => [name, shortId(node)]),
    ),
  );
  screen.line(`they work for ${wallet.file.address}`);
}
