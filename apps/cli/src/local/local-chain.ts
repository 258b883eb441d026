/** TON on this machine with PinGo's contracts on it, as `pingo up` uses it: its coins are worth nothing. */
import { join } from "node:path";
import { type AddressBookFile, type KeyPair, keyPairOfSeed, parseShape } from "@pingo/core";
import type { Toncenter } from "@pingo/ton";
import type { Cell } from "@ton/core";
import { z } from "zod";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { GENESIS_NAME } from "./chain-of-home.ts";
import { startChild } from "./child.ts";
import { deployGenesis } from "./deploy-genesis.ts";
import { askDevnet, zDevnetView } from "./devnet-admin.ts";
import { LOCAL_CHAIN_NAME, LOCAL_WALLET_NAME, type LocalChainFile } from "./local-payer.ts";
import type { Payer } from "./own-escrow.ts";
import { SCRIPTS } from "./scripts.ts";
import { untilInterrupted } from "./until-interrupted.ts";

export interface LocalChain extends AsyncDisposable {
  /** What the fog node is told. */
  readonly fogEnv: Readonly<Record<string, string>>;
  /** Submits the first job: nobody else is a member yet. */
  readonly founder: KeyPair;
  /** Pays for it: nobody else has PINGO that is not locked. */
  readonly founderWallet: KeyPair;
  /** Of this home's keys, on this devnet alone. */
  readonly wallet: KeyPair;
  readonly network: typeof NETWORK;
  readonly endpoint: string;
  readonly bookPath: string;
  /** workchain:hex */
  readonly minter: string;
  /** Told when the devnet ends by itself. Jobs that run go on; what is to be paid waits. */
  onEnd(tell: (fault: Error) => void): void;
}

/** Whoever pays on that chain. */
export function payerOf({ network, endpoint, bookPath }: LocalChain, key: KeyPair): Payer {
  return { network, endpoint, bookPath, key };
}

const NETWORK = -3;
const NANOGRAM = 1_000_000_000n;
const FUNDS_NANOGRAM = 100n * NANOGRAM;
const CLAIM_NANOGRAM = NANOGRAM / 2n;
const LOOK_EVERY_MS = 100;
const LOOKS_MAX = 300;
const SEED_BYTES = 32;
/** It loses nothing that it acknowledged, however it ends; Ctrl-C to silence is 5 s with the network that stops before it. */
const STOP_MS = 500;

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
  let isStopping = false;
  const stop = async (): Promise<void> => {
    isStopping = true;
    child.terminate();
    const timer = new AbortController();
    const late = clock.sleep(STOP_MS, { signal: timer.signal }).catch(() => undefined); // aborted: it ended in time
    await Promise.race([child.ended, late]);
    timer.abort();
    child.kill();
    await child.ended;
  };
  try {
    const line = await Promise.race([child.ready, untilInterrupted(signal)]);
    const view = typeof line === "object" && line !== null && "devnet" in line ? line.devnet : undefined;
    const { endpoint } = parseShape(zDevnetView, view, "the devnet's ready line");
    const { createToncenter, createWalletSender, walletContract } = await import("@pingo/ton");
    const chain = createToncenter({ endpoint, fetch: context.ports.fetch, clock });
    const [fog, founder, founderWallet, wallet, deployer] = await Promise.all([
      keyAt(context, join(config.home, "fog", "key")),
      ...["founder.key", "founder-wallet.key", LOCAL_WALLET_NAME, "deployer.key"].map((name) =>
        keyAt(context, join(folder, name)),
      ),
    ]);
    if (!fog || !founder || !founderWallet || !wallet || !deployer)
      throw new TypeError("five keys were read");
    const sender = createWalletSender({ chain, key: deployer, network: NETWORK, clock, signal });
    const give = async (key: KeyPair): Promise<void> => {
      const { address } = walletContract(key.publicKey, NETWORK);
      if ((await chain.account(address, signal)).balanceNanogram >= FUNDS_NANOGRAM / 2n) return;
      const body = { address: address.toRawString(), nano: FUNDS_NANOGRAM.toString() };
      await askDevnet(context, ports.admin, "faucet", z.unknown(), body);
    };
    const bookPath = join(folder, "contracts.json");
    const { DEVNET_GENESIS_PATH, fillGenesis, readGenesisFile, treeOfAirdrop } = await import(
      "@pingo/contracts"
    );
    const founderAddress = walletContract(founderWallet.publicKey, NETWORK).address;
    const text = await genesisAt(context, join(folder, GENESIS_NAME), async () => {
      const blank = await context.ports.disk.read(DEVNET_GENESIS_PATH);
      if (blank === undefined) throw new CliError({ code: "FILE_MISSING", path: DEVNET_GENESIS_PATH });
      const filled = fillGenesis(new TextDecoder().decode(blank), {
        deployer: sender.address.toRawString(),
        founder: founderAddress.toRawString(),
        fogKey: Buffer.from(fog.publicKey).toString("hex"),
        nowUnixS: await chain.nowUnixS(signal),
      });
      return readGenesisFile(filled, DEVNET_GENESIS_PATH).value;
    });
    await Promise.all([fog, deployer, founderWallet, wallet].map(give));
    const { book } = await deployGenesis(context, { text, chain, sender, bookPath });
    const { owners } = readGenesisFile(text, GENESIS_NAME).genesis.airdrop;
    if (owners !== null) {
      const proof = treeOfAirdrop(owners).proofOf(founderAddress.hash);
      await claimAirdrop(context, { chain, founder: founderWallet, proof, book });
    }
    const place: LocalChainFile = {
      kind: "pingo/local-chain/v1",
      endpoint,
      bookPath,
      adminPort: ports.admin,
    };
    await context.ports.disk.write(
      join(folder, LOCAL_CHAIN_NAME),
      new TextEncoder().encode(`${JSON.stringify(place)}\n`),
    );
    return {
      founder,
      founderWallet,
      wallet,
      network: NETWORK,
      endpoint,
      bookPath,
      minter: book.addresses["minter"] ?? "",
      onEnd: (tell) => void child.ended.then((end) => !isStopping && tell(child.faultOf(end))),
      fogEnv: {
        TON_ENDPOINT: endpoint,
        PINGO_FOG_ADDRESS_BOOK: bookPath,
        PINGO_FOG_GATE: "certificate",
        PINGO_FOG_PAYMENT: "chain",
        PINGO_FOG_FOUNDERS: founder.nodeId,
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Written before anything is sent: whatever cuts this off, the next run means the same contracts. */
async function genesisAt(
  { ports: { disk } }: Context,
  path: string,
  make: () => Promise<unknown>,
): Promise<string> {
  const found = await disk.read(path);
  if (found !== undefined) return new TextDecoder().decode(found);
  const text = `${JSON.stringify(await make(), null, 2)}\n`;
  await disk.write(path, new TextEncoder().encode(text));
  return text;
}

/** What the founder pays the first work with: nobody else has PINGO that is not locked. */
async function claimAirdrop(
  { ports: { clock }, signal }: Context,
  {
    chain,
    founder,
    proof,
    book,
  }: {
    readonly chain: Toncenter;
    readonly founder: KeyPair;
    readonly proof: Cell;
    readonly book: AddressBookFile;
  },
): Promise<void> {
  const { encodeClaim, PingoWallet } = await import("@pingo/contracts");
  const { createWalletSender, ToncenterError } = await import("@pingo/ton");
  const { Address } = await import("@ton/core");
  const sender = createWalletSender({ chain, key: founder, network: NETWORK, clock, signal });
  const minter = Address.parseRaw(book.addresses["minter"] ?? "");
  const airdrop = Address.parseRaw(book.addresses["airdrop"] ?? "");
  const purse = new PingoWallet(sender.address, minter);
  if ((await chain.account(purse.address, signal)).isActive) return;
  const body = encodeClaim(sender.address, proof);
  await sender.send([{ to: airdrop, valueNanogram: CLAIM_NANOGRAM, body }]);
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if ((await chain.account(purse.address, signal)).isActive) return;
    await clock.sleep(LOOK_EVERY_MS, { signal });
  }
  const seconds = (LOOKS_MAX * LOOK_EVERY_MS) / 1000;
  throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what: "the founder's claim", seconds });
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
