/** A wallet without a person: opens a connection link, proves its address, answers through the bridge. */
import { type KeyPair, signBytes } from "@pingo/core";
import { type Address, beginCell, type StateInit, storeStateInit } from "@ton/core";
import { type ConnectItemReply, hexToByteArray, SessionCrypto } from "@tonconnect/protocol";
import { z } from "zod";
import { proofDigest, type WalletProof } from "../sign-in/proof.ts";

export interface FakeWalletOptions {
  readonly key: KeyPair;
  readonly address: Address;
  readonly init: StateInit;
  readonly appName: string;
  /** "-239" or "-3". */
  readonly network: string;
  readonly nowUnixMs: () => number;
}

export interface WalletReply {
  readonly account: WalletProof["account"];
  readonly proof: WalletProof["proof"];
}

export interface FakeWallet {
  /** What it would answer for this domain and nonce. */
  prove(domain: string, payload: string): WalletReply;
  /** Answers the link that a dApp shows. */
  open(link: string, bridgeUrl: string): Promise<void>;
}

const zConnectRequest = z.object({
  manifestUrl: z.string(),
  items: z.array(z.object({ name: z.string(), payload: z.string().optional() })),
});

export function createFakeWallet(options: FakeWalletOptions): FakeWallet {
  const { key, address, init, appName, network, nowUnixMs } = options;
  const session = new SessionCrypto();
  const walletStateInit = beginCell().store(storeStateInit(init)).endCell().toBoc().toString("base64");
  const account = {
    address: address.toRawString(),
    chain: network,
    walletStateInit,
    publicKey: Buffer.from(key.publicKey).toString("hex"),
  };
  const prove: FakeWallet["prove"] = (domain, payload) => {
    const unsigned = {
      timestamp: Math.floor(nowUnixMs() / 1000),
      domain: { lengthBytes: Buffer.byteLength(domain), value: domain },
      payload,
    };
    const signature = Buffer.from(signBytes(key, proofDigest(address, unsigned))).toString("base64");
    return { account, proof: { ...unsigned, signature } };
  };
  return {
    prove,
    async open(link, bridgeUrl) {
      const url = new URL(link);
      const clientId = url.searchParams.get("id") ?? "";
      const request = zConnectRequest.parse(JSON.parse(url.searchParams.get("r") ?? ""));
      const domain = new URL(request.manifestUrl).host;
      const items = request.items.map(({ name, payload }): ConnectItemReply => {
        if (name === "ton_proof") return { name, proof: prove(domain, payload ?? "").proof };
        return {
          name: "ton_addr",
          address: account.address,
          network: account.chain,
          walletStateInit,
          publicKey: account.publicKey,
        };
      });
      const device = {
        platform: "linux",
        appName,
        appVersion: "1",
        maxProtocolVersion: 2,
        features: [{ name: "SendTransaction", maxMessages: 255 }],
      };
      const event = { event: "connect", id: 1, payload: { items, device } };
      const sealed = session.encrypt(JSON.stringify(event), hexToByteArray(clientId));
      const to = new URL(`${bridgeUrl}/message`);
      to.search = new URLSearchParams({ client_id: session.sessionId, to: clientId, ttl: "300" }).toString();
      const answer = await fetch(to, { method: "POST", body: Buffer.from(sealed).toString("base64") });
      if (!answer.ok) throw new Error(`the bridge refused the wallet's answer with ${answer.status}`);
    },
  };
}
