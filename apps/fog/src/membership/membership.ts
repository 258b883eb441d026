/**
 * Who may use this station: those who contribute.
 *
 * A wallet's nodes lend; the first work of theirs that counted is done again by this station, and when it comes out the same the quorum issues a certificate
 * to the wallet. Whatever that wallet's keys then ask for is let in while the certificate is valid.
 */
import {
  type Clock,
  encodeCanonical,
  isFault,
  type Log,
  type MembershipView,
  type NodeId,
  openWalletLink,
  type WalletLink,
} from "@pingo/core";
import type { Blocks } from "@pingo/storage";
import { type Finding, refute } from "../cases/refute.ts";
import type { Sql } from "../database/schema.ts";
import { listUnits } from "../database/work-store.ts";
import { FogError } from "../fault.ts";
import { whyOf } from "../why-of.ts";
import type { CertificateChain, Lent } from "./certificate-chain.ts";
import { certificateOf } from "./certificates.ts";
import {
  addressOfNode,
  type Candidate,
  countVerified,
  nextCandidate,
  nextToIssue,
  saveCertificate,
  saveVerification,
  saveWallet,
} from "./member-store.ts";
import { redo } from "./reexecution.ts";

export type Gate = "open" | "certificate";

export interface MembershipOptions {
  readonly gate: Gate;
  /** Let in without a certificate: those who set the station up. */
  readonly founders: ReadonlySet<NodeId>;
  readonly network: -239 | -3;
  /** undefined: no chain is configured, and only an open gate opens. */
  readonly chain: CertificateChain | undefined;
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
  readonly blocks: Pick<Blocks, "put">;
  readonly blocksFolder: string;
  readonly fog: NodeId;
  readonly lentBy: (node: NodeId) => Lent;
  /** Aborted when this is disposed of. */
  readonly ending: AbortController;
}

/** Before its end, so that whoever keeps contributing never stands outside. */
const RENEW_S = 7 * 86_400;
const RETRY_MS = 5_000;
/** Certificates come to their end while nobody says so. */
const LOOK_AGAIN_MS = 3_600_000;
const STATED_AHEAD_MS_MAX = 10 * 60_000;

export class Membership implements AsyncDisposable {
  readonly #options: MembershipOptions;
  readonly #ending: AbortController;
  readonly #done: Promise<void>;
  #rouse: () => void = () => undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#ending = options.ending;
    this.#done = options.chain === undefined ? Promise.resolve() : this.#watch(options.chain);
  }

  /** Whether an owner may owe: those who set the station up, whose jobs are its first. */
  isFounder(node: NodeId): boolean {
    return this.#options.founders.has(node);
  }

  /** Work may have counted, or a wallet was linked: looked at soon, and waited for by nobody. */
  wake(): void {
    this.#rouse();
  }

  /** @throws {FogError} NOT_MEMBER, WALLET_NOT_LINKED; {ToncenterError} where only the chain could tell and does not */
  async admit(node: NodeId): Promise<void> {
    const { gate, founders } = this.#options;
    if (gate === "open" || founders.has(node)) return;
    const address = await addressOfNode(this.#options.sql, node);
    if (address === null) throw new FogError({ code: "WALLET_NOT_LINKED", node });
    if (!(await this.#certificateOf(address)).isValid) throw new FogError({ code: "NOT_MEMBER", address });
  }

  /** @throws {FaultError} where the two keys do not say the same, or the wallet is another's */
  async link(link: WalletLink): Promise<{ readonly node: NodeId; readonly address: string }> {
    const { sql, clock, network } = this.#options;
    const { statement, walletKey } = openWalletLink(link);
    const { node, address, atUnixMs } = statement;
    if (statement.network !== network)
      throw new FogError({ code: "WRONG_NETWORK", found: statement.network, expected: network });
    const { walletContract } = await import("@pingo/ton");
    if (walletContract(walletKey, network).address.toRawString() !== address)
      throw new FogError({ code: "WALLET_NOT_AT_ADDRESS", address });
    if (atUnixMs > clock.nowUnixMs() + STATED_AHEAD_MS_MAX)
      throw new FogError({ code: "STATEMENT_AHEAD", node });
    if (!(await saveWallet(sql, { node, address, link: encodeCanonical(link), statedUnixMs: atUnixMs })))
      throw new FogError({ code: "STATEMENT_OLD", node });
    this.wake();
    return { node, address };
  }

  /** Of who signed in with a wallet rather than a node's key. */
  async ofWallet(address: string): Promise<{ readonly gate: Gate; readonly isMember: boolean }> {
    const { gate, chain } = this.#options;
    const isMember = gate === "open" || (chain !== undefined && (await this.#certificateOf(address)).isValid);
    return { gate, isMember };
  }

  async view(node: NodeId): Promise<MembershipView> {
    const { gate, founders, sql } = this.#options;
    const address = await addressOfNode(sql, node);
    const worksVerified = address === null ? 0 : await countVerified(sql, address);
    const certificate =
      address === null || this.#options.chain === undefined ? undefined : await this.#certificateOf(address);
    const validUntilUnixS = certificate?.validUntilUnixS || null;
    const state = stateOf(certificate, founders.has(node), address !== null, gate);
    const isMember = gate === "open" || state === "founder" || state === "valid";
    const next = isMember ? "nothing: you may submit jobs" : NEXT[state];
    return { node, gate, isMember, state, address, validUntilUnixS, worksVerified, next };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new FogError({ code: "STOPPING" }));
    this.#rouse();
    await this.#done;
  }

  #certificateOf(address: string): ReturnType<typeof certificateOf> {
    const { chain, sql, clock, log } = this.#options;
    if (chain === undefined) throw new FogError({ code: "NO_CHAIN" });
    return certificateOf(address, { chain, sql, clock, log });
  }

  async #watch(chain: CertificateChain): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const roused = new AbortController();
      this.#rouse = () => roused.abort();
      try {
        if ((await this.#issueOne(chain)) || (await this.#verifyOne())) continue;
        await clock.sleep(LOOK_AGAIN_MS, { signal: roused.signal }).catch(() => undefined); // roused: there is work
      } catch (error) {
        if (signal.aborted) return;
        log.error("membership_stalled", { why: isFault(error) ? error.message : whyOf(error) });
        await clock.sleep(RETRY_MS, { signal }).catch(() => undefined); // ending
      }
    }
  }

  /** @returns whether there was one */
  async #verifyOne(): Promise<boolean> {
    const { sql, clock, log } = this.#options;
    const renewUnixS = Math.floor(clock.nowUnixMs() / 1000) + RENEW_S;
    const candidate = await nextCandidate(sql, renewUnixS);
    if (candidate === undefined) return false;
    const { lease, node, address } = candidate;
    const { verdict, redone } = await this.#verdictOn(candidate);
    const deviation = redone?.deviation ?? null;
    const save = (to: Sql): Promise<void> =>
      saveVerification(to, { lease, node, address, verdict, deviation, atUnixMs: clock.nowUnixMs() });
    if (verdict === "other") await refute(this.#options, redone, save);
    else await save(sql);
    log.info("work_redone", { lease, node, verdict, deviation });
    return true;
  }

  async #verdictOn({ lease, result }: Candidate): Promise<Verdict> {
    const { sql, blocksFolder, log } = this.#options;
    const { job, round, index, steps, update } = result;
    const unit = (await listUnits(sql, job, round))[index];
    if (unit === undefined) return { verdict: "failed", redone: null };
    try {
      const work = { blocksFolder, unit, steps, update };
      const { deviation, tolerance, update: reexecuted } = await redo(work, this.#ending.signal);
      if (tolerance === null) return { verdict: "failed", redone: null };
      const redone = { result, deviation, tolerance, reexecuted };
      return { verdict: deviation <= tolerance ? "same" : "other", redone };
    } catch (error) {
      if (this.#ending.signal.aborted || !isFault(error)) throw error;
      // Its blocks are gone, or it does not fit here: it proves nothing, and the next piece of work may.
      log.warn("work_not_redone", { lease, why: error.message });
      return { verdict: "failed", redone: null };
    }
  }

  /** @returns whether there was one */
  async #issueOne(chain: CertificateChain): Promise<boolean> {
    const { sql, clock, log, lentBy } = this.#options;
    const due = await nextToIssue(sql);
    if (due === undefined) return false;
    const { address, node } = due;
    const { validUntilUnixS } = await chain.issue(address, lentBy(node));
    const now = clock.nowUnixMs();
    await saveCertificate(sql, { address, validUntilUnixS, checkedUnixMs: now, issuedUnixMs: now });
    log.info("certificate_issued", { address, node, validUntilUnixS });
    return true;
  }
}

type Verdict =
  | { readonly verdict: "same" | "other"; readonly redone: Finding }
  | { readonly verdict: "failed"; readonly redone: null };

const NEXT = {
  open: "nothing",
  founder: "nothing",
  valid: "nothing",
  lapsed: 'lend again: "pingo node join"; the first work that counts renews the certificate',
  none: 'lend a computer: "pingo node join"; the first work that counts and comes out the same when the fog node repeats it earns the certificate',
  unlinked: 'link your wallet: "pingo wallet create", then "pingo membership join"',
} as const;

function stateOf(
  certificate: { readonly isValid: boolean; readonly validUntilUnixS: number } | undefined,
  isFounder: boolean,
  isLinked: boolean,
  gate: Gate,
): MembershipView["state"] {
  if (certificate?.isValid) return "valid";
  if (isFounder) return "founder";
  if (!isLinked) return gate === "open" ? "open" : "unlinked";
  return certificate !== undefined && certificate.validUntilUnixS > 0 ? "lapsed" : "none";
}
