/** A devnet in a process of its own with PinGo's contracts on it, for tests of a station that has a chain. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { deployContracts, parseGenesisFile } from "@pingo/contracts";
import { type AddressBookFile, type KeyPair, keyPairOfSeed, parseShape } from "@pingo/core";
import { systemClock, systemFetch, systemPrng } from "@pingo/core/system";
import { createToncenter, createWalletSender, type Toncenter, walletContract } from "@pingo/ton";
import type { Address } from "@ton/core";
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
  /** The chain is gone. */
  kill(): Promise<void>;
}

/** @param quorum  whose one signature is an order */
export async function startDevnetChain(home: string, quorum: KeyPair): Promise<DevnetChain> {
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
  const give = async (address: Address, nano: bigint): Promise<void> => {
    const body = JSON.stringify({ address: address.toString(), nano: nano.toString() });
    const answer = await fetch(`${adminUrl}/faucet`, { method: "POST", body });
    if (!answer.ok) throw new Error(await answer.text());
  };
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  try {
    const file = await deploy(client, quorum, give);
    const bookPath = join(home, "address-book.json");
    await writeFile(bookPath, JSON.stringify(file));
    return {
      endpoint,
      client,
      book: file.addresses,
      bookPath,
      fund: (key) => give(walletContract(key.publicKey, NETWORK).address, 100n * NANOGRAM),
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
  quorum: KeyPair,
  give: (address: Address, nano: bigint) => Promise<void>,
): Promise<AddressBookFile> {
  const key = keyPairOfSeed(systemPrng.bytes(32));
  const wallet = createWalletSender({ chain, key, network: NETWORK, clock: systemClock });
  await give(wallet.address, 1_000n * NANOGRAM);
  const deployer = wallet.address.toRawString();
  const vault = {
    owner: deployer,
    millionths: 1_000_000,
    startUnixS: 0,
    cliffSeconds: 1,
    durationSeconds: 10,
    stepSeconds: 1,
  };
  const nowUnixS = await chain.nowUnixS();
  const genesis = parseGenesisFile({
    network: "testnet",
    deployer,
    guardian: deployer,
    quorum: { threshold: 1, publicKeys: [Buffer.from(quorum.publicKey).toString("hex")] },
    emission: {
      startUnixS: nowUnixS,
      epochSeconds: 60,
      epochsPerEra: 100,
      windowSeconds: 1,
      resolveSeconds: 60,
      bondGram: 1,
    },
    registry: {
      providerStakeMinPingo: 0,
      fogStakeMinPingo: 0,
      verdictMillionthsMax: 100_000,
      unbondingSeconds: 86_400,
    },
    governance: { voteSeconds: 30, timelockSeconds: 10, buildersMin: 1, usersMinPingo: 1 },
    airdrop: { root: "1".repeat(64), endsAtUnixS: nowUnixS + 86_400 },
    investors: [vault],
    team: [vault],
  });
  const signal = new AbortController().signal;
  const { addressBook, network } = await deployContracts({
    ...{ genesis, chain, sender: wallet, clock: systemClock, signal },
  });
  return { kind: "pingo/address-book/v1", network, genesis: "0".repeat(64), addresses: addressBook };
}
