/** `pingo vote …`: what the network decides, and your part in it. */
import { assertDefined, formatPingo, POOLS, type Pool } from "@pingo/core";
import type { Cell } from "@ton/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { OrderError } from "../local/order-error.ts";
import { openOwnVote } from "../local/own-vote.ts";
import {
  type Governed,
  openGoverned,
  proposalJson,
  proposalLines,
  readProposal,
} from "../local/proposals.ts";
import { moment, VoteError } from "../local/vote-error.ts";
import { optionsOf } from "../options.ts";
import { nanoOf } from "./node-stake.ts";

const WHERE = `
The network is the one behind TON_ENDPOINT; the contracts are those of this home's address book (docs/reference/voting.md).`;
const LIST_HELP = `${WHERE}

Examples:
  pingo vote list                            newest first
  pingo vote list --last 3 --json`;
const SHOW_HELP = `
Examples:
  pingo vote show 0`;
const PROPOSE_HELP = `${WHERE}
Only who has a valid certificate proposes. What a vote sets, by name ("pingo vote list" says how each stands now):
  vote-seconds, timelock-seconds, builders-min, users-min, guardian
  provider-stake-min, fog-stake-min, verdict-millionths-max
And compute-root, fog-root: whether the root of that pool that is challenged now is upheld or falls.

Examples:
  pingo vote propose provider-stake-min 50 --about "stakes that new members can afford"
  pingo vote propose compute-root falls --about https://example.org/receipts
  pingo vote propose vote-seconds 432000 --about https://example.org/why`;
const CAST_HELP = `
Builders vote by certificate, one vote each; users by the PINGO that they lock until the decision can take effect, 100 days at most. A wallet
that is both votes in both chambers. A vote is cast once.

Examples:
  pingo vote yes 0                           by certificate, and with what is locked
  pingo vote no 0 --lock 100                 locks 100 PINGO more, then votes`;
const UNLOCK_HELP = `
Examples:
  pingo vote unlock`;
const EXECUTE_HELP = `
Whoever asks pays the way, about 0.04 GRAM, most of which comes back. What its target refuses can be tried again, for 30 days.

Examples:
  pingo vote execute 0`;
const PAUSE_HELP = `
Only the guardian's wallet may, for a week at most and once in 30 days: nothing is taken or changed by it.

Examples:
  pingo vote pause 2                         no decision is carried out for two days
  pingo vote pause 7 --of compute            no claims on the emission for contributors`;

const DAY_SECONDS = 24 * 3600;
const PAUSE_DAYS_MAX = 7;
const LAST_DEFAULT = 10;
const LAST_MAX = 100;
const ABOUT_CHARS_MAX = 2_000;
const PAUSABLE = ["governance", "compute", "fog", "registry"] as const;

export function voteCommand(run: Run): Command {
  return new Command("vote")
    .description("what the network decides: proposals, votes, decisions")
    .addCommand(
      new Command("list")
        .description("proposals, their votes and what becomes of them")
        .option("--last <count>", `so many (default: ${LAST_DEFAULT})`)
        .addHelpText("after", LIST_HELP)
        .action(run(list)),
    )
    .addCommand(numbered("show", "one proposal").addHelpText("after", SHOW_HELP).action(run(show)))
    .addCommand(
      new Command("propose")
        .description("ask for another value of a parameter")
        .argument("<parameter>", "its name")
        .argument("<value>", "what it shall be")
        .requiredOption("--about <text>", "why, or where that is written; its digest goes on chain")
        .addHelpText("after", PROPOSE_HELP)
        .action(run(propose)),
    )
    .addCommand(
      casting("yes", "vote for a proposal").action(run((context, command) => cast(context, command, true))),
    )
    .addCommand(
      casting("no", "vote against a proposal").action(
        run((context, command) => cast(context, command, false)),
      ),
    )
    .addCommand(
      new Command("unlock")
        .description("bring home the PINGO that voted")
        .addHelpText("after", UNLOCK_HELP)
        .action(run(unlock)),
    )
    .addCommand(
      numbered("execute", "carry out what was carried")
        .addHelpText("after", EXECUTE_HELP)
        .action(run(execute)),
    )
    .addCommand(
      new Command("pause")
        .description("the guardian's: hold decisions or payments up")
        .argument("<days>", `1 to ${PAUSE_DAYS_MAX}`)
        .option("--of <contract>", `${PAUSABLE.join(", ")} (default: ${PAUSABLE[0]})`)
        .addHelpText("after", PAUSE_HELP)
        .action(run(pause)),
    );
}

function numbered(name: string, description: string): Command {
  return new Command(name).description(description).argument("<number>", "the proposal's");
}

function casting(name: string, description: string): Command {
  return numbered(name, description)
    .option("--lock <amount>", "PINGO to lock first, beside what is locked")
    .addHelpText("after", CAST_HELP);
}

async function list(context: Context, command: Command): Promise<void> {
  const { screen, signal } = context;
  const last = optionsOf(command).whole("last", { min: 1, max: LAST_MAX }) ?? LAST_DEFAULT;
  const governed = await openGoverned(context);
  const { NAMED_PARAMETERS } = await import("@pingo/contracts");
  const { proposals, pausedUntilUnixS } = governed.governance;
  const nowUnixS = await governed.chain.nowUnixS(signal);
  const views = [];
  for (let number = proposals - 1; number >= Math.max(0, proposals - last); number--)
    views.push(await readProposal(governed, number));
  const parameters = Object.entries(NAMED_PARAMETERS).map(
    ([name, { read }]) => [name, read(governed)] as const,
  );
  const told = [];
  for (const view of views) told.push(await proposalJson(governed, view, nowUnixS));
  screen.json({
    ...{ proposals: told, of: proposals, pausedUntilUnixS, nowUnixS },
    parameters: Object.fromEntries(parameters),
  });
  for (const view of views)
    for (const line of await proposalLines(governed, view, nowUnixS)) screen.line(line);
  if (views.length === 0) screen.line('nobody has proposed anything yet; "pingo vote propose" does');
  if (views.length < proposals) screen.line(`${proposals - views.length} before these; --last shows more`);
  if (pausedUntilUnixS > nowUnixS)
    screen.line(`the guardian holds decisions up until ${moment(pausedUntilUnixS)}`);
  screen.line(screen.paint("dim", `now: ${parameters.map((pair) => pair.join(" ")).join(", ")}`));
}

async function show(context: Context, command: Command): Promise<void> {
  const { screen, signal } = context;
  const governed = await openGoverned(context);
  const view = await readProposal(governed, numberOf(command));
  const nowUnixS = await governed.chain.nowUnixS(signal);
  screen.json(await proposalJson(governed, view, nowUnixS));
  for (const line of await proposalLines(governed, view, nowUnixS)) screen.line(line);
  screen.line(`   its reasons have the SHA-256 ${Buffer.from(view.call.about).toString("hex")}`);
}

async function propose(context: Context, command: Command): Promise<void> {
  const { screen, signal } = context;
  const { isParameterName, NAMED_PARAMETERS } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const [name = "", value = ""] = command.args;
  if (!isParameterName(name) && poolOf(name) === undefined) {
    const names = [...Object.keys(NAMED_PARAMETERS), ...POOLS.map((pool) => `${pool}-root`)].join(", ");
    throw new VoteError({ code: "NO_SUCH_PARAMETER", name: name.slice(0, 64), names });
  }
  const about = optionsOf(command).text("about") ?? "";
  if (about === "" || about.length > ABOUT_CHARS_MAX)
    throw invalid("--about", about, `1 to ${ABOUT_CHARS_MAX} characters`);
  const own = await openOwnVote(context);
  const { governed } = own;
  const { target, expects, order } = await askedFor(governed, name, value);
  if (order === null) throw invalid("<value>", value, expects);
  const to = Address.parseRaw(governed.addresses[target] ?? "");
  const view = await own.propose({ target: to, order, about });
  const nowUnixS = await governed.chain.nowUnixS(signal);
  screen.json(await proposalJson(governed, view, nowUnixS));
  for (const line of await proposalLines(governed, view, nowUnixS)) screen.line(line);
}

/** A parameter's other value, or governance's word on the root that is challenged now. @throws {OrderError} ROOT_NOT_CHALLENGED */
async function askedFor(
  governed: Governed,
  name: string,
  value: string,
): Promise<{ readonly target: string; readonly expects: string; readonly order: Cell | null }> {
  const { DistributorAt, encodeResolve, isParameterName, NAMED_PARAMETERS } = await import(
    "@pingo/contracts"
  );
  if (isParameterName(name)) {
    const { target, expects, order } = NAMED_PARAMETERS[name];
    return { target, expects, order: order(governed, value) };
  }
  const { Address } = await import("@ton/core");
  const pool = assertDefined(poolOf(name), "what is no parameter is a pool's root");
  const asked = { target: pool, expects: "upheld or falls" };
  if (value !== "upheld" && value !== "falls") return { ...asked, order: null };
  const vault = new DistributorAt(Address.parseRaw(governed.addresses[pool] ?? ""));
  const { pending } = await governed.chain.open(vault).getView();
  if (pending === null || pending.challenger === null)
    throw new OrderError({ code: "ROOT_NOT_CHALLENGED", pool });
  return { ...asked, order: encodeResolve(pending.root, value === "upheld") };
}

function poolOf(name: string): Pool | undefined {
  return POOLS.find((pool) => name === `${pool}-root`);
}

async function cast(context: Context, command: Command, isFor: boolean): Promise<void> {
  const { screen } = context;
  const number = numberOf(command);
  const lock = optionsOf(command).text("lock");
  const own = await openOwnVote(context);
  const { asBuilder, lockedNano, untilUnixS } = await own.vote(
    number,
    isFor,
    lock === undefined ? 0n : nanoOf("--lock", lock),
  );
  screen.json({ number, isFor, asBuilder, lockedNano: lockedNano.toString(), untilUnixS });
  const voted = isFor ? "for" : "against";
  if (asBuilder) screen.line(`voted ${voted} proposal ${number}, as a builder`);
  if (lockedNano > 0n)
    screen.line(
      `voted ${voted} proposal ${number} with ${formatPingo(lockedNano)}; "pingo vote unlock" from ${moment(untilUnixS)}`,
    );
}

async function unlock(context: Context): Promise<void> {
  const amountNano = await (await openOwnVote(context)).unlock();
  context.screen.json({ unlockedNano: amountNano.toString() });
  context.screen.line(`${formatPingo(amountNano)} is in your wallet again`);
}

async function execute(context: Context, command: Command): Promise<void> {
  const { screen, signal } = context;
  const own = await openOwnVote(context);
  const before = own.governed;
  const view = await own.execute(numberOf(command));
  const nowUnixS = await before.chain.nowUnixS(signal);
  screen.json(await proposalJson(before, view, nowUnixS));
  for (const line of await proposalLines(before, view, nowUnixS)) screen.line(line);
}

async function pause(context: Context, command: Command): Promise<void> {
  const { Address } = await import("@ton/core");
  const days = Number(command.args[0]);
  if (!Number.isInteger(days) || days < 1 || days > PAUSE_DAYS_MAX)
    throw invalid("<days>", command.args[0] ?? "", `a whole number from 1 to ${PAUSE_DAYS_MAX}`);
  const name = optionsOf(command).text("of") ?? PAUSABLE[0];
  if (!PAUSABLE.some((known) => known === name)) throw invalid("--of", name, PAUSABLE.join(", "));
  const own = await openOwnVote(context);
  const target = Address.parseRaw(own.governed.addresses[name] ?? "");
  const untilUnixS = await own.pause(target, days * DAY_SECONDS);
  context.screen.json({ paused: name, days, untilUnixS });
  context.screen.line(`${name} is held up until ${moment(untilUnixS)}`);
}

function numberOf(command: Command): number {
  const text = command.args[0] ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw invalid("<number>", text, "a proposal's number, such as 0");
}

function invalid(option: string, value: string, expected: string): CliError {
  return new CliError({ code: "OPTION_INVALID", option, value: value.slice(0, 64), expected });
}
