/** The control API: each route parses, asks the room that knows, and answers. */
import type { RequestListener, Server } from "node:http";
import { type FogNodeView, type JobId, LIMITS, type Log, type NodeId, parseCid } from "@pingo/core";
import { type FastifyInstance, fastify } from "fastify";
import { z } from "zod";
import { addBooksRoutes } from "../books/books-routes.ts";
import type { Sql } from "../database/schema.ts";
import { FogError } from "../fault.ts";
import type { JobRegistry } from "../jobs/job-registry.ts";
import type { ProviderRegistry } from "../leases/provider-registry.ts";
import type { Membership } from "../membership/membership.ts";
import { addMembershipRoutes } from "../membership/membership-routes.ts";
import { addSignInRoutes, type SignInRouteOptions } from "../membership/sign-in-routes.ts";
import type { Settlement } from "../settlement/settlement.ts";
import { errorAnswer } from "./error-answer.ts";
import type { EventStreams } from "./event-stream.ts";

export interface ControlApiOptions {
  readonly sql: Sql;
  readonly fog: NodeId;
  readonly membership: Membership;
  readonly signIn: Omit<SignInRouteOptions, "membership">;
  readonly settlement: Settlement | undefined;
  readonly jobs: JobRegistry;
  readonly providers: ProviderRegistry;
  readonly streams: EventStreams;
  readonly log: Log;
  readonly node: () => FogNodeView;
  /** Carries the routes; the data plane comes before them on the same port. */
  readonly serverFactory: (handler: RequestListener) => Server;
}

const CBOR = "application/cbor";
const zLastEventId = z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).catch(0);

export function createControlApi(options: ControlApiOptions): FastifyInstance {
  const { jobs, providers, streams, log, node, serverFactory } = options;
  const api = fastify<Server>({
    serverFactory,
    bodyLimit: LIMITS.httpBodyBytesMax,
    // A CID has 59 characters; anything longer is no path of ours.
    routerOptions: { maxParamLength: 128 },
    forceCloseConnections: true,
  });
  api.removeAllContentTypeParsers();
  api.addContentTypeParser(CBOR, { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  api.setErrorHandler((error, _request, reply) => {
    const { status, body } = errorAnswer(error, log);
    return reply.status(status).send(body);
  });
  api.setNotFoundHandler(({ method, url }) => {
    throw new FogError({ code: "ROUTE_UNKNOWN", route: `${method} ${url.slice(0, 128)}` });
  });

  api.get("/healthz", async () => ({ ok: true }));
  api.get("/v1/node", async () => node());
  api.get("/v1/providers", async () => ({ providers: await providers.list() }));
  api.get("/v1/jobs", async () => ({ jobs: await jobs.list() }));
  api.get<IdRoute>("/v1/jobs/:id", async ({ params }) => jobs.show(jobIdOf(params.id)));
  api.post("/v1/jobs", async ({ body }, reply) => {
    const view = await jobs.submit(bytesOf(body));
    // The same job again is answered the same way: the first answer may have been lost.
    return reply.status(201).send(view);
  });
  api.post<IdRoute>("/v1/jobs/:id/stop", async ({ params, body }) =>
    jobs.stop(jobIdOf(params.id), bytesOf(body)),
  );
  api.get<IdRoute>("/v1/jobs/:id/events", async ({ params, headers }, reply) => {
    const id = jobIdOf(params.id);
    await jobs.show(id);
    streams.checkRoom();
    reply.hijack();
    streams.open(id, zLastEventId.parse(headers["last-event-id"]), reply.raw);
  });
  addBooksRoutes(api, { ...options, offers: () => providers.totals() });
  addMembershipRoutes(api, options.membership);
  addSignInRoutes(api, { ...options.signIn, membership: options.membership });
  return api;
}

interface IdRoute {
  readonly Params: { readonly id: string };
}

function jobIdOf(text: string): JobId {
  return parseCid(text);
}

function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  throw new FogError({ code: "MEDIA_TYPE_REFUSED" });
}
