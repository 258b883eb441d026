/**
 * The agent's code in a few files instead of a thousand, made where PinGo is installed or packed (tools/bundle-agent.ts).
 *
 * A module costs a waiting process its source with its comments, its exports that nobody imports and a dozen objects of
 * the runtime's, 16 MB together. No agent makes a bundle itself: that takes half a gigabyte, beside its owner's programs.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Lies beside a bundle, and is written last. */
export interface BundleMark {
  /** In the bundle's folder, the one to import first. */
  readonly files: readonly [entry: string, ...others: string[]];
  /** Our own code, and what names the version of each package of others; by their place below the root. */
  readonly sources: readonly string[];
  readonly hash: string;
}

export interface AgentBundle {
  readonly urls: readonly [entry: string, ...others: string[]];
  readonly hash: string;
}

/** Below the root. */
export const BUNDLE_FOLDER = "apps/provider/dist";
export const BUNDLE_MARK = "bundle.json";
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Null where there is none, or one of its sources has changed since: then the agent runs from its sources. */
export function agentBundle(root = ROOT): AgentBundle | null {
  const folder = join(root, BUNDLE_FOLDER);
  try {
    const { files, sources, hash }: BundleMark = JSON.parse(readFileSync(join(folder, BUNDLE_MARK), "utf8"));
    if (hashOfSources(root, sources) !== hash) return null;
    const urlOf = (file: string): string => pathToFileURL(join(folder, file)).href;
    const [entry, ...others] = files;
    return { urls: [urlOf(entry), ...others.map(urlOf)], hash };
  } catch {
    return null; // none was made, or one of its sources is gone
  }
}

export function hashOfSources(root: string, sources: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of sources)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0");
  return hash.digest("hex");
}
