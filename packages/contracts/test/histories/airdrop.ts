/** Histories of the airdrop's vault: claims, and what is left of it after the last day. */
import type { Address, Cell } from "@ton/core";
import { Airdrop, encodeReclaim } from "../../src/claims/airdrop.ts";
import { ClaimTree } from "../../src/claims/claim-tree.ts";
import { ClaimRecord, Distributor, encodeClaim } from "../../src/claims/distributor.ts";
import { encodeTransfer } from "../../src/jetton/pingo-wallet.ts";
import { addressOf, type Chain, NANOGRAM, START_UNIX_S } from "../../src/testing/index.ts";
import { ALICE, BOB, MALLORY, MINTER, SHARE_NANO, sendGenesis, walletOf } from "../genesis.ts";
import { bookedNano, expectSame, heldNano, message, type Story, strayMoves, tellOwner } from "./history.ts";

const HOUR_SECONDS = 3600;
const BUDGET_NANO = 1_000n;
const OWNERS = [addressOf("dave"), addressOf("erin")] as const;
/** More than there is, all together: who comes last is told so and loses nothing. */
const TREE = new ClaimTree(
  OWNERS.map(({ hash: owner }, at) => ({ owner, cumulativeNano: [400n, 700n][at] ?? 0n })),
);
const NOBODY = addressOf("nobody of weight");
const TREASURY = new Distributor(
  {
    minter: MINTER.address,
    startUnixS: START_UNIX_S,
    epochSeconds: HOUR_SECONDS,
    epochsPerEra: 2,
    windowSeconds: HOUR_SECONDS,
    resolveSeconds: HOUR_SECONDS,
    budgetNano: 0n,
    bondNanogram: NANOGRAM,
    stream: 0,
  },
  { quorum: NOBODY, governor: NOBODY, guardian: NOBODY },
);
const VAULT = new Airdrop({
  minter: MINTER.address,
  root: TREE.root,
  endsAtUnixS: START_UNIX_S + 4 * HOUR_SECONDS,
  treasury: TREASURY.address,
  budgetNano: BUDGET_NANO,
});

function claimOf(isFirst: boolean): Cell {
  const owner = isFirst ? OWNERS[0] : OWNERS[1];
  return encodeClaim(owner, TREE.proofOf(owner.hash));
}

async function ask(chain: Chain, from: Address, body: Cell) {
  return await chain.send({ from, to: VAULT.address, valueNanogram: NANOGRAM, body });
}

export const airdropStory: Story = {
  name: "airdrop",
  waitSeconds: HOUR_SECONDS,
  owners: [...OWNERS, VAULT.address, TREASURY.address],
  contracts: [
    VAULT.address,
    TREASURY.address,
    ...OWNERS.map((owner) => new ClaimRecord(owner, VAULT.address).address),
  ],
  moves: [
    (_chain, _amount, isFirst) => message(BOB, VAULT.address, claimOf(isFirst)),
    (_chain, _amount, isFirst) => message(MALLORY, VAULT.address, claimOf(isFirst)),
    () => message(MALLORY, VAULT.address, encodeReclaim()),
    (chain) => {
      chain.advance(3 * HOUR_SECONDS);
      return message(MALLORY, VAULT.address, encodeReclaim());
    },
    (_chain, amount) => {
      const body = encodeTransfer({ amountNano: BigInt(amount), to: MALLORY, excessesTo: MALLORY });
      return message(MALLORY, walletOf(VAULT.address).address, body);
    },
    ...strayMoves(VAULT.address),
  ],
  start: async (chain) => {
    await sendGenesis(chain, [{ owner: VAULT.address, amountNano: BUDGET_NANO }]);
    for (const { address: to, init } of [TREASURY, VAULT])
      await chain.send({ from: ALICE, to, valueNanogram: NANOGRAM / 10n, init });
  },
  check: async (chain) => await expectPaid(chain),
  finish: async (chain) => {
    await tellOwner(chain, VAULT.address);
    await ask(chain, MALLORY, claimOf(true));
    chain.advance(5 * HOUR_SECONDS);
    await ask(chain, MALLORY, encodeReclaim());
    expectSame(await heldNano(chain, VAULT.address), 0n, "left in the vault");
    await tellOwner(chain, TREASURY.address);
    await expectPaid(chain);
  },
};

async function expectPaid(chain: Chain): Promise<void> {
  const leftNano = await chain.open(VAULT).getLeftNano();
  expectSame(await bookedNano(chain, VAULT.address), leftNano, "held and books");
  let paidNano = 0n;
  for (const owner of OWNERS) {
    const received = await heldNano(chain, owner);
    const record = new ClaimRecord(owner, VAULT.address);
    const isThere = (await chain.dataOf(record.address)) !== null;
    expectSame(isThere ? await chain.open(record).getPaidNano() : 0n, received, "record and wallet");
    paidNano += received;
  }
  const givenNano = 2n * SHARE_NANO - (await heldNano(chain, ALICE));
  const [inVaultNano, inTreasuryNano] = [
    await heldNano(chain, VAULT.address),
    await heldNano(chain, TREASURY.address),
  ];
  expectSame(paidNano + inTreasuryNano + inVaultNano, givenNano, "paid, given back and left");
  const treasuryNano = await bookedNano(chain, TREASURY.address);
  expectSame(await chain.open(TREASURY).getReturnedNano(), treasuryNano, "the treasury's");
}
