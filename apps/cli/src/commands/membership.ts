/** `pingo membership …`: where this home stands, and the wallet that its keys work for. */
import { type MembershipView, shortId } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { linkOf } from "../local/link.ts";
import { ownKeys } from "../local/own-ids.ts";
import { openWallet } from "../local/own-wallet.ts";
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
    );
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
