/** A fog node that is paid on a chain of its own, with a user and a provider whose wallets are linked. */
import { mkdir, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { ESCROW_ASK_NANOGRAM, encodeFinish, encodeFunding, jobEscrow } from "@pingo/contracts";
import {
  digestOfCid,
  type EmissionView,
  encodeCanonical,
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
  emission(): Promise<EmissionView>;
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
  const escrowOf = async (job: JobView) => {
    const answer = await (await fetch(`${fog.url}/v1/jobs/${job.id}/escrow`)).json();
    return parseShape(zJobEscrowView, answer, "the escrow").escrow;
  };
  const paidJob = async (budgetNano: bigint): Promise<JobView> => {
    const job = await acceptTinyJob(fog.url, keys.owner, { ...ONE_UNIT, budgetNano: budgetNano.toString() });
    const info = await until(() => escrowOf(job));
    const terms = {
      minter: Address.parseRaw(String(devnet.book["minter"])),
      quorum: Address.parseRaw(String(devnet.book["quorum"])),
      user: payer.address,
      fog: addressOf(keys.fog),
      job: digestOfCid(job.id),
      deadlineUnixS: info.deadlineUnixS,
    };
    await payer.send(encodeFunding(terms, budgetNano));
    {
      await using provider = await join(fog, { key: keys.provider });
      for (let done = 0; done < 3; done++)
        await provider.send(await provider.work(await provider.nextLease()));
      await untilFinished(fog.url, job);
    }
    const escrow = jobEscrow(terms);
    await until(async () => (await devnet.client.open(escrow).getView()).phase === "billed");
    await payer.send([{ to: escrow.address, valueNanogram: ESCROW_ASK_NANOGRAM, body: encodeFinish() }]);
    await until(async () => (await escrowOf(job))?.state === "closed");
    return job;
  };
  const running = started.move();
  return {
    ...{ place, home, devnet, payer, keys, paidJob },
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
