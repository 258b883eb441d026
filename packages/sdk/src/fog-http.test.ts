import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { LIMITS } from "@pingo/core";
import { systemFetch } from "@pingo/core/system";
import { expect, test } from "vitest";
import { z } from "zod";
import { askFog } from "./fog-http.ts";

async function serving(answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/v1/node`,
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

test("a fog node that never answers is given up", async () => {
  using silent = await serving(() => undefined);
  await expect(askFog(systemFetch, silent.url, z.unknown(), { timeoutMs: 50 })).rejects.toMatchObject({
    code: "FOG_UNREACHABLE",
    message: expect.stringContaining("it took too long"),
  });
});

test("an answer past the limit is not read to its end", async () => {
  using endless = await serving((_request, response) => {
    response.writeHead(200);
    const chunk = new Uint8Array(64 * 1024);
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once("drain", more);
    };
    more();
  });
  await expect(askFog(systemFetch, endless.url, z.unknown())).rejects.toMatchObject({
    code: "FOG_ANSWER_INVALID",
    message: expect.stringContaining(String(LIMITS.httpBodyBytesMax)),
  });
});
