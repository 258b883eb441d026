/** Lets whoever holds a key upload blocks to one fog node for a while; goes with every PUT. */

import { z } from "zod";
import { decodeCanonical, encodeCanonical } from "./codec.ts";
import type { NodeId } from "./ids.ts";
import { type KeyPair, openSigned, type Signed, signValue } from "./keys.ts";
import type { Clock, Fetch } from "./ports.ts";
import { parseShape, zBytes, zCount, zNodeId } from "./schema.ts";

export interface UploadTicket {
  readonly fog: NodeId;
  readonly untilUnixMs: number;
}

export const TICKET_HEADER = "x-pingo-ticket";
export const TICKET_CHARS_MAX = 1_024;

const UPLOAD_DOMAIN = "pingo/upload/v1";
const TICKET_MS = 30 * 60_000;
/** A new one is made before the old one ends, so that no upload is caught between. */
const SPARE_MS = 5 * 60_000;

const zTicket: z.ZodType<Signed<UploadTicket>> = z.strictObject({
  body: z.strictObject({ fog: zNodeId, untilUnixMs: zCount }),
  signer: zNodeId,
  signature: zBytes,
});

export function encodeUploadTicket(key: KeyPair, ticket: UploadTicket): string {
  return hexOf(encodeCanonical(signValue(UPLOAD_DOMAIN, ticket, key)));
}

/** @throws {CodecError | ShapeError | SignatureError} what is no ticket */
export function openUploadTicket(text: string): UploadTicket & { readonly signer: NodeId } {
  const signed = parseShape(zTicket, decodeCanonical(bytesOfHex(text)), "the upload ticket");
  return { ...openSigned(UPLOAD_DOMAIN, signed), signer: signed.signer };
}

export interface TicketedFetch {
  readonly fetch: Fetch;
  /** Known only once the fog node has said who it is; until then uploads go without a ticket. */
  uploadTo(fog: NodeId): void;
}

export function createTicketedFetch(
  send: Fetch,
  { key, clock }: { readonly key: KeyPair; readonly clock: Clock },
): TicketedFetch {
  let fog: NodeId | undefined;
  let ticket = "";
  let untilUnixMs = 0;
  const ticketFor = (to: NodeId): string => {
    const now = clock.nowUnixMs();
    if (untilUnixMs - now < SPARE_MS) {
      untilUnixMs = now + TICKET_MS;
      ticket = encodeUploadTicket(key, { fog: to, untilUnixMs });
    }
    return ticket;
  };
  return {
    uploadTo(to) {
      if (fog !== to) untilUnixMs = 0;
      fog = to;
    },
    fetch: (url, init) =>
      init?.method !== "PUT" || fog === undefined
        ? send(url, init)
        : send(url, { ...init, headers: { ...init.headers, [TICKET_HEADER]: ticketFor(fog) } }),
  };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Up to the first pair that is no number: what is no ticket is then no canonical value either. */
function bytesOfHex(text: string): Uint8Array {
  const pairs = /^(?:[0-9a-f]{2})*/.exec(text)?.[0].match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}
