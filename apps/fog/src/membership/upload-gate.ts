/** Who may upload blocks where the gate is closed: contributors, and providers that are here to work. */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Clock,
  type Log,
  type NodeId,
  openUploadTicket,
  TICKET_CHARS_MAX,
  TICKET_HEADER,
} from "@pingo/core";
import type { BlockHandler } from "@pingo/storage";
import { errorAnswer } from "../api/error-answer.ts";
import { FogError } from "../fault.ts";
import type { Membership } from "./membership.ts";

export interface UploadGateOptions {
  readonly membership: Membership;
  readonly fog: NodeId;
  readonly clock: Clock;
  readonly log: Log;
  readonly isProvider: (id: NodeId) => boolean;
}

/** A file of a gigabyte is a thousand blocks: a ticket is read, and its holder's membership asked for, once for many. */
const REMEMBERED_MAX = 1_024;
const REMEMBERED_MS = 5_000;
/** A ticket that claims to be good for longer was not made by us. */
const TICKET_MS_MAX = 60 * 60_000;

/** The data plane behind the gate; downloads stay open to all. */
export function gatedUploads(handle: BlockHandler, options: UploadGateOptions): BlockHandler {
  const { log, clock } = options;
  const untilMsByTicket = new Map<string, number>();
  const admit = async (header: string | string[] | undefined): Promise<void> => {
    const text = typeof header === "string" ? header : "";
    if ((untilMsByTicket.get(text) ?? 0) > clock.monotonicMs()) return;
    await check(text, options);
    untilMsByTicket.delete(text);
    untilMsByTicket.set(text, clock.monotonicMs() + REMEMBERED_MS);
    for (const oldest of untilMsByTicket.keys()) {
      if (untilMsByTicket.size <= REMEMBERED_MAX) break;
      untilMsByTicket.delete(oldest);
    }
  };
  return async (request, response) => {
    if (request.method !== "PUT" || !request.url?.startsWith("/ipfs/")) return handle(request, response);
    try {
      await admit(request.headers[TICKET_HEADER]);
    } catch (error) {
      refuse(request, response, errorAnswer(error, log));
      return true;
    }
    return handle(request, response);
  };
}

async function check(text: string, { membership, fog, clock, isProvider }: UploadGateOptions): Promise<void> {
  if (text === "" || text.length > TICKET_CHARS_MAX) throw new FogError({ code: "TICKET_NEEDED" });
  const ticket = openUploadTicket(text);
  const leftMs = ticket.untilUnixMs - clock.nowUnixMs();
  if (ticket.fog !== fog || leftMs <= 0 || leftMs > TICKET_MS_MAX)
    throw new FogError({ code: "TICKET_REFUSED" });
  if (!isProvider(ticket.signer)) await membership.admit(ticket.signer);
}

/** The body is not read: the connection ends with the answer. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body }: ReturnType<typeof errorAnswer>,
): void {
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify(body), () => request.destroy());
}
