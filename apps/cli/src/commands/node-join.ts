import { PROFILES, type ProfileName } from "@pingo/scheduler";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Context, connectAsReader } from "../context.ts";
import { runDaemon } from "../daemon.ts";
import { policyPath } from "../local/own-provider.ts";
import { findWallet, openWallet } from "../local/own-wallet.ts";
import { SCRIPTS } from "../local/scripts.ts";
import { type Options, optionsOf } from "../options.ts";
import { createAsker } from "../view/ask.ts";
import { linkOwnKeys } from "./membership.ts";
import { coresMax } from "./node-cores.ts";
import { nanoOf, registerNode } from "./node-stake.ts";
import { createWallet } from "./wallet.ts";

const HELP = `
At a terminal it asks what the options do not say, and Enter takes what stands in brackets. Elsewhere, and with --yes,
it asks nothing: the fog node of PINGO_FOG, the policy that is there or else gentle, and every core.

Examples:
  pingo node join                              asks three questions and runs
  pingo node join --fog http://10.0.0.5:4710 --profile gentle --cores 2
  pingo node join --yes                        asks nothing
  pingo node join --yes --stake 0              registered for your wallet, where the registry asks for no PINGO
  pingo node service install                   without a terminal, from every login on`;

export function nodeJoinCommand(run: Run): Command {
  return new Command("join")
    .description("lend this computer until Ctrl-C; your own work always goes first")
    .option("--profile <name>", "gentle, balanced or dedicated; docs/reference/owner-policy.md")
    .option("--cores <number>", "at most this many cores, each with a worker of its own (default: all)")
    .option(
      "--stake <amount>",
      "link it to your wallet, and register it on chain with so much PINGO at stake",
    )
    .option("--yes", "ask nothing")
    .addHelpText("after", HELP)
    .action(run(join));
}

/** Made where there is none: what is earned needs somewhere to go. */
async function assertWallet(context: Context): Promise<void> {
  if ((await findWallet(context)) === undefined) await createWallet(context);
  await openWallet(context); // a wrong passphrase is told before anything runs
}

interface Answers {
  readonly fogUrl: string;
  /** Undefined leaves the policy as it is. */
  readonly profile: ProfileName | undefined;
  readonly cores: number;
}

async function join(context: Context, command: Command): Promise<void> {
  const options = optionsOf(command);
  const stake = options.text("stake");
  if (stake !== undefined) {
    nanoOf("--stake", stake);
    await assertWallet(context);
  }
  const { fogUrl, profile, cores } = await answersOf(context, options);
  const joined = { ...context, fogUrl };
  const fog = await (await connectAsReader(joined)).node({ signal: context.signal }); // unreachable is told at once
  if (profile !== undefined) {
    const text = new TextEncoder().encode(`profile: ${profile}\n`);
    await context.ports.disk.write(policyPath(context), text);
  }
  await runDaemon(joined, {
    name: "provider",
    script: SCRIPTS.provider,
    env: { PINGO_FOG: fogUrl, PINGO_PROVIDER_SLOTS: String(cores) },
    async onceReady() {
      if (stake === undefined) return;
      await linkOwnKeys(joined);
      await registerNode(joined, stake, cores);
    },
    whenReady: (line) => {
      const id = typeof line === "object" && line !== null && "provider" in line ? String(line.provider) : "";
      return `provider ${id} works for fog node ${fog.id}`;
    },
  });
}

async function answersOf(context: Context, options: Options): Promise<Answers> {
  const { stdin, stdout } = context.terminal ?? {};
  const given = {
    fogUrl: options.text("fog"),
    profile: options.text("profile"),
    cores: options.text("cores"),
  };
  const hasPolicy = (await context.ports.disk.sizeBytes(policyPath(context))) !== undefined;
  const isAsking =
    stdin !== undefined && stdout !== undefined && !options.flag("yes") && !context.screen.isJson;
  if (!isAsking) {
    return {
      fogUrl: given.fogUrl ?? context.fogUrl,
      profile: given.profile === undefined ? undefined : parseProfile(given.profile),
      cores: parseCores(given.cores ?? String(coresMax())),
    };
  }
  using asker = createAsker(stdin, stdout, context.signal);
  const asked = <T>(
    text: string,
    answer: string | undefined,
    byDefault: string,
    parse: (text: string) => T,
  ) => (answer === undefined ? asker.ask({ text, byDefault, parse }) : parse(answer));
  const fogUrl = await asked("Which fog node?", given.fogUrl, context.fogUrl, parseUrl);
  const profile =
    hasPolicy && given.profile === undefined
      ? undefined // what the owner wrote is not asked for again
      : await asked("How much: gentle, balanced or dedicated?", given.profile, "gentle", parseProfile);
  const cores = await asked(
    `How many of your ${coresMax()} cores at most?`,
    given.cores,
    String(coresMax()),
    parseCores,
  );
  return { fogUrl, profile, cores };
}

function parseUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return text.replace(/\/+$/, "");
  const expected = "the address of a fog node, like http://10.0.0.5:4710";
  throw new CliError({ code: "OPTION_INVALID", option: "--fog", value: text, expected });
}

function parseProfile(text: string): ProfileName {
  const names = Object.keys(PROFILES);
  if (text === "gentle" || text === "balanced" || text === "dedicated") return text;
  throw new CliError({
    code: "OPTION_INVALID",
    option: "--profile",
    value: text,
    expected: names.join(", "),
  });
}

export function parseCores(text: string): number {
  const cores = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (cores >= 1 && cores <= coresMax()) return cores;
  const expected = `a whole number from 1 to ${coresMax()}`;
  throw new CliError({ code: "OPTION_INVALID", option: "--cores", value: text, expected });
}
