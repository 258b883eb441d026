/**
 * One client: many W5 wallets, each with one transfer a block, through the public TonClient.
 *
 * Usage: node devnet-client.ts ENDPOINT ADMIN_URL INDEX WALLETS ROUNDS. Prints what it sent and when.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { keyPairOfSeed, signBytes } from "@pingo/core";
import { Address, type Cell, internal, SendMode } from "@ton/core";
import { TonClient, WalletContractV5R1 } from "@ton/ton";

const [endpoint = "", adminUrl = "", index = "0", walletCount = "1", rounds = "1"] = process.argv.slice(2);
const TRIES_MAX = 20;
const FUNDS_NANO = "1000000000";

const client = new TonClient({ endpoint });
const wallets = Array.from({ length: Number(walletCount) }, (_, i) => {
  const seed = Buffer.alloc(32);
  seed.writeUInt32LE(Number(index), 0);
  seed.writeUInt32LE(i + 1, 4);
  const key = keyPairOfSeed(seed);
  return { key, contract: WalletContractV5R1.create({ publicKey: Buffer.from(key.publicKey) }) };
});
type Wallet = (typeof wallets)[number];
let retried = 0;

function transferOf({ key, contract }: Wallet, seqno: number): Promise<Cell> {
  return contract.createTransfer({
    seqno,
    signer: async (cell) => Buffer.from(signBytes(key, cell.hash())),
    sendMode: SendMode.PAY_GAS_SEPARATELY,
    messages: [internal({ to: new Address(0, Buffer.alloc(32, 7)), value: 1_000n, bounce: false })],
  });
}

/** Refused while the one before it waits for a block: again after the next. */
async function send(wallet: Wallet, seqno: number): Promise<void> {
  const body = await transferOf(wallet, seqno);
  for (let tries = 1; ; tries++) {
    try {
      // Deployed by its first message; later ones need not ask for its state.
      if (seqno === 0) await client.open(wallet.contract).send(body);
      else await client.sendExternalMessage({ address: wallet.contract.address }, body);
      return;
    } catch (error) {
      if (tries >= TRIES_MAX) throw error;
      retried++;
      await nextBlock();
    }
  }
}

const LOOK_MS = 40;

async function nextBlock(): Promise<void> {
  const { latestSeqno } = await client.getMasterchainInfo();
  while ((await client.getMasterchainInfo()).latestSeqno <= latestSeqno) await sleep(LOOK_MS);
}

/** Messages are executed in the order in which they came: when the last one is, all are. */
async function executed(seqno: number): Promise<void> {
  const last = wallets.at(-1);
  if (last === undefined) return;
  const opened = client.open(last.contract);
  while ((await opened.getSeqno()) <= seqno) await sleep(LOOK_MS);
}

await Promise.all(
  wallets.map(({ contract }) =>
    fetch(`${adminUrl}/faucet`, {
      method: "POST",
      body: JSON.stringify({ address: contract.address.toString(), nano: FUNDS_NANO }),
    }).then(async (answer) => {
      if (!answer.ok) throw new Error(await answer.text());
    }),
  ),
);
await Promise.all(wallets.map((wallet) => send(wallet, 0)));
await executed(0);
const startUnixMs = Date.now();
for (let round = 1; round <= Number(rounds); round++) {
  await Promise.all(wallets.map((wallet) => send(wallet, round)));
  await executed(round);
}
// Done when the last wallet has moved past its last message, not when it was sent.
for (const { contract } of wallets) {
  const opened = client.open(contract);
  while ((await opened.getSeqno()) <= Number(rounds));
}
const messages = wallets.length * Number(rounds);
process.stdout.write(JSON.stringify({ messages, startUnixMs, endUnixMs: Date.now(), retried }));
