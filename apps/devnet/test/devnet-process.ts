/** A real devnet in a process of its own, on free ports and a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  type FaultReport,
  type KeyPair,
  keyPairOfSeed,
  parseShape,
  signBytes,
  zErrorBody,
} from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { freePort } from "@pingo/core/testing";
import { type Address, type Cell, internal, SendMode, type StateInit } from "@ton/core";
import { TonClient, WalletContractV5R1 } from "@ton/ton";
import { z } from "zod";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
export const NODE_24 = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
/** Blocks come faster than on TON, so that tests need not wait for them. */
const BLOCK_MS = "40";
/** Looks at the chain; each is a request over HTTP. */
const LOOKS_MAX = 5_000;

const zReady = z.object({
  ready: z.literal(true),
  devnet: z.object({ endpoint: z.string(), adminUrl: z.string(), networkId: z.int(), faucet: z.string() }),
});

export interface Place extends AsyncDisposable {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface DevnetProcess extends AsyncDisposable {
  readonly endpoint: string;
  readonly adminUrl: string;
  readonly client: TonClient;
  kill(signal: "SIGKILL" | "SIGTERM"): Promise<number | null>;
  /** Of the API v3, as JSON. */
  v3(path: string, body?: unknown): Promise<unknown>;
  /** Of the port beside it. */
  admin(path: string, body?: unknown): Promise<unknown>;
}

/** The ports stay the same over restarts, as they would in the field. */
export async function makePlace(more: Readonly<Record<string, string>> = {}): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), "pingo-devnet-"));
  return {
    home,
    env: {
      PINGO_HOME: home,
      PINGO_DEVNET_HTTP: `127.0.0.1:${await freePort()}`,
      PINGO_DEVNET_ADMIN_PORT: String(await freePort()),
      PINGO_DEVNET_BLOCK_MS: BLOCK_MS,
      PINGO_LOG_LEVEL: "warn",
      PINGO_EXIT_WITH_PARENT: "1",
      ...more,
    },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

export async function startDevnet(place: Place): Promise<DevnetProcess> {
  const { child, line } = await firstLine(place.env);
  const { devnet } = parseShape(zReady, JSON.parse(line), `the ready line ${line}`);
  const kill = async (signal: "SIGKILL" | "SIGTERM"): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  };
  const ask = async (url: string, body: unknown): Promise<unknown> => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return (await fetch(url, init)).json();
  };
  const { endpoint, adminUrl } = devnet;
  return {
    endpoint,
    adminUrl,
    client: new TonClient({ endpoint }),
    kill,
    v3: (path, body) => ask(endpoint.replace("/api/v2/jsonRPC", `/api/v3/${path}`), body),
    admin: (path, body) => ask(`${adminUrl}/${path}`, body),
    async [Symbol.asyncDispose]() {
      await kill("SIGTERM");
    },
  };
}

/** For a start that must not succeed. */
export async function failToStart(env: Readonly<Record<string, string>>): Promise<FaultReport> {
  const { child, line } = await firstLine(env);
  if (child.exitCode === null) await once(child, "exit");
  if (child.exitCode !== 1) throw new Error(`exited with ${child.exitCode} after ${line}`);
  return parseShape(zErrorBody, JSON.parse(line), "the fault line").error;
}

async function firstLine(
  env: Readonly<Record<string, string>>,
): Promise<{ readonly child: ChildProcess; readonly line: string }> {
  const child = spawn(NODE_24, [MAIN], { env: { ...env }, stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await once(createInterface(child.stdout), "line");
  return { child, line: String(line) };
}

export interface TestWallet {
  readonly address: Address;
  readonly key: KeyPair;
  readonly contract: WalletContractV5R1;
  /** Sends and waits until the wallet has moved on. */
  send(to: Address, nano: bigint, body?: Cell | string, init?: StateInit): Promise<void>;
}

/** A W5 wallet with GRAM from the faucet. */
export async function fundedWallet(devnet: DevnetProcess, nano = 10n ** 10n): Promise<TestWallet> {
  const key = keyPairOfSeed(systemPrng.bytes(32));
  const contract = WalletContractV5R1.create({ publicKey: Buffer.from(key.publicKey) });
  const opened = devnet.client.open(contract);
  await devnet.admin("faucet", { address: contract.address.toString(), nano: nano.toString() });
  return {
    address: contract.address,
    key,
    contract,
    async send(to, value, body, init) {
      const seqno = await opened.getSeqno();
      await opened.send(
        await contract.createTransfer({
          seqno,
          signer: async (cell) => Buffer.from(signBytes(key, cell.hash())),
          sendMode: SendMode.PAY_GAS_SEPARATELY,
          messages: [internal({ to, value, bounce: false, body: body ?? null, init: init ?? null })],
        }),
      );
      await until(async () => (await opened.getSeqno()) > seqno);
    },
  };
}

/** Looks until it is so. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) if (await isSo()) return;
  throw new Error(`it did not come about in ${LOOKS_MAX} looks`);
}
