/** Certificates on chain: read, and issued by the quorum in which this station signs. */
import {
  Certificate,
  encodeExecute,
  encodeIssue,
  encodeQuorumCall,
  isCertificateValid,
  placeInQuorum,
  QuorumAt,
  signCell,
} from "@pingo/contracts";
import type { Clock, KeyPair } from "@pingo/core";
import { type Toncenter, ToncenterError } from "@pingo/ton";
import { Address } from "@ton/core";
import type { StationChain } from "../chain/station-chain.ts";
import { FogError } from "../fault.ts";

export interface CertificateChain {
  /** 0 where there is none that opens the door. */
  read(address: string): Promise<{ readonly validUntilUnixS: number }>;
  /** Resolves once the chain shows it. @throws {FogError} QUORUM_STRANGER, QUORUM_TOO_LARGE, WALLET_EMPTY; {ToncenterError} */
  issue(address: string, lends: Lent): Promise<{ readonly validUntilUnixS: number }>;
}

export interface Lent {
  readonly millicores: number;
  readonly bytes: number;
}

export interface CertificateChainOptions {
  readonly chain: StationChain;
  readonly key: KeyPair;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const NANOGRAM = 1_000_000_000n;
/** For the quorum, the collection and the certificate with its rent; the rest comes back. */
const ISSUE_NANOGRAM = NANOGRAM / 5n;
const VALID_DAYS = 30;
const CALL_VALID_S = 300;
const TIER = 1;
const LOOK_EVERY_MS = 500;
const LOOKS_MAX = 240;

export function createCertificateChain(options: CertificateChainOptions): CertificateChain {
  const { key, clock, signal } = options;
  const { client: chain, wallet, book, network } = options.chain;
  const quorumAddress = Address.parseRaw(book.quorum);
  const collection = Address.parseRaw(book.certificates);
  const read = async (
    address: string,
  ): Promise<{ readonly validUntilUnixS: number; readonly sinceUnixS: number }> => {
    const view = await chain.open(new Certificate(Address.parseRaw(address), collection)).getView();
    const isValid = isCertificateValid(view, await chain.nowUnixS(signal));
    return { validUntilUnixS: isValid ? (view?.validUntilUnixS ?? 0) : 0, sinceUnixS: view?.sinceUnixS ?? 0 };
  };
  return {
    read,
    async issue(address, { millicores, bytes }) {
      const quorum = await readPlace(chain, quorumAddress, key);
      const balance = (await chain.account(wallet.address, signal)).balanceNanogram;
      if (balance < ISSUE_NANOGRAM + ISSUE_NANOGRAM / 4n)
        throw new FogError({ code: "WALLET_EMPTY", address: wallet.address.toString({ bounceable: false }) });
      const nowUnixS = await chain.nowUnixS(signal);
      const validUntilUnixS = nowUnixS + VALID_DAYS * 86_400;
      const call = encodeQuorumCall({
        quorum: quorumAddress,
        globalId: network,
        seqno: quorum.seqno,
        validUntilUnixS: nowUnixS + CALL_VALID_S,
        valueMinNanogram: ISSUE_NANOGRAM,
        target: collection,
        order: encodeIssue(Address.parseRaw(address), {
          millicores: BigInt(millicores),
          bytes: BigInt(bytes),
          tier: TIER,
          validUntilUnixS,
        }),
      });
      const body = encodeExecute(call, new Map([[quorum.place, signCell(key, call)]]));
      await wallet.send([{ to: quorumAddress, valueNanogram: ISSUE_NANOGRAM, body }]);
      for (let looks = 0; looks < LOOKS_MAX; looks++) {
        const seen = await read(address);
        if (seen.validUntilUnixS >= validUntilUnixS) return seen;
        await clock.sleep(LOOK_EVERY_MS, { signal });
      }
      const seconds = (LOOKS_MAX * LOOK_EVERY_MS) / 1000;
      throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what: "a certificate", seconds });
    },
  };
}

async function readPlace(
  chain: Toncenter,
  address: Address,
  key: KeyPair,
): Promise<{ readonly seqno: number; readonly place: number }> {
  const view = await chain.open(new QuorumAt(address)).getView();
  const place = placeInQuorum(view, key.publicKey);
  if (place === undefined) throw new FogError({ code: "QUORUM_STRANGER", node: key.nodeId });
  // Fog nodes do not talk to each other yet: a quorum of more than one cannot be gathered here.
  if (view.threshold > 1) throw new FogError({ code: "QUORUM_TOO_LARGE", threshold: view.threshold });
  return { seqno: view.seqno, place };
}
