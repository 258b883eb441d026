/** A devnet in a process of its own with PinGo's contracts on it, for tests of a station that has a chain. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ClaimTree, deployContracts, encodeClaim, parseGenesisFile } from "@pingo/contracts";
import { testGenesis } from "@pingo/contracts/testing";
import { type AddressBookFile, type KeyPair, keyPairOfSeed, parseShape } from "@pingo/core";
import { systemClock, systemFetch, systemPrng } from "@pingo/core/system";
import { createToncenter, createWalletSender, type Toncenter, walletContract } from "@pingo/ton";
import { Address } from "@ton/core";
import { z } from "zod";

const NODE_24 = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
const DEVNET = fileURLToPath(new URL("../../devnet/src/main.ts", import.meta.url));
/** Blocks come faster than on TON, so that tests need not wait for them. */
const BLOCK_MS = "40";
const NANOGRAM = 1_000_000_000n;
const NETWORK = -3;
const zReady = z.object({ devnet: z.object({ endpoint: z.string(), adminUrl: z.string() }) });

export interface DevnetChain extends AsyncDisposable {
  readonly endpoint: string;
  readonly client: Toncenter;
  readonly book: Readonly<Record<string, string>>;
  /** Path of the address book. */
  readonly bookPath: string;
  /** GRAM for a key's wallet. */
  fund(key: KeyPair): Promise<void>;
  /** So many seconds pass. */
  travel(seconds: number): Promise<void>;
  /** The chain is gone. */
  kill(): Promise<void>;
}

/**
 * @param quorum  whose one signature is an order
 * @param payer  whose wallet has 1,000 PINGO
 */
export async function startDevnetChain(home: string, quorum: KeyPair, payer?: KeyPair): Promise<DevnetChain> {
  await mkdir(home, { recursive: true });
  const child = spawn(NODE_24, [DEVNET], {
    env: {
      PINGO_HOME: home,
      PINGO_DEVNET_HTTP: "127.0.0.1:0",
      PINGO_DEVNET_ADMIN_PORT: "0",
      PINGO_DEVNET_BLOCK_MS: BLOCK_MS,
      PINGO_LOG_LEVEL: "warn",
      PINGO_EXIT_WITH_PARENT: "1",
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = await once(createInterface(child.stdout), "line");
  const { endpoint, adminUrl } = parseShape(zReady, JSON.parse(String(line)), String(line)).devnet;
  const client = createToncenter({ endpoint, fetch: systemFetch });
  const askAdmin = async (path: string, body: unknown): Promise<void> => {
    const answer = await fetch(`${adminUrl}/${path}`, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
  };
  const give = (address: Address, nano: bigint): Promise<void> =>
    askAdmin("faucet", { address: address.toString(), nano: nano.toString() });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  try {
    const file = await deploy(client, { quorum, payer, give });
    const bookPath = join(home, "address-book.json");
    await writeFile(bookPath, JSON.stringify(file));
    return {
      endpoint,
      client,
      book: file.addresses,
      bookPath,
      fund: (key) => give(walletContract(key.publicKey, NETWORK).address, 100n * NANOGRAM),
      travel: (seconds) => askAdmin("travel", { seconds }),
      kill,
      [Symbol.asyncDispose]: kill,
    };
  } catch (error) {
    await kill();
    throw error;
  }
}

async function deploy(
  chain: Toncenter,
  {
    quorum,
    payer,
    give,
  }: {
    readonly quorum: KeyPair;
    readonly payer: KeyPair | undefined;
    readonly give: (address: Address, nano: bigint) => Promise<void>;
  },
): Promise<AddressBookFile> {
  const key = keyPairOfSeed(systemPrng.bytes(32));
  const wallet = createWalletSender({ chain, key, network: NETWORK, clock: systemClock });
  await give(wallet.address, 1_000n * NANOGRAM);
  const deployer = wallet.address.toRawString();
  const nowUnixS = await chain.nowUnixS();
  const paying = walletContract((payer ?? key).publicKey, NETWORK).address;
  const tree = new ClaimTree([{ owner: paying.hash, cumulativeNano: 1_000n * NANOGRAM }]);
  const root = tree.root.toString(16).padStart(64, "0");
  const genesis = parseGenesisFile(
    testGenesis(deployer, quorum.publicKey, { airdrop: { root, endsAtUnixS: nowUnixS + 86_400 } }),
  );
  const signal = new AbortController().signal;
  const { addressBook, network } = await deployContracts({
    ...{ genesis, chain, sender: wallet, clock: systemClock, signal },
  });
  const to = Address.parseRaw(String(addressBook["airdrop"]));
  const body = encodeClaim(paying, tree.proofOf(paying.hash));
  if (payer) await wallet.send([{ to, valueNanogram: NANOGRAM, body }]);
  return { kind: "pingo/address-book/v1", network, genesis: "0".repeat(64), addresses: addressBook };
}
