/** Proposals as they stand: what each asks for, who voted how, and what becomes of it when. */
import type { GovernanceView, ProposalView, RegistryView } from "@pingo/contracts";
import { formatPingo } from "@pingo/core";
import type { Toncenter } from "@pingo/ton";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { findAddressBook } from "./deploy-genesis.ts";
import { findHomePayer } from "./local-payer.ts";
import { moment, VoteError } from "./vote-error.ts";

/** Governance on its chain, and what it governs. */
export interface Governed {
  readonly chain: Toncenter;
  readonly addresses: Readonly<Record<string, string>>;
  readonly governance: GovernanceView;
  readonly registry: RegistryView;
}

export type ProposalState = "open" | "not-carried" | "timelocked" | "due" | "carried-out" | "lapsed";

/** @throws {CliError} NO_ADDRESS_BOOK; {ToncenterError} */
export async function openGoverned(context: Context): Promise<Governed> {
  const { config, ports } = context;
  const own = await findHomePayer(context);
  const { endpoint, bookPath: path } = own ?? { ...config.chain, bookPath: config.chain.addressBookPath };
  const book = await findAddressBook(context, path);
  const { governance, registry } = book?.addresses ?? {};
  if (book === undefined || governance === undefined || registry === undefined)
    throw new CliError({ code: "NO_ADDRESS_BOOK", path });
  const { createToncenter } = await import("@pingo/ton");
  const { GovernanceAt, RegistryAt } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const chain = createToncenter({ ...config.chain, endpoint, fetch: ports.fetch, clock: ports.clock });
  return {
    chain,
    addresses: book.addresses,
    governance: await chain.open(new GovernanceAt(Address.parseRaw(governance))).getView(),
    registry: await chain.open(new RegistryAt(Address.parseRaw(registry))).getView(),
  };
}

/** @throws {VoteError} NO_SUCH_PROPOSAL */
export async function readProposal(governed: Governed, number: number): Promise<ProposalView> {
  const { Proposal } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const { proposals } = governed.governance;
  const governance = Address.parseRaw(governed.addresses["governance"] ?? "");
  const view =
    number < proposals ? await governed.chain.open(new Proposal(number, governance)).getView() : null;
  if (view === null) throw new VoteError({ code: "NO_SUCH_PROPOSAL", number, proposals });
  return view;
}

export function stateOf(view: ProposalView, nowUnixS: number): ProposalState {
  if (view.isEnacted) return "carried-out";
  if (nowUnixS < view.votesUntilUnixS) return "open";
  if (!view.isCarried) return "not-carried";
  if (nowUnixS < view.enactsFromUnixS) return "timelocked";
  return nowUnixS < view.enactsUntilUnixS ? "due" : "lapsed";
}

export function sentenceOfState(view: ProposalView, nowUnixS: number): string {
  const { number } = view;
  return {
    open: `the vote goes on until ${moment(view.votesUntilUnixS)}; as it stands, it would ${view.isCarried ? "" : "not "}be carried`,
    "not-carried": "not carried",
    timelocked: `carried; it takes effect from ${moment(view.enactsFromUnixS)}`,
    due: `carried; "pingo vote execute ${number}" carries it out, until ${moment(view.enactsUntilUnixS)}`,
    "carried-out": "carried out",
    lapsed: `carried, and not carried out by ${moment(view.enactsUntilUnixS)}: it has lapsed`,
  }[stateOf(view, nowUnixS)];
}

export function tallyOf({ builders, users }: ProposalView): string {
  return [
    `builders ${builders.for} for, ${builders.against} against, ${builders.min} needed`,
    `users ${formatPingo(users.forNano)} for, ${formatPingo(users.againstNano)} against, ${formatPingo(users.minNano)} needed`,
  ].join("; ");
}

/** What `--json` prints of a proposal; numbers of PINGO in nano, as text. */
export async function proposalJson(governed: Governed, view: ProposalView, nowUnixS: number) {
  const { wordsOfOrder } = await import("@pingo/contracts");
  const { builders, users, call, ...moments } = view;
  return {
    ...moments,
    state: stateOf(view, nowUnixS),
    asks: wordsOfOrder(call.order, governed),
    builders,
    users: {
      forNano: users.forNano.toString(),
      againstNano: users.againstNano.toString(),
      minNano: users.minNano.toString(),
    },
    target: call.target.toRawString(),
    order: call.order.toBoc().toString("base64"),
    aboutSha256: Buffer.from(call.about).toString("hex"),
  };
}

export async function proposalLines(
  governed: Governed,
  view: ProposalView,
  nowUnixS: number,
): Promise<readonly string[]> {
  const { wordsOfOrder } = await import("@pingo/contracts");
  return [
    `${view.number}  ${wordsOfOrder(view.call.order, governed).join(", ")}`,
    `   ${tallyOf(view)}`,
    `   ${sentenceOfState(view, nowUnixS)}`,
  ];
}
