/** Sign-in as the field does it: the public SDK, a bridge over HTTP and a wallet behind it. */
import { keyPairOfSeed } from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { createSignIn } from "@pingo/ton";
import { type Bridge, createFakeWallet, startBridge } from "@pingo/ton/testing";
import { WalletContractV5R1 } from "@ton/ton";
import { TonConnect, type Wallet } from "@tonconnect/sdk";
import { expect, test } from "vitest";

const NETWORK = "-239";
const APP = "fakewallet";
const key = keyPairOfSeed(systemPrng.bytes(32));
const { address, init } = WalletContractV5R1.create({ publicKey: Buffer.from(key.publicKey) });

function memoryStorage() {
  const items = new Map<string, string>();
  return {
    getItem: async (name: string) => items.get(name) ?? null,
    setItem: async (name: string, value: string) => void items.set(name, value),
    removeItem: async (name: string) => void items.delete(name),
  };
}

async function connect(bridge: Bridge, tonProof: string): Promise<Wallet> {
  const connector = new TonConnect({
    manifestUrl: bridge.manifestUrl,
    walletsListSource: bridge.walletsUrl,
    storage: memoryStorage(),
    analytics: { mode: "off" },
  });
  const connected = new Promise<Wallet>((resolve, reject) => {
    connector.onStatusChange((wallet) => wallet && resolve(wallet), reject);
  });
  const link = connector.connect(
    { bridgeUrl: bridge.url, universalLink: "https://wallet.invalid/connect" },
    { request: { tonProof } },
  );
  const wallet = createFakeWallet({
    ...{ key, address, init, appName: APP, network: NETWORK },
    nowUnixMs: systemClock.nowUnixMs,
  });
  await wallet.open(link, bridge.url);
  const answer = await connected;
  connector.pauseConnection();
  return answer;
}

test("a wallet that connects through the public SDK is signed in, once", async () => {
  await using bridge = await startBridge(APP);
  const domain = new URL(bridge.manifestUrl).host;
  const signIn = createSignIn({ network: NETWORK, domains: [domain], clock: systemClock, prng: systemPrng });
  const { account, connectItems } = await connect(bridge, signIn.issueNonce());
  const item = connectItems?.tonProof;
  if (item === undefined || !("proof" in item)) throw new Error("the SDK brought no proof");
  const proof = { account: { ...account, publicKey: account.publicKey }, proof: item.proof };
  expect(await signIn.verify(proof)).toEqual({
    address: address.toRawString(),
    publicKey: key.publicKey,
    network: NETWORK,
  });
  await expect(signIn.verify(proof)).rejects.toMatchObject({ code: "NONCE_USED" });
});

test("a proof for another service is refused though the wallet is honest", async () => {
  await using bridge = await startBridge(APP);
  const signIn = createSignIn({
    network: NETWORK,
    domains: ["pingo.example"],
    clock: systemClock,
    prng: systemPrng,
  });
  const { account, connectItems } = await connect(bridge, signIn.issueNonce());
  const item = connectItems?.tonProof;
  if (item === undefined || !("proof" in item)) throw new Error("the SDK brought no proof");
  await expect(signIn.verify({ account, proof: item.proof })).rejects.toMatchObject({
    code: "DOMAIN_UNKNOWN",
  });
});
