/**
 * W5 wallets: where they are, and what they sign.
 *
 * The network's number is part of a wallet's address and of each signature, so what is signed for a devnet moves nothing elsewhere.
 */
import { type KeyPair, signBytes } from "@pingo/core";
import { type Address, beginCell, type Cell, external, internal, SendMode, storeMessage } from "@ton/core";
// The contract's own module: the package's door loads an HTTP client and 20 MB with it.
import { WalletContractV5R1 } from "@ton/ton/dist/wallets/v5r1/WalletContractV5R1.js";

/** Mainnet; testnet, and the devnet with it. SOURCE: configuration parameter 19. */
export const NETWORK_IDS = [-239, -3] as const;
export type NetworkId = (typeof NETWORK_IDS)[number];

/** Messages that one signature of a W5 wallet sends. */
export const WALLET_MESSAGES_MAX = 255;

export interface WalletMessage {
  readonly to: Address;
  readonly valueNanogram: bigint;
  readonly body?: Cell | undefined;
  readonly init?: { readonly code: Cell; readonly data: Cell } | undefined;
  /** Unless false, what fails comes back. */
  readonly bounce?: boolean;
}

export interface WalletOrder {
  readonly messages: readonly WalletMessage[];
  readonly seqno: number;
  readonly validUntilUnixS: number;
}

/** At `address`; `init` deploys it. */
export function walletContract(publicKey: Uint8Array, network: NetworkId): WalletContractV5R1 {
  return WalletContractV5R1.create({
    publicKey: Buffer.from(publicKey),
    walletId: { networkGlobalId: network },
  });
}

/** The external message as a bag of cells: deploys the wallet with its first order. */
export async function signWalletOrder(
  key: KeyPair,
  network: NetworkId,
  { messages, seqno, validUntilUnixS }: WalletOrder,
): Promise<Buffer> {
  const contract = walletContract(key.publicKey, network);
  const body = await contract.createTransfer({
    seqno,
    timeout: validUntilUnixS,
    signer: async (cell) => Buffer.from(signBytes(key, cell.hash())),
    sendMode: SendMode.PAY_GAS_SEPARATELY | SendMode.IGNORE_ERRORS,
    messages: messages.map(({ to, valueNanogram, body: inner, init, bounce }) =>
      internal({ to, value: valueNanogram, bounce: bounce ?? true, body: inner ?? null, init: init ?? null }),
    ),
  });
  const init = seqno === 0 ? contract.init : null;
  return beginCell()
    .store(storeMessage(external({ to: contract.address, body, init })))
    .endCell()
    .toBoc();
}
