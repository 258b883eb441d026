/** TON on this machine with PinGo's contracts on it, as `pingo up --chain devnet` uses it: its coins are worth nothing. */
import { join } from "node:path";
import { ADDRESS_BOOK_NAME, type KeyPair, keyPairOfSeed, parseShape } from "@pingo/core";
import { z } from "zod";
import type { Context } from "../context.ts";
import { type Child, startChild } from "./child.ts";
import { deployGenesis } from "./deploy-genesis.ts";
import { askDevnet, zDevnetView } from "./devnet-admin.ts";
import { SCRIPTS } from "./scripts.ts";

export interface LocalChain extends AsyncDisposable {
  /** What the fog node is told. */
  readonly fogEnv: Readonly<Record<string, string>>;
  /** Submits the first job: nobody else is a member yet. */
  readonly founder: KeyPair;
  /** Of this home's keys, on this devnet alone. */
  readonly wallet: KeyPair;
  readonly network: typeof NETWORK;
  readonly child: Child;
}

const NETWORK = -3;
const NANOGRAM = 1_000_000_000n;
const FUNDS_NANOGRAM = 100n * NANOGRAM;
const SEED_BYTES = 32;
const STOP_MS = 2_000;
/** Vaults that nobody waits for here. */
const YEAR_S = 365 * 86_400;

/** @throws the devnet's fault, or the chain's; nothing is left running then */
export async function startLocalChain(
  context: Context,
  ports: { readonly http: number; readonly admin: number },
): Promise<LocalChain> {
  const { config, signal } = context;
  const { clock } = context.ports;
  const folder = join(config.home, "devnet");
  const child = startChild(
    {
      name: "devnet",
      script: SCRIPTS.devnet,
      env: {
        ...config.inherited,
        PINGO_HOME: config.home,
        PINGO_LOG_LEVEL: config.logLevel,
        PINGO_EXIT_WITH_PARENT: "1",
        PINGO_DEVNET_HTTP: `127.0.0.1:${ports.http}`,
        PINGO_DEVNET_ADMIN_PORT: String(ports.admin),
      },
      logPath: join(config.home, "logs", "devnet.log"),
    },
    clock,
  );
  const stop = async (): Promise<void> => {
    child.terminate();
    const timer = new AbortController();
    const late = clock.sleep(STOP_MS, { signal: timer.signal }).catch(() => undefined); // aborted: it ended in time
    await Promise.race([child.ended, late]);
    timer.abort();
    child.kill();
    await child.ended;
  };
  try {
    const line = await child.ready;
    const view = typeof line === "object" && line !== null && "devnet" in line ? line.devnet : undefined;
    const { endpoint } = parseShape(zDevnetView, view, "the devnet's ready line");
    const { createToncenter, createWalletSender, walletContract } = await import("@pingo/ton");
    const chain = createToncenter({ endpoint, fetch: context.ports.fetch, clock });
    const [fog, founder, wallet, deployer] = await Promise.all([
      keyAt(context, join(config.home, "fog", "key")),
      ...["founder.key", "wallet.key", "deployer.key"].map((name) => keyAt(context, join(folder, name))),
    ]);
    if (!fog || !founder || !wallet || !deployer) throw new TypeError("four keys were read");
    const sender = createWalletSender({ chain, key: deployer, network: NETWORK, clock, signal });
    const give = async (key: KeyPair): Promise<void> => {
      const { address } = walletContract(key.publicKey, NETWORK);
      const body = { address: address.toRawString(), nano: FUNDS_NANOGRAM.toString() };
      await askDevnet(context, ports.admin, "faucet", z.unknown(), body);
    };
    const bookPath = join(folder, ADDRESS_BOOK_NAME);
    const { text, isNew } = await genesisAt(context, join(folder, "genesis.json"), async () =>
      localGenesis(sender.address.toRawString(), fog, await chain.nowUnixS(signal)),
    );
    if (isNew) await Promise.all([give(fog), give(deployer)]);
    await deployGenesis(context, { text, chain, sender, bookPath });
    return {
      founder,
      wallet,
      network: NETWORK,
      child,
      fogEnv: {
        TON_ENDPOINT: endpoint,
        PINGO_FOG_ADDRESS_BOOK: bookPath,
        PINGO_FOG_GATE: "certificate",
        PINGO_FOG_FOUNDERS: founder.nodeId,
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One fog node is the whole quorum, and one owner of everything else: this chain is for trying things. */
function localGenesis(owner: string, fog: KeyPair, nowUnixS: number): Readonly<Record<string, unknown>> {
  const vault = { owner, millionths: 1_000_000, startUnixS: nowUnixS, cliffSeconds: YEAR_S };
  const vaults = [{ ...vault, durationSeconds: 4 * YEAR_S, stepSeconds: 86_400 }];
  return {
    network: "testnet",
    deployer: owner,
    guardian: owner,
    quorum: { threshold: 1, publicKeys: [Buffer.from(fog.publicKey).toString("hex")] },
    emission: {
      startUnixS: nowUnixS,
      epochSeconds: 3_600,
      epochsPerEra: 8_760,
      windowSeconds: 600,
      resolveSeconds: 86_400,
      bondGram: 10,
    },
    registry: {
      // Who comes first has no PINGO to put at stake.
      providerStakeMinPingo: 0,
      fogStakeMinPingo: 0,
      verdictMillionthsMax: 100_000,
      unbondingSeconds: 86_400,
    },
    governance: { voteSeconds: 3_600, timelockSeconds: 600, buildersMin: 1, usersMinPingo: 1 },
    airdrop: { root: "1".repeat(64), endsAtUnixS: nowUnixS + YEAR_S },
    investors: vaults,
    team: vaults,
  };
}

/** Written before anything is sent: whatever cuts this off, the next run means the same contracts. */
async function genesisAt(
  { ports: { disk } }: Context,
  path: string,
  make: () => Promise<unknown>,
): Promise<{ readonly text: string; readonly isNew: boolean }> {
  const found = await disk.read(path);
  if (found !== undefined) return { text: new TextDecoder().decode(found), isNew: false };
  const text = `${JSON.stringify(await make(), null, 2)}\n`;
  await disk.write(path, new TextEncoder().encode(text));
  return { text, isNew: true };
}

/** Made on first use; the home is readable by its owner alone. */
async function keyAt(context: Context, path: string): Promise<KeyPair> {
  const { disk, prng } = context.ports;
  const found = await disk.read(path);
  if (found?.byteLength === SEED_BYTES) return keyPairOfSeed(found);
  const seed = prng.bytes(SEED_BYTES);
  await disk.write(path, seed);
  return keyPairOfSeed(seed);
}
