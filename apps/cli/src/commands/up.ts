/** `pingo up`: the whole network on this machine, at work on a job. */
import { join } from "node:path";
import {
  assert,
  type FaultReport,
  formatBytes,
  formatDuration,
  type JobId,
  LIMITS,
  parseCid,
  reportOf,
} from "@pingo/core";
import type { FogClient, PreparedJob } from "@pingo/sdk";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { DEVNET_PORT_DEFAULT, HTTP_PORT_DEFAULT } from "../config.ts";
import { type Context, connectAsUser } from "../context.ts";
import { loadJob } from "../load-job.ts";
import { awaitOffers } from "../local/await-offers.ts";
import { buildPage } from "../local/build-page.ts";
import { chainOfHome, parseChain } from "../local/chain-of-home.ts";
import { ADMIN_PORT_DEFAULT } from "../local/devnet-admin.ts";
import type { Standing } from "../local/earn-membership.ts";
import { type LocalChain, payerOf, startLocalChain } from "../local/local-chain.ts";
import { type LocalNetwork, startLocalNetwork } from "../local/local-network.ts";
import type { OwnEscrow } from "../local/own-escrow.ts";
import { ownKeys } from "../local/own-ids.ts";
import { assertPortFree, freePorts, isPortFree } from "../local/ports.ts";
import { purseNano } from "../local/purse.ts";
import { runScript } from "../local/run-script.ts";
import { SCRIPTS } from "../local/scripts.ts";
import { outcomeOf, type Ran, samplesPerSecondOf, type UpOutcome } from "../local/up-outcome.ts";
import { type Options, optionsOf } from "../options.ts";
import { followPaidJob } from "../pay.ts";
import { submitJob } from "../submit.ts";
import { count, percent } from "../view/job-view.ts";
import { type Payday, paydayLines } from "../view/payday-view.ts";

const HELP = `
Examples:
  pingo up                        the example job, then the network stays up until Ctrl-C
  pingo up --once --json          the same, then everything stops; the last line is the outcome
  pingo up --job my/job.yaml      a job of yours
  pingo up --web                  with a page on which a browser tab lends too
  pingo up --chain none           without TON: the gate open, and who is paid in the fog node's books alone
  pingo up --providers 2 --port 5000`;

const PROVIDERS_DEFAULT = 3;
const PORT_MAX = 65_533;

export function upCommand(run: Run): Command {
  return new Command("up")
    .description("the whole network on this machine, training a job")
    .option("--once", "stop everything when the job has ended")
    .option("--providers <number>", "providers to start (default: 3)")
    .option("--job <file>", "job file to run (default: the handwritten digits)")
    .option(
      "--chain <name>",
      "devnet: TON on this machine, and a gate for contributors only; none (default: devnet)",
    )
    .option("--port <number>", "HTTP port of the fog node; providers use the next one (default: 4710)")
    .option("--web", "serve a page that lends from a browser; it connects to the port after those")
    .addHelpText("after", HELP)
    .action(run(up));
}

async function up(context: Context, command: Command): Promise<void> {
  const { screen, signal } = context;
  const options = optionsOf(command);
  const outcome = await withNetwork(context, options, async (network, jobFile, inner) => {
    const train = async (): Promise<UpOutcome> => {
      const ran = await runJob(inner, network, jobFile);
      tellTrained(inner, ran);
      const payday = await paydayOf(inner, network, ran);
      tellPayday(inner, payday);
      return outcomeOf(ran, payday, context.ports.clock.monotonicMs());
    };
    if (options.flag("once")) return train();
    const done = await train().catch((error: unknown) => stayUp(inner, error));
    screen.json(done);
    tellNext(inner, network);
    await Promise.race([untilAborted(signal), network.failed]);
    return done;
  });
  // Last: whoever reads it knows that everything has stopped.
  if (options.flag("once")) screen.json(outcome);
}

/** A job that ends otherwise, perhaps by its owner's word from another terminal, is no reason to end the network. */
function stayUp({ screen }: Context, error: unknown): { readonly error: FaultReport } {
  if (!(error instanceof CliError) || error.fault.code !== "JOB_NOT_SUCCEEDED") throw error;
  screen.line("");
  screen.line(screen.paint("red", `✗ ${error.message} (${error.fault.code})`));
  return { error: reportOf(error) };
}

/** The network, and the chain that it asks, if any. */
type Road = LocalNetwork & { readonly chain: LocalChain | undefined };
type Work<T> = (network: Road, jobFile: string, context: Context) => Promise<T>;

/** Runs work while the network is up; the network's fault ends the work, and the work's end stops the network. */
async function withNetwork<T>(context: Context, options: Options, work: Work<T>): Promise<T> {
  const { screen, config, ports, signal } = context;
  const providers = options.whole("providers", { min: 1, max: LIMITS.workersMax }) ?? PROVIDERS_DEFAULT;
  const wanted = parseChain(options.text("chain"));
  const [httpPort, p2pPort, webPort] = await choosePorts(options);
  screen.line(`${screen.paint("bold", "PinGo")} on this machine; everything it keeps is in ${config.home}`);
  const hasChain = (await chainOfHome(context, wanted)) === "devnet";
  const web = options.flag("web") ? { page: await buildPage(context), port: webPort } : undefined;
  const leaving = new AbortController();
  using _leaving = { [Symbol.dispose]: () => leaving.abort() };
  const jobFile = Promise.withResolvers<string>();
  jobFile.promise.catch(() => undefined); // awaited below, once the network is up
  await using chain = hasChain ? await startChain(context, options) : undefined;
  await using network = await startLocalNetwork({
    config,
    clock: ports.clock,
    httpPort,
    p2pPort,
    providers,
    web,
    signal,
    ...(chain && { fogEnv: chain.fogEnv }),
    // Not before: until the fog node has its lock, this home may be another's.
    onFogReady: () => jobFile.resolve(prepareJobFile(context, options, leaving.signal)),
    onReady: (name, ready, of) => screen.live(`${name} is ready (${ready} of ${of})`),
  });
  screen.live("");
  screen.line(`fog node at ${network.fog.httpUrl}, ${providers} providers`);
  if (network.fog.web) screen.line(`lend from a browser at ${network.fog.web.pageUrl}`);
  const tellEnd = (fault: Error): void => screen.line(screen.paint("yellow", fault.message));
  network.onProviderEnd(tellEnd);
  chain?.onEnd(tellEnd);
  const broken = new AbortController();
  network.failed.catch((error: unknown) => broken.abort(error));
  const inner: Context = { ...context, signal: AbortSignal.any([signal, broken.signal]) };
  try {
    return await work({ ...network, chain }, await jobFile.promise, inner);
  } catch (error) {
    broken.signal.throwIfAborted(); // the fog node's fault explains the work's
    throw error;
  }
}

/** Of the fog node's HTTP, of its peers, and of browsers. */
async function choosePorts(options: Options): Promise<readonly [number, number, number]> {
  const asked = options.whole("port", { min: 1, max: PORT_MAX });
  if (asked === undefined && options.flag("once")) {
    const [http = 0, p2p = 0, web = 0] = await freePorts(3);
    return [http, p2p, web];
  }
  const port = asked ?? HTTP_PORT_DEFAULT;
  const webPorts = options.flag("web") ? [port + 2] : [];
  for (const wanted of [port, port + 1, ...webPorts]) await assertPortFree(wanted);
  return [port, port + 1, port + 2];
}

/** Of the devnet's API and faucet: the usual ones for a network at the usual ports, where nothing else has them. */
async function chooseChainPorts(
  options: Options,
): Promise<{ readonly http: number; readonly admin: number }> {
  const isUsual = options.text("port") === undefined && !options.flag("once");
  const usual = { http: DEVNET_PORT_DEFAULT, admin: ADMIN_PORT_DEFAULT };
  if (isUsual && (await isPortFree(usual.http)) && (await isPortFree(usual.admin))) return usual;
  const [http = 0, admin = 0] = await freePorts(2);
  return { http, admin };
}

async function startChain(context: Context, options: Options): Promise<LocalChain> {
  context.screen.live("TON starts on this machine, and PinGo's contracts with it");
  const chain = await startLocalChain(context, await chooseChainPorts(options));
  context.screen.live("");
  context.screen.line(
    `TON on this machine: ${chain.fogEnv["TON_ENDPOINT"]}; the gate is for contributors only`,
  );
  return chain;
}

async function prepareJobFile(context: Context, options: Options, leaving: AbortSignal): Promise<string> {
  const { config } = context;
  const signal = AbortSignal.any([context.signal, leaving]);
  const file = options.text("job");
  if (file !== undefined) return file;
  const folder = join(config.home, "examples", "mnist");
  const { exitCode, lastWords } = await runScript(SCRIPTS.prepareMnist, [folder], {
    env: config.inherited,
    signal,
  });
  signal.throwIfAborted();
  if (exitCode !== 0)
    throw new CliError({ code: "EXAMPLE_FAILED", why: lastWords || `exit code ${exitCode}` });
  return join(folder, "job.yaml");
}

async function runJob(context: Context, network: Road, jobFile: string): Promise<Ran> {
  const { config, ports, signal } = context;
  const client = await connectAsUser(context, network.fog.httpUrl);
  const offers = awaitOffers(client, network.children.length - 1, { clock: ports.clock, signal });
  const [prepared] = await Promise.all([loadJob(context, jobFile), offers]);
  const standing = network.chain && (await enter(context, network.chain, { network, prepared }));
  const heldNano = network.chain === undefined ? 0n : await purseNano(context, network.chain);
  const { id } = await submitJob(context, client, prepared);
  const escrow = network.chain && (await payOnChain(context, network.chain, client, { id, prepared }));
  return followPaidJob(context, client, {
    ...{ job: id, escrow },
    async take(view) {
      const files = await client.fetchResult(id, join(config.home, "jobs", id), { signal });
      assert("model" in files, "the example trains");
      return { view, name: prepared.file.name, model: files.model, standing, heldNano };
    },
  });
}

async function enter(
  context: Context,
  chain: LocalChain,
  { network, prepared }: { readonly network: LocalNetwork; readonly prepared: PreparedJob },
): Promise<Standing> {
  const { earnMembership } = await import("../local/earn-membership.ts");
  return earnMembership(context, { chain, fogUrl: network.fog.httpUrl, prepared });
}

async function payOnChain(
  context: Context,
  chain: LocalChain,
  client: FogClient,
  { id, prepared }: { readonly id: JobId; readonly prepared: PreparedJob },
): Promise<OwnEscrow | undefined> {
  const { fundEscrow } = await import("../local/own-escrow.ts");
  return fundEscrow(context, BigInt(prepared.file.budgetNano), {
    ...{ client, job: id },
    openPayer: async () => payerOf(chain, chain.wallet),
  });
}

/** Who got what, once all of it is in wallets where there is a chain. */
async function paydayOf(context: Context, network: Road, { view, ...ran }: Ran): Promise<Payday> {
  const { signal } = context;
  const { chain } = network;
  const client = await connectAsUser(context, network.fog.httpUrl);
  const paid = await client.payments(parseCid(view.id), { signal });
  const keys = await ownKeys(context);
  const firstWork = ran.standing?.firstWork ?? null;
  const books = { keys, name: ran.name, payments: paid.payments, firstWork: firstWork?.payments ?? null };
  if (chain === undefined) return { ...books, membership: null, walletNano: null, rewards: null };
  const [user] = keys;
  assert(user !== undefined, "the user's key is the first");
  const { untilPaidOut } = await import("../local/until-paid-out.ts");
  const walletNano = await untilPaidOut(context, chain, { ...paid, heldNano: ran.heldNano, keys });
  const membership = await client.membership(user.key.nodeId, { signal });
  const { readRewards } = await import("../local/own-rewards.ts");
  const { address } = membership;
  const rewards = address === null ? null : await readRewards(client, address, signal);
  return { ...books, membership, walletNano, rewards };
}

function tellTrained({ screen, ports }: Context, { view, model }: Ran): void {
  const { accuracy, loss } = view.evaluation ?? {};
  const heldOut = loss === undefined ? "" : `: loss ${loss.toFixed(4)} on held-out data`;
  const right = typeof accuracy === "number" ? `, accuracy ${screen.paint("bold", percent(accuracy))}` : "";
  screen.line("");
  screen.line(`${screen.paint("green", "✓ trained")}${heldOut}${right}`);
  screen.line(
    `  ${view.round} rounds by ${view.providers.length} providers, ${count(samplesPerSecondOf(view))} samples/s, ` +
      `${formatBytes(view.bytesUp)} up, ${formatBytes(view.bytesDown)} down, ${formatDuration(ports.clock.monotonicMs())}`,
  );
  screen.line(`  model ${model}`);
}

function tellPayday({ screen }: Context, payday: Payday): void {
  screen.line("");
  for (const line of paydayLines(payday)) screen.line(line === "" ? line : `  ${line}`);
}

function tellNext({ screen, config }: Context, network: LocalNetwork): void {
  const fog = network.fog.httpUrl === config.fogUrl ? "" : ` --fog ${network.fog.httpUrl}`;
  screen.line("");
  screen.line("The network stays up until Ctrl-C. In another terminal:");
  screen.line(`  npm run pingo -- node status${fog}`);
  screen.line(`  npm run pingo -- job list${fog}`);
  screen.line(`  npm run pingo -- earnings${fog}`);
  screen.line(
    `  npm run pingo -- train ${join(config.home, "examples", "mnist", "job.yaml")} --follow${fog}`,
  );
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
