/**
 * Sign-in with a wallet for pages and the Mini App: a nonce, the proof that answers it, and a pass for a while.
 *
 * A pass says which wallet it is, signed by this station; what that wallet may do is asked anew each time, so one that lapses or is
 * revoked is out within the minute that membership is remembered for.
 */
import {
  decodeCanonical,
  encodeCanonical,
  type KeyPair,
  openSigned,
  type Ports,
  parseShape,
  type Signed,
  signValue,
  zBytes,
  zCount,
  zNodeId,
} from "@pingo/core";
import type { SignIn } from "@pingo/ton";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { FogError } from "../fault.ts";
import type { Membership } from "./membership.ts";
import { PROOF_BYTES_MAX } from "./proof-limit.ts";

export interface SignInRouteOptions {
  readonly membership: Membership;
  readonly key: KeyPair;
  readonly ports: Pick<Ports, "clock" | "prng">;
  readonly network: -239 | -3;
  /** Hosts of pages that may ask; none: nobody signs in here. */
  readonly domains: readonly string[];
}

interface Pass {
  /** workchain:hex */
  readonly address: string;
  readonly untilUnixMs: number;
}

const PASS_DOMAIN = "pingo/pass/v1";
const PASS_MS = 60 * 60_000;
const PASS_CHARS_MAX = 1_024;
const JSON_TYPE = "application/json";

const zPass: z.ZodType<Signed<Pass>> = z.strictObject({
  body: z.strictObject({ address: z.string().regex(/^(0|-1):[0-9a-f]{64}$/), untilUnixMs: zCount }),
  signer: zNodeId,
  signature: zBytes,
});

export function addSignInRoutes(api: FastifyInstance, options: SignInRouteOptions): void {
  const { membership, key, ports, network, domains } = options;
  if (domains.length === 0) return;
  const { clock } = ports;
  /** Loaded when somebody signs in: with it comes all that knows TON. */
  let opened: Promise<SignIn> | undefined;
  const signIn = (): Promise<SignIn> => {
    opened ??= import("@pingo/ton").then(({ createSignIn }) =>
      createSignIn({ network: String(network), domains, ...ports }),
    );
    return opened;
  };
  api.addContentTypeParser(
    JSON_TYPE,
    { parseAs: "string", bodyLimit: PROOF_BYTES_MAX },
    // Keys of every name are keys here: the shape refuses those that it does not know.
    api.getDefaultJsonParser("ignore", "ignore"),
  );
  const answerTo = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    allowOrigin(reply, request.headers.origin, domains);

  api.options("/v1/sign-in", async (request, reply) =>
    answerTo(request, reply)
      .header("access-control-allow-methods", "GET, POST")
      .header("access-control-allow-headers", "content-type, authorization")
      .status(204)
      .send(),
  );
  api.get("/v1/sign-in", async (request, reply) => {
    answerTo(request, reply).header("cache-control", "no-store");
    return { payload: (await signIn()).issueNonce(), network: String(network), domains };
  });
  api.post("/v1/sign-in", async (request, reply) => {
    answerTo(request, reply).header("cache-control", "no-store");
    const { address } = await (await signIn()).verify(request.body);
    const untilUnixMs = clock.nowUnixMs() + PASS_MS;
    const pass = signValue(PASS_DOMAIN, { address, untilUnixMs }, key);
    return { address, untilUnixMs, pass: Buffer.from(encodeCanonical(pass)).toString("base64url") };
  });
  api.get("/v1/session", async (request, reply) => {
    answerTo(request, reply).header("cache-control", "no-store");
    const { address, untilUnixMs } = openPass(request.headers.authorization, key, clock.nowUnixMs());
    return { address, untilUnixMs, ...(await membership.ofWallet(address)) };
  });
}

/** @throws {FogError} PASS_NEEDED, PASS_EXPIRED; {FaultError} what is no pass of this station */
function openPass(header: string | undefined, key: KeyPair, nowUnixMs: number): Pass {
  const text = /^Bearer ([\w-]+)$/.exec(header ?? "")?.[1];
  if (text === undefined || text.length > PASS_CHARS_MAX) throw new FogError({ code: "PASS_NEEDED" });
  const signed = parseShape(zPass, decodeCanonical(Buffer.from(text, "base64url")), "the pass");
  if (signed.signer !== key.nodeId) throw new FogError({ code: "PASS_NEEDED" });
  const pass = openSigned(PASS_DOMAIN, signed);
  if (pass.untilUnixMs <= nowUnixMs) throw new FogError({ code: "PASS_EXPIRED" });
  return pass;
}

/** Pages of our own domains may read the answers, and no others. */
function allowOrigin(
  reply: FastifyReply,
  origin: string | undefined,
  domains: readonly string[],
): FastifyReply {
  reply.header("vary", "origin");
  const host = origin === undefined ? undefined : URL.parse(origin)?.host;
  return host !== undefined && domains.includes(host) && origin !== undefined
    ? reply.header("access-control-allow-origin", origin)
    : reply;
}
