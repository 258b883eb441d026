/** The page that lends, built for this home: a browser tab of a visitor becomes a provider. */
import { join } from "node:path";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { runScript } from "./run-script.ts";
import { SCRIPTS } from "./scripts.ts";

/** @returns the folder it is in. @throws {CliError} PAGE_NOT_BUILT */
export async function buildPage({ config, signal }: Context): Promise<string> {
  const folder = join(config.home, "page");
  const { exitCode, lastWords } = await runScript(SCRIPTS.buildPage, [folder], {
    env: config.inherited,
    signal,
  });
  signal.throwIfAborted();
  if (exitCode !== 0)
    throw new CliError({ code: "PAGE_NOT_BUILT", why: lastWords || `exit code ${exitCode}` });
  return folder;
}
