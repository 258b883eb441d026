/** A station that asks for stakes, on a real chain: who has none is given no work, who registers is, chain or no chain afterwards. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import {
  encodeRegister,
  encodeTransfer,
  PingoWallet,
  RegistryAt,
  Stake,
  signRegistration,
} from "@pingo/contracts";
import {
  assert,
  type KeyPair,
  keyPairOfSeed,
  type ProviderView,
  parseShape,
  zProviderView,
} from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { readFile as readStored } from "@pingo/storage";
import { createWalletSender } from "@pingo/ton";
import { zProvenance } from "@pingo/training";
import { Address } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type DevnetChain, startDevnetChain } from "./devnet-chain.ts";
import { type FogPlace, type FogProcess, makePlace, startFog } from "./fog-process.ts";
import { join } from "./scripted-provider.ts";
import { acceptTinyJob, blocksOf, ONE_UNIT, untilFinished } from "./tiny-job.ts";

const NETWORK = -3;
const CLI = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));
const NANOGRAM = 1_000_000_000n;
const STAKE_NANO = 100_000_000_000n;
const newKey = (): KeyPair => keyPairOfSeed(systemPrng.bytes(32));
const started = new AsyncDisposableStack();
const [fogKey, owner, ownerOfStake] = [newKey(), newKey(), newKey()];
const [liar, staked, unstaked] = [newKey(), newKey(), newKey()];
let devnet: DevnetChain;
let place: FogPlace;
let fog: FogProcess;

beforeAll(async () => {
  const plain = started.use(await makePlace());
  const home = String(plain.env["PINGO_HOME"]);
  await mkdir(joinPath(home, "fog"), { recursive: true });
  await writeFile(joinPath(home, "fog", "key"), fogKey.seed);
  devnet = started.use(await startDevnetChain(home, fogKey, ownerOfStake));
  await devnet.fund(ownerOfStake);
  const more = {
    PINGO_FOG_STAKE: "required",
    PINGO_FOG_ADDRESS_BOOK: devnet.bookPath,
    TON_ENDPOINT: devnet.endpoint,
  };
  place = { ...plain, env: { ...plain.env, ...more } };
  fog = await startFog(place);
});
afterAll(async () => {
  await fog[Symbol.asyncDispose]();
  await started.disposeAsync();
});

async function views(): Promise<ReadonlyMap<string, ProviderView>> {
  const answer = await (await fetch(`${fog.url}/v1/providers`)).json();
  const { providers } = parseShape(z.object({ providers: z.array(zProviderView) }), answer, "the providers");
  return new Map(providers.map((view) => [view.id, view]));
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await systemClock.sleep(50);
}

/** For the wallet of who owns stakes here, with so much PINGO of it behind the key. */
async function register(node: KeyPair, amountNano = 0n): Promise<void> {
  const { client, book } = devnet;
  const registry = new RegistryAt(Address.parseRaw(String(book["registry"])));
  const { rules } = await client.open(registry).getView();
  const stake = new Stake(registry.address, node.publicKey, "provider", rules);
  const wallet = createWalletSender({
    chain: client,
    key: ownerOfStake,
    network: NETWORK,
    clock: systemClock,
  });
  const signature = signRegistration(node, stake.address, NETWORK, wallet.address);
  const body = encodeRegister({ millicores: 1_000n, bytes: 1n }, signature);
  const pledge = encodeTransfer({
    ...{ amountNano, to: stake.address, excessesTo: wallet.address, forwardNanogram: NANOGRAM / 500n },
  });
  const purse = new PingoWallet(wallet.address, rules.minter).address;
  await wallet.send([
    { to: stake.address, valueNanogram: NANOGRAM / 10n, init: stake.init, body },
    ...(amountNano === 0n ? [] : [{ to: purse, valueNanogram: NANOGRAM / 10n, body: pledge }]),
  ]);
  await until(async () => (await client.open(stake).getView())?.stakedNano === amountNano);
}

/** Of the fog node's home. */
async function pingo(args: readonly string[]) {
  const child = spawn(process.execPath, [CLI, ...args, "--json"], {
    env: {
      PATH: String(process.env["PATH"]),
      PINGO_HOME: String(place.env["PINGO_HOME"]),
      PINGO_FOG: fog.url,
      PINGO_WALLET_PASSPHRASE: "a passphrase of the test",
      PINGO_FOG_ADDRESS_BOOK: devnet.bookPath,
      TON_ENDPOINT: devnet.endpoint,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [stdout] = await Promise.all([text(child.stdout), once(child, "close")]);
  return JSON.parse(stdout);
}

test("where one fog node is the whole quorum, its one command takes a liar's stake to account, once for a result", async () => {
  const { raw } = await pingo(["wallet", "create"]);
  await devnet.give(Address.parseRaw(raw), NANOGRAM / 10n);
  await register(liar, STAKE_NANO);
  await using provider = await join(fog, { key: liar });
  await until(async () => (await views()).get(liar.nodeId)?.hasStake === true);
  const job = await acceptTinyJob(fog.url, owner, {
    ...ONE_UNIT,
    schedule: { rounds: 1, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
  });
  await provider.send(await provider.claim(await provider.nextLease(), new Float32Array(6).fill(0.01)));
  const { result } = await untilFinished(fog.url, job);
  assert(result !== null && "model" in result, "it was trained");
  const json = await readStored(blocksOf(fog.url), result.provenance, { sizeBytesMax: 1e6 });
  const { rounds } = parseShape(zProvenance, JSON.parse(new TextDecoder().decode(json)), "provenance.json");
  const statement = String(rounds[0]?.units[0]?.statement);

  const slash = ["fog", "slash", statement];
  expect(await pingo(slash)).toMatchObject({ error: { code: "GRAM_MISSING" } });
  await devnet.give(Address.parseRaw(raw), NANOGRAM);
  expect(await pingo([...slash, "--millionths", "50000"])).toMatchObject({
    ...{ isSent: true, signatures: 1, threshold: 1, isBarred: false, convictions: 1 },
    ...{
      provider: liar.nodeId,
      lostNano: String(STAKE_NANO / 20n),
      leftNano: String((STAKE_NANO * 19n) / 20n),
    },
  });
  expect(await pingo(slash)).toMatchObject({
    error: { code: "REFUSED_ON_CHAIN", message: expect.stringContaining("verdict on this slot already") },
  });
});

test("work goes to who is registered, and to nobody else; the chain may be gone then, and the station start again", async () => {
  await using idle = await join(fog, { key: unstaked });
  let isIdle = true;
  void idle.nextLease().then(() => {
    isIdle = false;
  });
  const first = await acceptTinyJob(fog.url, owner, ONE_UNIT);
  {
    await using provider = await join(fog, { key: staked });
    await until(async () => (await views()).get(staked.nodeId)?.hasStake === false);
    await register(staked);
    for (let done = 0; done < 3; done++) await provider.send(await provider.work(await provider.nextLease()));
    expect((await views()).get(staked.nodeId)?.hasStake).toBe(true);
    await untilFinished(fog.url, first);
  }
  await devnet.kill();
  await fog.kill("SIGKILL");
  fog = await startFog(place);
  const second = await acceptTinyJob(fog.url, owner, ONE_UNIT);
  await using provider = await join(fog, { key: staked });
  for (let done = 0; done < 3; done++) await provider.send(await provider.work(await provider.nextLease()));
  await untilFinished(fog.url, second);
  expect(isIdle).toBe(true);
});
