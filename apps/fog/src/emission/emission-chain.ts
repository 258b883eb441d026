/** What the emission asks of the chain: the schedule, roots as they stand, roots posted, and what was claimed. */
import {
  DistributorAt,
  type DistributorTerms,
  type DistributorView,
  encodeExecute,
  encodePostRoot,
  encodeQuorumCall,
  jobEscrow,
  type PingoMove,
  PingoWallet,
  type PostedRoot,
  parseDistributorTerms,
  placeInQuorum,
  QuorumAt,
  signCell,
} from "@pingo/contracts";
import { assertDefined, digestOfCid, type EpochJob, type KeyPair, POOLS, type Pool } from "@pingo/core";
import { walletContract } from "@pingo/ton";
import { Address } from "@ton/core";
import { readMoves } from "../chain/read-moves.ts";
import type { StationChain } from "../chain/station-chain.ts";
import { FogError } from "../fault.ts";

export type EpochTerms = Pick<DistributorTerms, "startUnixS" | "epochSeconds" | "windowSeconds">;

export interface EmissionChain {
  readonly network: -239 | -3;
  /** Of the station's own key; workchain:hex. */
  readonly ownAddress: string;
  nowUnixS(): Promise<number>;
  /** Fixed at genesis, and the same for both pools. */
  terms(): Promise<EpochTerms>;
  /** What the schedule opens with this epoch. */
  roomNano(epoch: number): Promise<Readonly<Record<Pool, bigint>>>;
  view(pool: Pool): Promise<DistributorView>;
  /** @throws {FogError} QUORUM_STRANGER, QUORUM_UNGATHERED, WALLET_EMPTY */
  post(pool: Pool, root: PostedRoot): Promise<void>;
  /** Of the pool's PINGO wallet, newest first. */
  moves(pool: Pool, afterLt: bigint): Promise<readonly PingoMove[]>;
  /** The PINGO wallet of an owner, as moves name it; workchain:hex. */
  pingoWalletOf(owner: string): string;
  /** What a job's escrow has paid; undefined while it is not closed. */
  paidNano(job: Pick<EpochJob, "job" | "user" | "deadlineUnixS">): Promise<bigint | undefined>;
}

const NANOGRAM = 1_000_000_000n;
/** For the quorum and the vault; the rest comes back. */
const POST_NANOGRAM = NANOGRAM / 5n;
const CALL_VALID_S = 300;

/** @throws {FogError} NO_VAULTS */
export function createEmissionChain(
  { client, wallet, book, network }: StationChain,
  key: KeyPair,
  signal: AbortSignal,
): EmissionChain {
  if (book.compute === undefined || book.fog === undefined) throw new FogError({ code: "NO_VAULTS" });
  const [minter, quorum] = [Address.parseRaw(book.minter), Address.parseRaw(book.quorum)];
  const vaults = {
    compute: client.open(new DistributorAt(Address.parseRaw(book.compute))),
    fog: client.open(new DistributorAt(Address.parseRaw(book.fog))),
  };
  const own = walletContract(key.publicKey, network).address;
  let known: EpochTerms | undefined;
  return {
    network,
    ownAddress: own.toRawString(),
    nowUnixS: () => client.nowUnixS(signal),
    async terms() {
      if (known !== undefined) return known;
      const storage = await client.storage(vaults.compute.address, signal);
      if (storage === null) throw new FogError({ code: "NO_VAULTS" });
      known = parseDistributorTerms(storage);
      return known;
    },
    async roomNano(epoch) {
      const [compute, fog] = await Promise.all(
        POOLS.map(
          async (pool) =>
            (await vaults[pool].getEmissionCapNano(epoch)) -
            (await vaults[pool].getEmissionCapNano(epoch - 1)),
        ),
      );
      return {
        compute: assertDefined(compute, "there are two pools"),
        fog: assertDefined(fog, "there are two pools"),
      };
    },
    view: (pool) => vaults[pool].getView(),
    async post(pool, root) {
      const view = await client.open(new QuorumAt(quorum)).getView();
      const place = placeInQuorum(view, key.publicKey);
      if (place === undefined) throw new FogError({ code: "QUORUM_STRANGER", node: key.nodeId });
      if (view.threshold > 1) throw new FogError({ code: "QUORUM_UNGATHERED", threshold: view.threshold });
      // An order that its wallet cannot pay for leaves its messages out and says nothing.
      const { balanceNanogram } = await client.account(own, signal);
      if (balanceNanogram < POST_NANOGRAM + POST_NANOGRAM / 4n)
        throw new FogError({ code: "WALLET_EMPTY", address: own.toString({ bounceable: false }) });
      const call = encodeQuorumCall({
        ...{ quorum, globalId: network, seqno: view.seqno, target: vaults[pool].address },
        validUntilUnixS: (await client.nowUnixS(signal)) + CALL_VALID_S,
        valueMinNanogram: POST_NANOGRAM,
        order: encodePostRoot(root),
      });
      const body = encodeExecute(call, new Map([[place, signCell(key, call)]]));
      await wallet.send([{ to: quorum, valueNanogram: POST_NANOGRAM, body }]);
    },
    moves: (pool, afterLt) => readMoves(client, { owner: vaults[pool].address, minter, afterLt }, signal),
    pingoWalletOf: (owner) => new PingoWallet(Address.parseRaw(owner), minter).address.toRawString(),
    async paidNano({ job, user, deadlineUnixS }) {
      const terms = { minter, quorum, user: Address.parseRaw(user), fog: own, deadlineUnixS };
      const escrow = jobEscrow({ ...terms, job: digestOfCid(job) });
      if (!(await client.account(escrow.address, signal)).isActive) return undefined;
      const { phase, billedNano } = await client.open(escrow).getView();
      return phase === "closed" ? billedNano : undefined;
    },
  };
}
