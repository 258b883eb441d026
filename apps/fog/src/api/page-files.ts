/**
 * The page that lends, as it was built: a closed set of files, read from the disk when they are asked for.
 *
 * What is served is what stood in the folder at the start, by exact name, so no path leads out of it.
 */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { FogError } from "../fault.ts";

export const PAGE_PATH = "/lend/";

/** Whether the path was one of its own, and is answered. */
export type PageHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

interface PageFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** The same, compressed, where the build made one. */
  readonly gzip: { readonly path: string; readonly sizeBytes: number } | undefined;
}

const INDEX = "index.html";
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
};
/** Names of what the build made hold a hash of it. */
const IMMUTABLE = "public, max-age=29030400, immutable";
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  // The control channel has a port of its own, and may stand behind another name.
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** @throws {FogError} PAGE_MISSING when the folder holds no page */
export async function readPageFiles(folder: string): Promise<PageHandler> {
  const fileByName = await listFiles(folder);
  if (!fileByName.has(INDEX)) throw new FogError({ code: "PAGE_MISSING", folder });
  return (request, response) => {
    const [path = ""] = (request.url ?? "").split("?", 1);
    if (`${path}/` === PAGE_PATH) {
      response.writeHead(308, { location: PAGE_PATH, "content-length": 0 }).end();
      return true;
    }
    const file = path.startsWith(PAGE_PATH) && fileByName.get(path.slice(PAGE_PATH.length) || INDEX);
    if (!file || (request.method !== "GET" && request.method !== "HEAD")) return false;
    answer(file, request, response);
    return true;
  };
}

function answer(file: PageFile, request: IncomingMessage, response: ServerResponse): void {
  const accepts = request.headers["accept-encoding"] ?? "";
  const gzip = /\bgzip\b/.test(String(accepts)) ? file.gzip : undefined;
  const { path, sizeBytes } = gzip ?? file;
  response.writeHead(200, {
    "content-type": TYPES[extname(file.path)] ?? "application/octet-stream",
    "content-length": sizeBytes,
    "cache-control": file.path.endsWith(INDEX) ? "no-cache" : IMMUTABLE,
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    vary: "accept-encoding",
    ...(gzip && { "content-encoding": "gzip" }),
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  // Changed or gone since the start: the connection ends before its promised length, which the browser reports.
  createReadStream(path)
    .on("error", () => response.destroy())
    .pipe(response);
}

async function listFiles(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizeByName = new Map<string, number>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1).replaceAll("\\", "/");
    sizeByName.set(name, (await stat(path)).size);
  }
  const files = new Map<string, PageFile>();
  for (const [name, sizeBytes] of sizeByName) {
    if (name.endsWith(".gz")) continue;
    const zipped = sizeByName.get(`${name}.gz`);
    const path = join(folder, name);
    const gzip = zipped === undefined ? undefined : { path: `${path}.gz`, sizeBytes: zipped };
    files.set(name, { path, sizeBytes, gzip });
  }
  return files;
}
