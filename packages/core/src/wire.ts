/**
 * What a provider and its fog node say to each other on the control channel: one request, one answer.
 *
 * Either side may ask. `hello` comes first; after a reconnect it names the leases still held, and
 * unanswered results are sent again (they are idempotent by lease).
 */
import { z } from "zod";
import type { FaultReport } from "./fault.ts";
import type { Cid, LeaseId, NodeId } from "./ids.ts";
import type { Signed } from "./keys.ts";
import { LIMITS } from "./limits.ts";
import { type Offer, zOffer } from "./offer.ts";
import { onOneLine } from "./one-line.ts";
import { zBytes, zCid, zCount, zLeaseId, zNodeId } from "./schema.ts";
import { type SignedStatement, zSignedStatement } from "./statement.ts";
import { type Lease, type Receipt, zLease, zSignedReceipt } from "./work.ts";

export const CONTROL_PROTOCOL = "/pingo/control/1.0.0";
export const WIRE_VERSION = 2;

export interface LeaseProgress {
  readonly lease: LeaseId;
  readonly step: number;
  readonly loss: number | null;
}

/** As its provider signed it. */
export interface FinishedResult {
  readonly receipt: Signed<Receipt>;
  /** As the lease asked for it: under its registry, or none. */
  readonly statement: SignedStatement | null;
}

/** provider → fog */
export type ProviderRequest =
  | {
      readonly type: "hello";
      readonly version: number;
      /** Drawn anew by each process: two that hold one key are told apart by it. */
      readonly instance: string;
      readonly offer: Offer;
      readonly held: readonly LeaseId[];
    }
  | { readonly type: "offer"; readonly offer: Offer }
  | { readonly type: "heartbeat"; readonly sequence: number; readonly progress: readonly LeaseProgress[] }
  | ({ readonly type: "result" } & FinishedResult)
  | {
      readonly type: "release";
      readonly leases: readonly LeaseId[];
      readonly reason: string;
      /** The provider's owner took the computer back: nobody failed. */
      readonly isOwners: boolean;
    }
  | { readonly type: "goodbye" };

export interface ProviderAnswers {
  readonly hello: {
    readonly fog: NodeId;
    readonly httpUrl: string;
    readonly leaseTtlMs: number;
    readonly drop: readonly LeaseId[];
  };
  readonly offer: Record<string, never>;
  /** Leases the provider holds in vain: it stops them. */
  readonly heartbeat: { readonly drop: readonly LeaseId[] };
  /** The fog node's signature over the receipt: the work is durable and counts. */
  readonly result: { readonly acknowledged: Signed<AcknowledgedReceipt> };
  readonly release: Record<string, never>;
  readonly goodbye: Record<string, never>;
}

export interface AcknowledgedReceipt {
  /** CID of the provider's signed receipt. */
  readonly receipt: Cid;
  /** false when the work came too late to count in its round. */
  readonly counted: boolean;
}

/** fog → provider */
export type FogRequest =
  | { readonly type: "lease"; readonly lease: Lease }
  | { readonly type: "revoke"; readonly lease: LeaseId; readonly reason: string };

export interface FogAnswers {
  readonly lease: Record<string, never>;
  readonly revoke: Record<string, never>;
}

/** Every answer on the wire. */
export type Answer<T> = { readonly ok: T } | { readonly fault: FaultReport };

const finishedResult = { receipt: zSignedReceipt, statement: zSignedStatement.nullable() };
export const zFinishedResult: z.ZodType<FinishedResult> = z.strictObject(finishedResult);
const zProgress: z.ZodType<LeaseProgress> = z.strictObject({
  lease: zLeaseId,
  step: zCount,
  loss: z.number().nullable(),
});
const zLeases = z.array(zLeaseId).max(LIMITS.leasesPerProviderMax);
const zReason = z.string().max(256).transform(onOneLine);

export const zProviderRequest: z.ZodType<ProviderRequest> = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("hello"),
    version: zCount,
    instance: z.string().min(16).max(64),
    offer: zOffer,
    held: zLeases,
  }),
  z.strictObject({ type: z.literal("offer"), offer: zOffer }),
  z.strictObject({
    type: z.literal("heartbeat"),
    sequence: zCount,
    progress: z.array(zProgress).max(LIMITS.leasesPerProviderMax),
  }),
  z.strictObject({ type: z.literal("result"), ...finishedResult }),
  z.strictObject({ type: z.literal("release"), leases: zLeases, reason: zReason, isOwners: z.boolean() }),
  z.strictObject({ type: z.literal("goodbye") }),
]);

export const zFogRequest: z.ZodType<FogRequest> = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("lease"), lease: zLease }),
  z.strictObject({ type: z.literal("revoke"), lease: zLeaseId, reason: zReason }),
]);

const zEmpty = z.strictObject({});

export const zProviderAnswers: { readonly [K in keyof ProviderAnswers]: z.ZodType<ProviderAnswers[K]> } = {
  hello: z.strictObject({
    fog: zNodeId,
    httpUrl: z.url().max(512),
    leaseTtlMs: z.int().min(100).max(LIMITS.leaseTtlMsMax),
    drop: zLeases,
  }),
  offer: zEmpty,
  heartbeat: z.strictObject({ drop: zLeases }),
  result: z.strictObject({
    acknowledged: z.strictObject({
      body: z.strictObject({ receipt: zCid, counted: z.boolean() }),
      signer: zNodeId,
      signature: zBytes,
    }),
  }),
  release: zEmpty,
  goodbye: zEmpty,
};

export const zFogAnswers: { readonly [K in keyof FogAnswers]: z.ZodType<FogAnswers[K]> } = {
  lease: zEmpty,
  revoke: zEmpty,
};

const zFaultReport: z.ZodType<FaultReport> = z.strictObject({
  code: z.string().max(64),
  message: z.string().max(2_048),
});

/** The schema of an answer that carries `ok` of this shape. */
export function zAnswer<T>(ok: z.ZodType<T>): z.ZodType<Answer<T>> {
  return z.union([z.strictObject({ ok }), z.strictObject({ fault: zFaultReport })]);
}
