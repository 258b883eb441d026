/**
 * One client of the devnet in a process of its own, with the public TonClient: sends, waits, and tells what it saw.
 *
 * Usage: node client-process.ts ENDPOINT SEED_HEX MESSAGES
 */
import { keyPairOfSeed, signBytes } from "@pingo/core";
import { Address, internal, SendMode } from "@ton/core";
import { TonClient, WalletContractV5R1 } from "@ton/ton";

const [endpoint = "", seed = "", count = "0"] = process.argv.slice(2);
const key = keyPairOfSeed(Buffer.from(seed, "hex"));
const contract = WalletContractV5R1.create({ publicKey: Buffer.from(key.publicKey) });
const client = new TonClient({ endpoint });
const wallet = client.open(contract);
const sink = new Address(0, Buffer.from(key.publicKey));

for (let seqno = 0; seqno < Number(count); seqno++) {
  await wallet.send(
    await contract.createTransfer({
      seqno,
      signer: async (cell) => Buffer.from(signBytes(key, cell.hash())),
      sendMode: SendMode.PAY_GAS_SEPARATELY,
      messages: [internal({ to: sink, value: 1_000n, bounce: false })],
    }),
  );
  while ((await wallet.getSeqno()) <= seqno);
}
const seen = await client.getTransactions(contract.address, { limit: 100 });
let received = await client.getTransactions(sink, { limit: 100 });
while (received.length < Number(count)) received = await client.getTransactions(sink, { limit: 100 });
process.stdout.write(
  JSON.stringify({
    sent: seen.filter(({ inMessage }) => inMessage?.info.type === "external-in").length,
    received: received.length,
    receivedNano: received
      .reduce(
        (sum, { inMessage }) => sum + (inMessage?.info.type === "internal" ? inMessage.info.value.coins : 0n),
        0n,
      )
      .toString(),
  }),
);
