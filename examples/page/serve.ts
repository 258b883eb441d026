/**
 * Bundles the page with Vite and serves it from memory, with ONNX Runtime's WebAssembly beside it.
 *
 *     node examples/page/serve.ts
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const WASM = createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

export interface ServedPage extends AsyncDisposable {
  /** Of the folder, with a slash at its end. */
  readonly url: string;
}

/**
 * @param folder  holds the html files
 * @param extra   further files by name
 */
export async function servePage(
  folder: URL = new URL(".", import.meta.url),
  pages: readonly string[] = ["index.html"],
  extra: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<ServedPage> {
  const files = new Map([...(await bundle(folder, pages)), ...extra, ["ort.wasm", await readFile(WASM)]]);
  const server = createServer((request, response) => {
    const name = (request.url ?? "/").slice(1) || "index.html";
    const body = files.get(name);
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "text/plain" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // SAFETY: a server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bundle(
  folder: URL,
  pages: readonly string[],
): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const built = await build({
    root: fileURLToPath(folder),
    configFile: false,
    logLevel: "error",
    worker: { format: "es" },
    build: {
      write: false,
      target: "esnext",
      rolldownOptions: { input: pages.map((page) => fileURLToPath(new URL(page, folder))) },
    },
  });
  const outputs = [built].flat().flatMap((one) => ("output" in one ? one.output : []));
  return new Map(outputs.map((file) => [file.fileName, file.type === "chunk" ? file.code : file.source]));
}

if (import.meta.main) {
  const { url } = await servePage();
  console.log(`open ${url} in a browser; Ctrl-C ends`);
}
