/** What a stake loses: by two statements that contradict each other, which anybody may show, or by the quorum's verdict on one. */
import type { QuorumView, StakeView, Verdict as VerdictOnChain } from "@pingo/contracts";
import {
  assertStatementSigned,
  type Cid,
  commitmentOf,
  decodeCanonical,
  digestOfCid,
  equalBytes,
  isEquivocation,
  isSignatureOf,
  type KeyPair,
  type NodeId,
  parseShape,
  publicKeyOfNodeId,
  type SignedStatement,
  signBytes,
  zSignedStatement,
  zVerdictBlock,
} from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import type { Blocks } from "@pingo/storage";
import type { WalletMessage } from "@pingo/ton";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { findAddressBook } from "./deploy-genesis.ts";
import { runErrand } from "./errand.ts";
import { readFogKey } from "./fog-key.ts";
import { openHomePayer } from "./local-payer.ts";
import { SlashError } from "./slash-error.ts";
import { readOrder, type SlashOrder, writeOrder } from "./slash-order.ts";
import { withVerdict } from "./verdict.ts";

export interface Slashed {
  readonly provider: NodeId;
  /** Of the stake. */
  readonly address: string;
  readonly before: StakeView;
  /** null: it still waits for signatures. */
  readonly after: StakeView | null;
  readonly signatures: number;
  readonly threshold: number;
}

export interface ConvictOptions {
  /** Of the stake; as many as the registry allows unless given. */
  readonly millionths: number | undefined;
  /** A file that goes round where the quorum wants more than this home's signature. */
  readonly orderPath: string | undefined;
}

const NANOGRAM = 1_000_000_000n;
/** For the quorum, the registry, the stake and what it pays; most of it comes back. */
const ASK_NANOGRAM = NANOGRAM / 4n;
/** What the quorum must have been given: nobody burns its order by carrying it with too little. */
const ASK_MIN_NANOGRAM = NANOGRAM / 5n;
const CALL_VALID_S = 300;
/** Where it goes from hand to hand. */
const ORDER_VALID_S = 7 * 86_400;

/** @throws {SlashError}; {CliError}; {SignatureError}; {ToncenterError} */
export async function proveEquivocation(
  context: Context,
  client: FogClient,
  cids: readonly [Cid, Cid],
): Promise<Slashed> {
  const store = await client.store({ signal: context.signal });
  const [one, other] = [await readStatement(store, cids[0]), await readStatement(store, cids[1])];
  if (!isEquivocation(one, other)) throw new SlashError({ code: "NO_EQUIVOCATION", why: whyNot(one, other) });
  const bench = await openBench(context, one);
  const { encodeProveEquivocation } = await import("@pingo/contracts");
  const body = encodeProveEquivocation(one.slot, one, other);
  const message = { to: bench.stake.address, valueNanogram: ASK_NANOGRAM, body };
  const after = await bench.send(message, (view) => view.isBarred);
  return { ...bench.about, after, signatures: 0, threshold: 0 };
}

/**
 * The work is done again here first: nobody signs what they have not seen.
 *
 * @throws {SlashError}; {CliError} NO_FOG_KEY, NO_ADDRESS_BOOK, GRAM_MISSING; {ToncenterError}
 */
export async function convict(
  context: Context,
  client: FogClient,
  cid: Cid,
  options: ConvictOptions,
): Promise<Slashed> {
  const { ports, signal } = context;
  const store = await client.store({ signal });
  const statement = await readStatement(store, cid);
  const bench = await openBench(context, statement);
  const key = await readFogKey(context);
  const { chain, registry } = bench;
  const { verdictMillionthsMax: max } = registry.parameters;
  const { pausedUntilUnixS } = registry;
  const nowUnixS = await chain.nowUnixS(signal);
  if (pausedUntilUnixS > nowUnixS)
    throw new SlashError({ code: "VERDICTS_PAUSED", untilUnixS: pausedUntilUnixS });
  const { encodeExecute, placeInQuorum } = await import("@pingo/contracts");
  const quorum = await bench.quorum();
  const { threshold } = quorum;
  if (placeInQuorum(quorum, key.publicKey) === undefined)
    throw new SlashError({ code: "NOT_IN_QUORUM", node: key.nodeId });
  const { orderPath, millionths: asked = max } = options;
  if (asked > max) throw new SlashError({ code: "VERDICT_TOO_MUCH", asked, max });
  if (threshold > 1 && orderPath === undefined)
    throw new SlashError({ code: "ORDER_FILE_NEEDED", threshold });
  const begun = orderPath === undefined ? undefined : await readOrder(ports.disk, orderPath);
  if (begun !== undefined && orderPath !== undefined)
    assertCurrent(begun, orderPath, { cid, millionths: options.millionths, seqno: quorum.seqno, nowUnixS });
  const evidence = await withVerdict(context, client, cid, async (verdict) => {
    const { isContradicted, deviation, tolerance } = verdict;
    if (!isContradicted) throw new SlashError({ code: "NOT_CONTRADICTED", deviation, tolerance });
    return begun === undefined ? verdict.publish(store) : begun.evidence;
  });
  const order: SlashOrder = begun ?? {
    kind: "pingo/slash-order/v1",
    ...{ statement: cid, evidence, millionths: asked, seqno: quorum.seqno, signatures: [] },
    validUntilUnixS: nowUnixS + (threshold > 1 ? ORDER_VALID_S : CALL_VALID_S),
  };
  const found = await readFinding(store, order, statement, orderPath ?? cid);
  const call = await bench.callOf(order, found);
  const placeOf = (publicKey: Uint8Array) => placeInQuorum(quorum, publicKey);
  const signed = signedBy(order, call.hash(), key, placeOf);
  if (signed.places.size < threshold && orderPath !== undefined) {
    await writeOrder(ports.disk, orderPath, { ...order, signatures: signed.signatures });
    return { ...bench.about, after: null, signatures: signed.places.size, threshold };
  }
  const body = encodeExecute(call, signed.places);
  const message = { to: registry.authorities.quorum, valueNanogram: ASK_NANOGRAM, body };
  const { convictions } = bench.about.before;
  const after = await bench.send(message, (view) => view.isBarred || view.convictions > convictions);
  return { ...bench.about, after, signatures: signed.places.size, threshold };
}

/** The chain, the stake that a statement is about, and a wallet that pays. */
async function openBench(context: Context, { registry: ref, signer }: SignedStatement) {
  const { config, ports, signal } = context;
  const { key, network, ...payer } = await openHomePayer(context);
  const { endpoint = config.chain.endpoint, bookPath = config.chain.addressBookPath } = payer;
  const own = (await findAddressBook(context, bookPath))?.addresses["registry"];
  if (own === undefined) throw new CliError({ code: "NO_ADDRESS_BOOK", path: bookPath });
  if (ref.address !== own || ref.network !== network)
    throw new SlashError({ code: "STATEMENT_ELSEWHERE", found: ref.address, own });
  const contracts = await import("@pingo/contracts");
  const { createToncenter, createWalletSender } = await import("@pingo/ton");
  const { Address } = await import("@ton/core");
  const chain = createToncenter({ ...config.chain, endpoint, fetch: ports.fetch, clock: ports.clock });
  const sender = createWalletSender({ chain, key, network, clock: ports.clock, signal });
  const at = new contracts.RegistryAt(Address.parseRaw(own));
  const registry = await chain.open(at).getView();
  const publicKey = publicKeyOfNodeId(signer);
  const stake = new contracts.Stake(at.address, publicKey, "provider", registry.rules);
  const before = await chain.open(stake).getView();
  if (before === null) throw new SlashError({ code: "NO_STAKE", provider: signer });
  if (before.isBarred) throw new SlashError({ code: "KEY_BARRED", provider: signer });
  const { quorum } = registry.authorities;
  return {
    ...{ chain, registry, stake },
    about: { provider: signer, address: stake.address.toRawString(), before },
    quorum: (): Promise<QuorumView> => chain.open(new contracts.QuorumAt(quorum)).getView(),
    callOf: async ({ seqno, validUntilUnixS }: SlashOrder, found: VerdictOnChain) =>
      contracts.encodeQuorumCall({
        ...{ quorum, globalId: network, seqno, validUntilUnixS, target: at.address },
        valueMinNanogram: ASK_MIN_NANOGRAM,
        order: contracts.encodeConvict(publicKey, "provider", found),
      }),
    send(message: WalletMessage, isDone: (after: StakeView) => boolean): Promise<StakeView> {
      return runErrand(
        context,
        { chain, sender },
        {
          ...{ what: "the stake's loss", messages: [message], through: [at.address] },
          async look() {
            const view = await chain.open(stake).getView();
            return view !== null && isDone(view) ? view : undefined;
          },
        },
      );
    },
  };
}

/** @throws {SlashError} NOT_A_RESULT; {SignatureError} */
async function readStatement(store: Blocks, cid: Cid): Promise<SignedStatement> {
  const parsed = zSignedStatement.safeParse(decodeCanonical(await store.get(cid)));
  if (!parsed.success) throw new SlashError({ code: "NOT_A_RESULT", cid });
  assertStatementSigned(parsed.data);
  return parsed.data;
}

function whyNot(one: SignedStatement, other: SignedStatement): string {
  if (one.signer !== other.signer) return "two keys signed them";
  if (!equalBytes(one.slot, other.slot)) return "they are about two leases";
  return equalBytes(one.commitment, other.commitment) ? "they say the same" : "they are about two registries";
}

interface Current {
  readonly cid: Cid;
  readonly millionths: number | undefined;
  readonly seqno: number;
  readonly nowUnixS: number;
}

/** Of a file that another member began. */
function assertCurrent(order: SlashOrder, path: string, { cid, millionths, seqno, nowUnixS }: Current): void {
  if (order.statement !== cid) throw new SlashError({ code: "ORDER_OF_ANOTHER", path, what: "statement" });
  if (millionths !== undefined && order.millionths !== millionths)
    throw new SlashError({ code: "ORDER_OF_ANOTHER", path, what: "part of the stake" });
  if (order.seqno !== seqno)
    throw new SlashError({ code: "ORDER_STALE", path, why: "the quorum has given another order since" });
  if (order.validUntilUnixS <= nowUnixS)
    throw new SlashError({ code: "ORDER_STALE", path, why: "its time is over" });
}

/** What the order says on chain, read from the block that it points to. @throws {SlashError} ORDER_OF_ANOTHER */
async function readFinding(
  store: Blocks,
  { evidence, millionths }: SlashOrder,
  statement: SignedStatement,
  path: string,
): Promise<VerdictOnChain> {
  const block = parseShape(zVerdictBlock, decodeCanonical(await store.get(evidence)), "the evidence");
  const { steps, claimed, reexecuted } = block;
  if (
    block.receipt !== statement.receipt ||
    !equalBytes(commitmentOf({ steps, update: claimed }), statement.commitment)
  )
    throw new SlashError({ code: "ORDER_OF_ANOTHER", path, what: "result" });
  return {
    slot: statement.slot,
    signed: statement,
    reexecuted: commitmentOf({ steps, update: reexecuted }),
    evidence: digestOfCid(evidence),
    millionths,
  };
}

/** Signatures that hold, with this home's; by the signers' places in the quorum. */
function signedBy(
  order: SlashOrder,
  hash: Uint8Array,
  key: KeyPair,
  placeOf: (publicKey: Uint8Array) => number | undefined,
) {
  const places = new Map<number, Uint8Array>();
  const signatures: { readonly signer: NodeId; readonly signature: string }[] = [];
  const own = { signer: key.nodeId, signature: Buffer.from(signBytes(key, hash)).toString("base64") };
  for (const one of [...order.signatures.filter(({ signer }) => signer !== key.nodeId), own]) {
    const signature = new Uint8Array(Buffer.from(one.signature, "base64"));
    const publicKey = publicKeyOfNodeId(one.signer);
    const place = placeOf(publicKey);
    if (place === undefined || !isSignatureOf(publicKey, hash, signature)) continue;
    places.set(place, signature);
    signatures.push(one);
  }
  return { places, signatures };
}
