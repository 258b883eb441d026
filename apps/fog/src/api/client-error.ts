/** The answer to what is no HTTP request, or never became a whole one: there is no route yet, and the shape is the same. */

import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FaultReport } from "@pingo/core";
import { FogError } from "../fault.ts";

/** By node's code; what is not here is malformed. */
const BY_CODE: Readonly<Record<string, readonly [status: number, fault: FogError["fault"]]>> = {
  HPE_HEADER_OVERFLOW: [431, { code: "HEADERS_TOO_LARGE" }],
  ERR_HTTP_REQUEST_TIMEOUT: [408, { code: "REQUEST_TOO_SLOW" }],
};

/** Ends the connection: where the next request would begin is not known. */
export function answerClientError(error: Error, socket: Socket): void {
  const code = "code" in error ? String(error.code) : "";
  if (code !== "ECONNRESET" && socket.writable) {
    const [status, fault] = BY_CODE[code] ?? [400, { code: "REQUEST_MALFORMED", why: error.message }];
    const { message } = new FogError(fault);
    socket.write(textOf(status, { code: fault.code, message }));
  }
  socket.destroySoon();
}

function textOf(status: number, error: FaultReport): string {
  const body = JSON.stringify({ error });
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "cache-control: no-store",
    "connection: close",
    "",
    body,
  ].join("\r\n");
}
