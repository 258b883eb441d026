/** `pingo up`: the whole network on this machine, at work on a job. */
import { join } from "node:path";
import {
  assert,
  type FaultReport,
  formatBytes,
  formatDuration,
  formatPingo,
  type JobId,
  type JobView,
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
import { followJob } from "../follow.ts";
import { loadJob } from "../load-job.ts";
import { awaitOffers } from "../local/await-offers.ts";
import { buildPage } from "../local/build-page.ts";
import { ADMIN_PORT_DEFAULT } from "../local/devnet-admin.ts";
import type { LocalChain } from "../local/local-chain.ts";
import { type LocalNetwork, startLocalNetwork } from "../local/local-network.ts";
import type { OwnEscrow } from "../local/own-escrow.ts";
import { ownKeys } from "../local/own-ids.ts";
import { assertPortFree, freePorts } from "../local/ports.ts";
import { purseNano } from "../local/purse.ts";
import { runScript } from "../local/run-script.ts";
import { SCRIPTS } from "../local/scripts.ts";
import { type Options, optionsOf } from "../options.ts";
import { settleJob } from "../pay.ts";
import { submitJob } from "../submit.ts";
import { count, percent } from "../view/job-view.ts";
import { paymentLines } from "../view/payments-view.ts";

const HELP = `
Examples:
  pingo up                        the example job, then the network stays up until Ctrl-C
  pingo up --once --json          the same, then everything stops; the last line is the outcome
  pingo up --job my/job.yaml      a job of yours
  pingo up --web                  with a page on which a browser tab lends too
  pingo up --chain devnet         the gate closed; your providers earn you the certificate first
  pingo up --providers 2 --port 5000`;

const PROVIDERS_DEFAULT = 3;
const PORT_MAX = 65_533;

/** The last line of --once --json. */
export interface UpOutcome {
  readonly job: string;
  /** On held-out data, as is the loss; null where the job has none. */
  readonly accuracy: number | null;
  readonly loss: number | null;
  readonly rounds: number;
  readonly providers: number;
  readonly steps: number;
  readonly samplesPerSecond: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Of the whole command. */
  readonly wallSeconds: number;
  /** Path of the trained .onnx. */
  readonly model: string;
}

export function upCommand(run: Run): Command {
  return new Command("up")
    .description("the whole network on this machine, training a job")
    .option("--once", "stop everything when the job has ended")
    .option("--providers <number>", "providers to start (default: 3)")
    .option("--job <file>", "job file to run (default: the handwritten digits)")
    .option("--chain <name>", "devnet: TON on this machine, a gate for contributors only, and the way in")
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
      const { done, heldNano } = await runJob(inner, network, jobFile);
      tellOutcome(inner, done);
      await tellPayments(inner, network, done, heldNano);
      return done;
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
  const hasChain = chainOf(options);
  const [httpPort, p2pPort, webPort, ...chainPorts] = await choosePorts(options, hasChain);
  screen.line(`${screen.paint("bold", "PinGo")} on this machine; everything it keeps is in ${config.home}`);
  const web = options.flag("web") ? { page: await buildPage(context), port: webPort } : undefined;
  const leaving = new AbortController();
  using _leaving = { [Symbol.dispose]: () => leaving.abort() };
  const jobFile = Promise.withResolvers<string>();
  jobFile.promise.catch(() => undefined); // awaited below, once the network is up
  await using chain = hasChain ? await startChain(context, chainPorts) : undefined;
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
  network.onProviderEnd((fault) => screen.line(screen.paint("yellow", fault.message)));
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

/** Of the fog node's HTTP, of its peers, of browsers, and of the devnet's API and faucet where there is one. */
async function choosePorts(
  options: Options,
  hasChain: boolean,
): Promise<readonly [number, number, number, ...number[]]> {
  const asked = options.whole("port", { min: 1, max: PORT_MAX });
  if (asked === undefined && options.flag("once")) {
    const [http = 0, p2p = 0, web = 0, ...more] = await freePorts(hasChain ? 5 : 3);
    return [http, p2p, web, ...more];
  }
  const port = asked ?? HTTP_PORT_DEFAULT;
  const webPorts = options.flag("web") ? [port + 2] : [];
  const chainPorts = hasChain ? [DEVNET_PORT_DEFAULT, ADMIN_PORT_DEFAULT] : [];
  for (const wanted of [port, port + 1, ...webPorts, ...chainPorts]) await assertPortFree(wanted);
  return [port, port + 1, port + 2, ...chainPorts];
}

function chainOf(options: Options): boolean {
  const chain = options.text("chain");
  if (chain === undefined || chain === "devnet") return chain !== undefined;
  throw new CliError({
    code: "OPTION_INVALID",
    option: "--chain",
    value: chain.slice(0, 64),
    expected: "devnet",
  });
}

async function startChain(context: Context, [http = 0, admin = 0]: readonly number[]): Promise<LocalChain> {
  const { startLocalChain } = await import("../local/local-chain.ts");
  context.screen.live("the devnet starts, and the contracts with it");
  const chain = await startLocalChain(context, { http, admin });
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

interface Ran {
  readonly done: UpOutcome;
  /** PINGO in this home's wallet before it paid for the job; 0 where nothing is paid on chain. */
  readonly heldNano: bigint;
}

async function runJob(context: Context, network: Road, jobFile: string): Promise<Ran> {
  const { config, ports, signal } = context;
  const client = await connectAsUser(context, network.fog.httpUrl);
  const offers = awaitOffers(client, network.children.length - 1, { clock: ports.clock, signal });
  const [prepared] = await Promise.all([loadJob(context, jobFile), offers]);
  if (network.chain !== undefined) {
    const { earnMembership } = await import("../local/earn-membership.ts");
    await earnMembership(context, { chain: network.chain, fogUrl: network.fog.httpUrl, prepared });
  }
  const heldNano = network.chain === undefined ? 0n : await purseNano(context, network.chain);
  const { id } = await submitJob(context, client, prepared);
  const escrow = network.chain && (await payOnChain(context, network.chain, client, { id, prepared }));
  const view = await followJob(context, client, id);
  await settleJob(context, escrow);
  const files = await client.fetchResult(id, join(config.home, "jobs", id), { signal });
  assert("model" in files, "the example trains");
  return { done: outcomeOf(view, files.model, ports.clock.monotonicMs()), heldNano };
}

async function payOnChain(
  context: Context,
  chain: LocalChain,
  client: FogClient,
  { id, prepared }: { readonly id: JobId; readonly prepared: PreparedJob },
): Promise<OwnEscrow | undefined> {
  const { fundEscrow } = await import("../local/own-escrow.ts");
  return fundEscrow(context, BigInt(prepared.file.budgetNano), {
    ...{ client, job: id, endpoint: chain.endpoint, bookPath: chain.bookPath },
    openPayer: async () => ({ network: chain.network, key: chain.wallet }),
  });
}

function outcomeOf(view: JobView, model: string, sinceStartMs: number): UpOutcome {
  return {
    job: view.id,
    accuracy: view.evaluation?.accuracy ?? null,
    loss: view.evaluation?.loss ?? null,
    rounds: view.round,
    providers: view.providers.length,
    steps: view.steps,
    samplesPerSecond: view.trainingMs > 0 ? Math.round((view.rows * 1000) / view.trainingMs) : 0,
    bytesUp: view.bytesUp,
    bytesDown: view.bytesDown,
    wallSeconds: Math.round(sinceStartMs) / 1000,
    model,
  };
}

function tellOutcome({ screen }: Context, outcome: UpOutcome): void {
  const { accuracy, loss } = outcome;
  const heldOut = loss === null ? "" : `: loss ${loss.toFixed(4)} on held-out data`;
  screen.line("");
  screen.line(
    `${screen.paint("green", "✓ trained")}${heldOut}${accuracy === null ? "" : `, accuracy ${screen.paint("bold", percent(accuracy))}`}`,
  );
  screen.line(
    `  ${outcome.rounds} rounds by ${outcome.providers} providers, ${count(outcome.samplesPerSecond)} samples/s, ` +
      `${formatBytes(outcome.bytesUp)} up, ${formatBytes(outcome.bytesDown)} down, ${formatDuration(outcome.wallSeconds * 1000)}`,
  );
  screen.line(`  model ${outcome.model}`);
}

/** Not in JSON: the outcome's keys are what they are, and "pingo earnings --json" tells the rest. */
async function tellPayments(
  context: Context,
  network: Road,
  { job }: UpOutcome,
  heldNano: bigint,
): Promise<void> {
  const { screen, signal } = context;
  if (screen.isJson) return;
  const client = await connectAsUser(context, network.fog.httpUrl);
  const paid = await client.payments(parseCid(job), { signal });
  const keys = await ownKeys(context);
  for (const line of paymentLines(paid, keys)) screen.line(`  ${line}`);
  const { chain } = network;
  if (chain === undefined) return;
  const { untilPaidOut } = await import("../local/until-paid-out.ts");
  const nowNano = await untilPaidOut(context, chain, { ...paid, heldNano, keys });
  screen.line(`  all of it is paid out on chain; your wallet has ${formatPingo(nowNano)}`);
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
