/** A devnet in a process of its own with PinGo's contracts on it, for tests of a station that has a chain. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { ClaimTree, deployContracts, encodeClaim, parseGenesisFile } from "@pingo/contracts";
import { testGenesis } from "@pingo/contracts/testing";
import { type AddressBookFile, type KeyPair, keyPairOfSeed, parseShape } from "@pingo/core";
import { systemClock, systemFetch, systemPrng } from "@pingo/core/system";
import { createToncenter, createWalletSender, type Toncenter, walletContract } from "@pingo/ton";
import { Address, beginCell, Cell, loadShardAccount, storeShardAccount } from "@ton/core";
import { z } from "zod";

const NODE_24 = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
const DEVNET = fileURLToPath(new URL("../../devnet/src/main.ts", import.meta.url));
/** Blocks come faster than on TON, so that tests need not wait for them. */
const BLOCK_MS = "40";
const NANOGRAM = 1_000_000_000n;
const NETWORK = -3;
/** THROW 42, whatever comes. SOURCE: TVM's F22_n. */
const THROWS = beginCell()
  .storeUint(0xf200 + 42, 16)
  .endCell();
const zState = z.object({ state: z.instanceof(Uint8Array) });
const zTerms = z.record(z.string(), z.number());
const zReady = z.object({ devnet: z.object({ endpoint: z.string(), adminUrl: z.string() }) });

export interface DevnetChain extends AsyncDisposable {
  readonly endpoint: string;
  readonly client: Toncenter;
  readonly book: Readonly<Record<string, string>>;
  /** Path of the address book. */
  readonly bookPath: string;
  /** GRAM for a key's wallet. */
  fund(key: KeyPair): Promise<void>;
  /** GRAM for any wallet. */
  give(address: Address, nano: bigint): Promise<void>;
  /** So many seconds pass. */
  travel(seconds: number): Promise<void>;
  /** The chain is gone. */
  kill(): Promise<void>;
  /** Its data are others from here on. */
  changeContract(address: Address, change: (data: Cell) => Cell): Promise<void>;
  /** What contracts sent there comes back, until it is mended. */
  breakContract(address: Address): Promise<AsyncDisposable>;
}

export interface DevnetOptions {
  /** Changes of the emission's terms; its first epoch begins now where there are any. */
  readonly emission?: Readonly<Record<string, number>>;
}

/**
 * @param quorum  all of whom sign an order
 * @param payer  whose wallet has 1,000 PINGO
 */
export async function startDevnetChain(
  home: string,
  quorum: KeyPair | readonly KeyPair[],
  payer?: KeyPair,
  { emission }: DevnetOptions = {},
): Promise<DevnetChain> {
  await mkdir(home, { recursive: true });
  let { child, endpoint, adminUrl } = await startDevnet(home, { http: "127.0.0.1:0", admin: "0" });
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
  /** The state of accounts is a table: nothing else here can make a sound contract fail. */
  const exchange = async (address: Address, change: (before: Inside) => Inside): Promise<Inside> => {
    await kill();
    const before = exchangeIn(join(home, "devnet", "chain.sqlite"), address, change);
    const ports = { http: new URL(endpoint).host, admin: new URL(adminUrl).port };
    ({ child, endpoint, adminUrl } = await startDevnet(home, ports));
    return before;
  };
  try {
    const file = await deploy(client, { quorum, payer, give, emission });
    const bookPath = join(home, "address-book.json");
    await writeFile(bookPath, JSON.stringify(file));
    return {
      endpoint,
      client,
      book: file.addresses,
      bookPath,
      give,
      fund: (key) => give(walletContract(key.publicKey, NETWORK).address, 100n * NANOGRAM),
      travel: (seconds) => askAdmin("travel", { seconds }),
      kill,
      async changeContract(address, change) {
        await exchange(address, ({ code, data }) => ({ code, data: change(data) }));
      },
      async breakContract(address) {
        const { code } = await exchange(address, ({ data }) => ({ code: THROWS, data }));
        return {
          async [Symbol.asyncDispose]() {
            await exchange(address, ({ data }) => ({ code, data }));
          },
        };
      },
      [Symbol.asyncDispose]: kill,
    };
  } catch (error) {
    await kill();
    throw error;
  }
}

async function startDevnet(
  home: string,
  ports: { readonly http: string; readonly admin: string },
): Promise<{ readonly child: ChildProcess; readonly endpoint: string; readonly adminUrl: string }> {
  const child = spawn(NODE_24, [DEVNET], {
    env: {
      PINGO_HOME: home,
      PINGO_DEVNET_HTTP: ports.http,
      PINGO_DEVNET_ADMIN_PORT: ports.admin,
      PINGO_DEVNET_BLOCK_MS: BLOCK_MS,
      PINGO_LOG_LEVEL: "warn",
      PINGO_EXIT_WITH_PARENT: "1",
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = await once(createInterface(child.stdout), "line");
  return { child, ...parseShape(zReady, JSON.parse(String(line)), String(line)).devnet };
}

interface Inside {
  readonly code: Cell;
  readonly data: Cell;
}

/** @returns what it was before */
function exchangeIn(path: string, address: Address, change: (before: Inside) => Inside): Inside {
  using database = new DatabaseSync(path);
  const key = address.toRawString();
  const row = zState.parse(database.prepare("select state from account where address = ?").get(key));
  const account = loadShardAccount(
    Cell.fromBoc(Buffer.from(row.state))[0]?.beginParse() ?? Cell.EMPTY.beginParse(),
  );
  const state = account.account?.storage.state;
  if (state?.type !== "active" || !state.state.code || !state.state.data)
    throw new Error(`${key} is no contract`);
  const before = { code: state.state.code, data: state.state.data };
  Object.assign(state.state, change(before));
  const boc = beginCell().store(storeShardAccount(account)).endCell().toBoc();
  database.prepare("update account set state = ? where address = ?").run(boc, key);
  return before;
}

async function deploy(
  chain: Toncenter,
  {
    quorum,
    payer,
    give,
    emission,
  }: {
    readonly quorum: KeyPair | readonly KeyPair[];
    readonly payer: KeyPair | undefined;
    readonly emission: Readonly<Record<string, number>> | undefined;
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
  const airdrop = { root, endsAtUnixS: nowUnixS + 86_400 };
  const keys = [quorum].flat();
  const publicKeys = keys.map(({ publicKey }) => Buffer.from(publicKey).toString("hex"));
  const members = { threshold: keys.length, publicKeys };
  const plain = testGenesis(deployer, new Uint8Array(32), { airdrop, quorum: members });
  const terms = parseShape(zTerms, plain["emission"], "the emission's terms");
  const changed = emission && { emission: { ...terms, startUnixS: nowUnixS, ...emission } };
  const genesis = parseGenesisFile({ ...plain, ...changed });
  const signal = new AbortController().signal;
  const { addressBook, network } = await deployContracts({
    ...{ genesis, chain, sender: wallet, clock: systemClock, signal },
  });
  const to = Address.parseRaw(String(addressBook["airdrop"]));
  const body = encodeClaim(paying, tree.proofOf(paying.hash));
  if (payer) await wallet.send([{ to, valueNanogram: NANOGRAM, body }]);
  return { kind: "pingo/address-book/v1", network, genesis: "0".repeat(64), addresses: addressBook };
}
