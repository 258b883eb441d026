/** The devnet of this machine, asked on the port that only this machine reaches. */
import { buffer } from "node:stream/consumers";
import { parseShape, RemoteError, zErrorBody } from "@pingo/core";
import { z } from "zod";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";

export const ADMIN_PORT_DEFAULT = 4721;
/** A block may be a while coming; a devnet that is gone answers at once. */
const TIMEOUT_MS = 30_000;

export const zDevnetView = z.object({
  endpoint: z.string(),
  adminUrl: z.string(),
  networkId: z.int(),
  faucet: z.string(),
});

/** @throws {CliError} DEVNET_UNREACHABLE; {RemoteError} what the devnet refuses */
export async function askDevnet<T>(
  context: Context,
  port: number | undefined,
  path: string,
  schema: z.ZodType<T>,
  body?: unknown,
): Promise<T> {
  const url = `http://127.0.0.1:${port ?? portOf(context)}/${path}`;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const request =
    body === undefined
      ? { signal }
      : { signal, method: "POST" as const, body: new TextEncoder().encode(JSON.stringify(body)) };
  const answer = await context.ports.fetch(url, request).catch((cause: unknown) => {
    if (context.signal.aborted) throw cause;
    throw new CliError({ code: "DEVNET_UNREACHABLE", url }, { cause });
  });
  const text = answer.body === null ? "" : (await buffer(answer.body)).toString();
  const value: unknown = jsonOrNull(text);
  const fault = zErrorBody.safeParse(value);
  if (fault.success) throw new RemoteError(fault.data.error);
  return parseShape(schema, value, "the devnet's answer");
}

function portOf({ config }: Context): number {
  return Number(config.inherited["PINGO_DEVNET_ADMIN_PORT"] || ADMIN_PORT_DEFAULT);
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // another program's answer: refused by its shape
  }
}
