/** A fog node that is paid on a chain of its own, with a user and a provider whose wallets are linked. */
import { mkdir, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import {
  ESCROW_ASK_NANOGRAM,
  type EscrowView,
  encodeFinish,
  encodeFunding,
  type JobEscrowTerms,
  jobEscrow,
  PingoWallet,
} from "@pingo/contracts";
import {
  digestOfCid,
  type EmissionView,
  encodeCanonical,
  type JobId,
  type JobView,
  type KeyPair,
  keyPairOfSeed,
  parseShape,
  signValue,
  WALLET_DOMAIN,
  zEmissionView,
  zJobEscrowView,
} from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { createWalletSender, type WalletSender, walletContract } from "@pingo/ton";
import { Address } from "@ton/core";
import { expect } from "vitest";
import { type DevnetChain, type DevnetOptions, startDevnetChain } from "./devnet-chain.ts";
import { type FogPlace, type FogProcess, makePlace, startFog } from "./fog-process.ts";
import { join } from "./scripted-provider.ts";
import { acceptTinyJob, ONE_UNIT, postCbor, untilFinished } from "./tiny-job.ts";

const NETWORK = -3;

export interface PaidFog extends AsyncDisposable {
  readonly place: FogPlace;
  readonly home: string;
  readonly devnet: DevnetChain;
  readonly payer: WalletSender;
  /** The one that runs now. */
  readonly fog: FogProcess;
  readonly keys: PaidKeys;
  kill(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  start(): Promise<void>;
  /** Submitted, funded, worked on, billed, paid. */
  paidJob(budgetNano: bigint): Promise<JobView>;
  /** Submitted, and its budget in escrow; three units, one after the other. */
  fundedJob(budgetNano: bigint): Promise<FundedJob>;
  /** By the provider, or another. */
  work(units: number, by?: KeyPair): Promise<void>;
  link(node: KeyPair, wallet: KeyPair): Promise<void>;
  /** Its bill taken as it is, and the escrow closed. */
  accept(paid: FundedJob): Promise<void>;
  heldNano(wallet: Address): Promise<bigint>;
  /** As the fog node names it. */
  termsOf(job: JobId): Promise<JobEscrowTerms>;
  readEscrow(terms: JobEscrowTerms): Promise<EscrowView>;
  emission(): Promise<EmissionView>;
}

export interface FundedJob {
  readonly job: JobView;
  readonly terms: JobEscrowTerms;
}

export interface PaidKeys {
  readonly fog: KeyPair;
  readonly owner: KeyPair;
  readonly ownerWallet: KeyPair;
  readonly provider: KeyPair;
  readonly providerWallet: KeyPair;
}

/** @param options of its devnet; the fog node's own key is in the quorum whatever they say */
export async function startPaidFog({
  quorum = [],
  ...options
}: DevnetOptions & { readonly quorum?: readonly KeyPair[] }): Promise<PaidFog> {
  const newKey = (): KeyPair => keyPairOfSeed(systemPrng.bytes(32));
  const keys = {
    fog: newKey(),
    owner: newKey(),
    ownerWallet: newKey(),
    provider: newKey(),
    providerWallet: newKey(),
  };
  await using started = new AsyncDisposableStack();
  const plain = started.use(await makePlace());
  const home = String(plain.env["PINGO_HOME"]);
  await mkdir(joinPath(home, "fog"), { recursive: true });
  await writeFile(joinPath(home, "fog", "key"), keys.fog.seed);
  const devnet = started.use(await startDevnetChain(home, [keys.fog, ...quorum], keys.ownerWallet, options));
  await devnet.fund(keys.fog);
  await devnet.fund(keys.ownerWallet);
  const more = {
    PINGO_FOG_PAYMENT: "chain",
    PINGO_FOG_ADDRESS_BOOK: devnet.bookPath,
    TON_ENDPOINT: devnet.endpoint,
  };
  const place = { ...plain, env: { ...plain.env, ...more } };
  let fog = await startFog(place);
  started.defer(() => fog[Symbol.asyncDispose]());
  const payer = createWalletSender({
    chain: devnet.client,
    key: keys.ownerWallet,
    network: NETWORK,
    clock: systemClock,
  });
  const link = async (node: KeyPair, wallet: KeyPair): Promise<void> => {
    const address = addressOf(wallet).toRawString();
    const statement = { node: node.nodeId, address, network: NETWORK, atUnixMs: Date.now() };
    const byNode = signValue(WALLET_DOMAIN, statement, node);
    const both = { byNode, byWallet: signValue(WALLET_DOMAIN, statement, wallet) };
    expect((await postCbor(`${fog.url}/v1/wallets`, encodeCanonical(both))).status).toBe(201);
  };
  await link(keys.owner, keys.ownerWallet);
  await link(keys.provider, keys.providerWallet);
  const escrowOf = async (job: JobId) => {
    const answer = await (await fetch(`${fog.url}/v1/jobs/${job}/escrow`)).json();
    return parseShape(zJobEscrowView, answer, "the escrow").escrow;
  };
  const termsOf = async (job: JobId): Promise<JobEscrowTerms> => ({
    minter: Address.parseRaw(String(devnet.book["minter"])),
    quorum: Address.parseRaw(String(devnet.book["quorum"])),
    user: payer.address,
    fog: addressOf(keys.fog),
    job: digestOfCid(job),
    deadlineUnixS: (await until(() => escrowOf(job))).deadlineUnixS,
  });
  const fundedJob = async (budgetNano: bigint): Promise<FundedJob> => {
    const job = await acceptTinyJob(fog.url, keys.owner, { ...ONE_UNIT, budgetNano: budgetNano.toString() });
    const terms = await termsOf(job.id);
    await payer.send(encodeFunding(terms, budgetNano));
    return { job, terms };
  };
  const work = async (units: number, key = keys.provider): Promise<void> => {
    await using provider = await join(fog, { key });
    for (let done = 0; done < units; done++)
      await provider.send(await provider.work(await provider.nextLease()));
  };
  const readEscrow = (terms: JobEscrowTerms) => devnet.client.open(jobEscrow(terms)).getView();
  const accept = async ({ job, terms }: FundedJob): Promise<void> => {
    const escrow = jobEscrow(terms);
    await until(async () => (await readEscrow(terms)).phase === "billed");
    await payer.send([{ to: escrow.address, valueNanogram: ESCROW_ASK_NANOGRAM, body: encodeFinish() }]);
    await until(async () => (await escrowOf(job.id))?.state === "closed");
  };
  const paidJob = async (budgetNano: bigint): Promise<JobView> => {
    const funded = await fundedJob(budgetNano);
    await work(3);
    await untilFinished(fog.url, funded.job);
    await accept(funded);
    return funded.job;
  };
  const heldNano = (wallet: Address): Promise<bigint> =>
    devnet.client
      .open(new PingoWallet(wallet, Address.parseRaw(String(devnet.book["minter"]))))
      .getBalanceNano();
  const running = started.move();
  return {
    ...{
      place,
      home,
      devnet,
      payer,
      keys,
      paidJob,
      fundedJob,
      work,
      accept,
      link,
      termsOf,
      readEscrow,
      heldNano,
    },
    get fog() {
      return fog;
    },
    async kill(signal) {
      await fog.kill(signal);
    },
    async start() {
      fog = await startFog(place);
    },
    async emission() {
      return parseShape(zEmissionView, await (await fetch(`${fog.url}/v1/emission`)).json(), "the emission");
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

export function addressOf(key: KeyPair): Address {
  return walletContract(key.publicKey, NETWORK).address;
}

export async function until<T>(look: () => Promise<T | undefined | null | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await systemClock.sleep(50);
  }
}
