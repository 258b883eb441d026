/** This computer's own provider: the folder in which its agent tells and its owner speaks. */
import { join } from "node:path";
import { parseShape } from "@pingo/core";
import { ANY_SIZE, type OwnerSize, type OwnerWish } from "@pingo/scheduler";
import {
  POLICY_FILE,
  type ProviderStatus,
  SIZE_FILE,
  STATUS_FILE,
  STATUS_STALE_MS,
  WISH_FILE,
  zOwnerSize,
  zProviderStatus,
} from "@pingo/scheduler/status";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";

/** A provider started so lends all, all the time; the file is what it goes by the next time. */
const NO_POLICY = "off";

export function providerFolder({ config }: Pick<Context, "config">): string {
  return config.inherited["PINGO_PROVIDER_DIR"] || join(config.home, "provider");
}

export function policyPath(context: Pick<Context, "config">): string {
  const named = context.config.inherited["PINGO_PROVIDER_POLICY"];
  return named && named !== NO_POLICY ? named : join(providerFolder(context), POLICY_FILE);
}

/** @throws {CliError} NO_PROVIDER */
export async function readOwnStatus(context: Context): Promise<ProviderStatus> {
  const { clock, disk } = context.ports;
  const folder = providerFolder(context);
  const bytes = await disk.read(join(folder, STATUS_FILE));
  if (bytes === undefined) throw new CliError({ code: "NO_PROVIDER", folder });
  const status = parseShape(
    zProviderStatus,
    parseJson(new TextDecoder().decode(bytes)),
    join(folder, STATUS_FILE),
  );
  if (clock.nowUnixMs() - status.atUnixMs > STATUS_STALE_MS)
    throw new CliError({ code: "NO_PROVIDER", folder });
  return status;
}

/** Heard within a second by an agent that runs, and by the next one otherwise. */
export async function writeWish(context: Context, wish: OwnerWish): Promise<void> {
  const path = join(providerFolder(context), WISH_FILE);
  await context.ports.disk.write(path, new TextEncoder().encode(JSON.stringify(wish)));
}

/** @throws {ShapeError} SHAPE_INVALID where somebody wrote another thing into the file */
export async function readSize(context: Context): Promise<OwnerSize> {
  const path = sizePath(context);
  const bytes = await context.ports.disk.read(path);
  if (bytes === undefined) return ANY_SIZE;
  return parseShape(zOwnerSize, parseJson(new TextDecoder().decode(bytes)), path);
}

/** Heard within a second by an agent that runs, and by the next one otherwise. */
export async function writeSize(context: Context, size: OwnerSize): Promise<void> {
  await context.ports.disk.write(sizePath(context), new TextEncoder().encode(JSON.stringify(size)));
}

function sizePath(context: Context): string {
  return join(providerFolder(context), SIZE_FILE);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused by its shape, with a sentence
  }
}
