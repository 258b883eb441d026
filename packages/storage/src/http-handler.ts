/**
 * The data plane: GET, HEAD and PUT of /ipfs/CID, straight on node:http (the hot path of a fog node).
 *
 * A block is in memory once, whole (≤ 2 MiB), and is verified before a byte of it leaves or stays.
 * SOURCE: https://specs.ipfs.tech/http-gateways/trustless-gateway/
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Cid,
  type Clock,
  codecOfCid,
  isBlockOf,
  isFault,
  LIMITS,
  type Log,
  parseCid,
  reportOf,
} from "@pingo/core";
import type { BlockReader, Blocks } from "./blocks.ts";
import { createHotBlocks } from "./hot-blocks.ts";
import { parseRange } from "./http-range.ts";
import { receiveBody, UPLOAD_AGAIN_SECONDS } from "./receive-body.ts";
import { UploadError } from "./upload-error.ts";
import { UploadRoom } from "./upload-room.ts";

/** The weights of a model of 16 million parameters. */
const HOT_BYTES = 64 * 1024 * 1024;
const PREFIX = "/ipfs/";
const CACHE_CONTROL = "public, max-age=29030400, immutable";
/** Whoever has a block's name may read it, whatever page asks; writing stays with pages of the fog node's own. */
const READABLE = { "access-control-allow-origin": "*" } as const;

export interface Transfer {
  readonly cid: Cid;
  /** As the client sees it: "up" is a PUT. */
  readonly direction: "up" | "down";
  readonly bytes: number;
}

export interface BlockHandlerOptions {
  readonly blocks: Blocks;
  readonly log: Log;
  /** Hears of each block that was sent or stored. */
  readonly onTransfer?: (transfer: Transfer) => void;
  /** The system's unless given. */
  readonly clock?: Clock;
  readonly uploadTimeoutMs?: number;
  /** Shared with whatever else of the station takes uploads; its own unless given. */
  readonly room?: UploadRoom;
  /** Memory for the blocks asked for last; 0 for none. */
  readonly hotBytes?: number;
}

/** Resolves once answered; false when the path is not one of its own, and then nothing was touched. */
export type BlockHandler = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  CID_INVALID: 400,
  UPLOAD_MISMATCH: 400,
  UPLOAD_CUT: 400,
  BLOCK_NOT_FOUND: 404,
  BLOCK_CORRUPT: 404,
  METHOD_NOT_ALLOWED: 405,
  UPLOAD_TOO_SLOW: 408,
  UPLOAD_SILENT: 408,
  UPLOAD_TOO_LARGE: 413,
  BLOCK_TOO_LARGE: 413,
  UPLOADS_TOO_MANY: 503,
  QUOTA_EXCEEDED: 507,
  DISK_FULL: 507,
};

export function createBlockHandler(options: BlockHandlerOptions): BlockHandler {
  const hot = createHotBlocks(options.blocks, options.hotBytes ?? HOT_BYTES);
  const { room = new UploadRoom() } = options;
  return async (request, response) => {
    const [path = ""] = (request.url ?? "").split("?", 1);
    if (!path.startsWith(PREFIX)) return false;
    try {
      const cid = parseCid(path.slice(PREFIX.length));
      if (request.method === "GET" || request.method === "HEAD")
        await answerGet(cid, request, response, hot, options);
      else if (request.method === "PUT") await answerPut(cid, request, response, { ...options, room });
      else throw new UploadError({ code: "METHOD_NOT_ALLOWED", method: request.method ?? "this" });
    } catch (error) {
      answerFault(error, path, request, response, options.log);
    }
    return true;
  };
}

async function answerGet(
  cid: Cid,
  request: IncomingMessage,
  response: ServerResponse,
  blocks: BlockReader,
  { onTransfer }: BlockHandlerOptions,
): Promise<void> {
  const etag = `"${cid}"`;
  const headers = { etag, "cache-control": CACHE_CONTROL, "accept-ranges": "bytes", ...READABLE };
  if (matches(request.headers["if-none-match"], etag) && (await blocks.has(cid))) {
    response.writeHead(304, headers).end();
    return;
  }
  // HEAD reads too: saying that the block is here means that it is sound.
  const block = await blocks.get(cid);
  const ifRange = request.headers["if-range"];
  const range = parseRange(
    ifRange === undefined || ifRange === etag ? request.headers.range : undefined,
    block.byteLength,
  );
  if (range.kind === "unsatisfiable") {
    const contentRange = `bytes */${block.byteLength}`;
    response.writeHead(416, { "content-range": contentRange, "content-length": 0, ...READABLE }).end();
    return;
  }
  const part = range.kind === "part" ? block.subarray(range.first, range.last + 1) : block;
  response.writeHead(range.kind === "part" ? 206 : 200, {
    ...headers,
    "content-type": "application/vnd.ipld.raw",
    "content-length": part.byteLength,
    "x-content-type-options": "nosniff",
    "content-disposition": `attachment; filename="${cid}.bin"`,
    ...(range.kind === "part" && {
      "content-range": `bytes ${range.first}-${range.last}/${block.byteLength}`,
    }),
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  response.end(part, () => onTransfer?.({ cid, direction: "down", bytes: part.byteLength }));
}

async function answerPut(
  cid: Cid,
  request: IncomingMessage,
  response: ServerResponse,
  { blocks, onTransfer, clock, uploadTimeoutMs, room }: BlockHandlerOptions & { readonly room: UploadRoom },
): Promise<void> {
  const limits = { bytesMax: LIMITS.blockBytesMax, timeoutMs: uploadTimeoutMs };
  using body = await receiveBody(request, { room, clock, ...limits });
  const { bytes } = body;
  if (!isBlockOf(cid, bytes)) throw new UploadError({ code: "UPLOAD_MISMATCH", cid });
  const isNew = !(await blocks.has(cid));
  await blocks.put(bytes, codecOfCid(cid));
  onTransfer?.({ cid, direction: "up", bytes: bytes.byteLength });
  response.writeHead(isNew ? 201 : 200, { "content-length": 0, etag: `"${cid}"` }).end();
}

function answerFault(
  error: unknown,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  log: Log,
): void {
  const report = reportOf(error);
  const status = STATUS_BY_CODE[report.code] ?? 500;
  if (status >= 500 || report.code === "BLOCK_CORRUPT") {
    const why = isFault(error) ? report.message : String(error instanceof Error ? error.stack : error);
    // A full room empties by itself.
    const level = status === 503 ? "warn" : "error";
    log[level]("block_request_failed", { path: path.slice(0, 128), code: report.code, why });
  }
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = JSON.stringify({ error: report });
  // What is left of a refused upload is not read: the connection closes after the answer. Where there was only no room, it
  // is read and thrown away: a reset would often destroy the answer that says when to come again.
  const isUnread = request.method !== "GET" && request.method !== "HEAD" && !request.complete;
  const isThrownAway = isUnread && status === 503 && request.headers["content-length"] !== undefined;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    ...((request.method === "GET" || request.method === "HEAD") && READABLE),
    ...(status === 405 && { allow: "GET, HEAD, PUT" }),
    ...(status === 503 && { "retry-after": String(UPLOAD_AGAIN_SECONDS) }),
    ...(isUnread && !isThrownAway && { connection: "close" }),
  });
  if (isThrownAway) request.resume();
  response.end(request.method === "HEAD" ? undefined : body);
}

function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}
