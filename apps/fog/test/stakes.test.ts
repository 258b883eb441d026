/** A station that asks for stakes, on a real chain: who has none is given no work, who registers is, chain or no chain afterwards. */
import { mkdir, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { encodeRegister, RegistryAt, Stake, signRegistration } from "@pingo/contracts";
import { type KeyPair, keyPairOfSeed, type ProviderView, parseShape, zProviderView } from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { createWalletSender } from "@pingo/ton";
import { Address } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type DevnetChain, startDevnetChain } from "./devnet-chain.ts";
import { type FogPlace, type FogProcess, makePlace, startFog } from "./fog-process.ts";
import { join } from "./scripted-provider.ts";
import { acceptTinyJob, ONE_UNIT, untilFinished } from "./tiny-job.ts";

const NETWORK = -3;
const NANOGRAM = 1_000_000_000n;
const newKey = (): KeyPair => keyPairOfSeed(systemPrng.bytes(32));
const started = new AsyncDisposableStack();
const [fogKey, owner, ownerOfStake, staked, unstaked] = [newKey(), newKey(), newKey(), newKey(), newKey()];
let devnet: DevnetChain;
let place: FogPlace;
let fog: FogProcess;

beforeAll(async () => {
  const plain = started.use(await makePlace());
  const home = String(plain.env["PINGO_HOME"]);
  await mkdir(joinPath(home, "fog"), { recursive: true });
  await writeFile(joinPath(home, "fog", "key"), fogKey.seed);
  devnet = started.use(await startDevnetChain(home, fogKey));
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

async function register(node: KeyPair): Promise<void> {
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
  await wallet.send([{ to: stake.address, valueNanogram: NANOGRAM / 10n, init: stake.init, body }]);
}

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
