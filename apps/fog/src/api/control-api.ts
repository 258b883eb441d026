/** The control API: each route parses, asks the room that knows, and answers. */
import type { IncomingMessage, RequestListener, Server } from "node:http";
import {
  type Clock,
  type FogNodeView,
  isFault,
  type JobId,
  LIMITS,
  type Log,
  type NodeId,
  parseCid,
} from "@pingo/core";
import { type Blocks, receiveBody, UPLOAD_AGAIN_SECONDS, type UploadRoom } from "@pingo/storage";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { z } from "zod";
import { addBooksRoutes } from "../books/books-routes.ts";
import { listCases } from "../cases/list-cases.ts";
import type { Sql } from "../database/schema.ts";
import type { Emission } from "../emission/emission.ts";
import { addEmissionRoutes } from "../emission/emission-routes.ts";
import { FogError } from "../fault.ts";
import type { JobRegistry } from "../jobs/job-registry.ts";
import type { ProviderRegistry } from "../leases/provider-registry.ts";
import type { Membership } from "../membership/membership.ts";
import { addMembershipRoutes } from "../membership/membership-routes.ts";
import { addSignInRoutes, type SignInRouteOptions } from "../membership/sign-in-routes.ts";
import type { Settlement } from "../settlement/settlement.ts";
import { answerClientError } from "./client-error.ts";
import { errorAnswer } from "./error-answer.ts";
import type { EventStreams } from "./event-stream.ts";

export interface ControlApiOptions {
  readonly sql: Sql;
  readonly blocks: Blocks;
  readonly fog: NodeId;
  readonly membership: Membership;
  readonly signIn: Omit<SignInRouteOptions, "membership">;
  readonly settlement: Settlement | undefined;
  readonly emission: Emission | undefined;
  readonly jobs: JobRegistry;
  readonly providers: ProviderRegistry;
  readonly streams: EventStreams;
  readonly log: Log;
  readonly clock: Clock;
  /** Shared with the data plane: a body here is held in memory like a block there. */
  readonly room: UploadRoom;
  readonly node: () => FogNodeView;
  /** Carries the routes; the data plane comes before them on the same port. */
  readonly serverFactory: (handler: RequestListener) => Server;
}

const CBOR = "application/cbor";
/** What the database's column of sequences holds. */
const SEQUENCE_MAX = 2 ** 31 - 1;
const zLastEventId = z.coerce.number().int().nonnegative().max(SEQUENCE_MAX);

export function createControlApi(options: ControlApiOptions): FastifyInstance {
  const { jobs, providers, streams, log, node, serverFactory } = options;
  const answerError = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { status, body } = errorAnswer(error, log);
    // What is left of a refused body is not read.
    if (!request.raw.complete) reply.header("connection", "close");
    if (body.error.code === "UPLOADS_TOO_MANY") reply.header("retry-after", UPLOAD_AGAIN_SECONDS);
    return reply.status(status).send(body);
  };
  const api = fastify<Server>({
    serverFactory,
    bodyLimit: LIMITS.httpBodyBytesMax,
    // A CID has 59 characters; anything longer is no path of ours.
    routerOptions: { maxParamLength: 128 },
    forceCloseConnections: true,
    // Before there is a route, such as for an address that does not decode.
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
    clientErrorHandler: answerClientError,
  });
  api.removeAllContentTypeParsers();
  api.addContentTypeParser(CBOR, (_request: unknown, message: IncomingMessage) => bodyOf(message, options));
  api.setErrorHandler(answerError);
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
    const lastEventId = lastEventIdOf(headers["last-event-id"]);
    await jobs.show(id);
    streams.checkRoom();
    reply.hijack();
    streams.open(id, lastEventId, reply.raw);
  });
  addBooksRoutes(api, { ...options, offers: () => providers.totals() });
  addEmissionRoutes(api, options.emission);
  api.get("/v1/cases", async () => ({ cases: await listCases(options.sql, options.blocks) }));
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

function lastEventIdOf(header: string | string[] | undefined): number {
  const parsed = zLastEventId.safeParse(header ?? 0);
  if (parsed.success) return parsed.data;
  const why = `Last-Event-ID is the number of an event, from 0 to ${SEQUENCE_MAX}`;
  throw new FogError({ code: "REQUEST_MALFORMED", why });
}

/** Its room is free again once it is whole: from there it is handled at once, not at the sender's pace. */
async function bodyOf(message: IncomingMessage, { room, clock }: ControlApiOptions): Promise<Uint8Array> {
  const bytesMax = LIMITS.httpBodyBytesMax;
  try {
    using body = await receiveBody(message, { room, clock, bytesMax });
    return body.bytes;
  } catch (error) {
    if (!isFault(error) || error.code !== "UPLOAD_TOO_LARGE") throw error;
    throw new FogError({ code: "BODY_TOO_LARGE", bytesMax }, { cause: error });
  }
}

function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  throw new FogError({ code: "MEDIA_TYPE_REFUSED" });
}
