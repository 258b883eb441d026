/** What of node_modules the apps need to run, by the lockfile: what a fresh production install would bring. */

/** The part of package-lock.json that is read. */
export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export interface LockedPackage {
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface Closure {
  /** Folders of the repository, as "packages/core". */
  readonly workspaces: readonly string[];
  /** Folders of installed packages, as "node_modules/zod"; the optional ones of other systems too. */
  readonly installed: readonly string[];
  /** Links to workspaces, as "node_modules/@pingo/core" to "packages/core". */
  readonly links: ReadonlyMap<string, string>;
}

/** @param roots  workspaces, as "apps/cli" */
export function closureOf({ packages }: Lock, roots: readonly string[]): Closure {
  const workspaces = new Set<string>();
  const installed = new Set<string>();
  const links = new Map<string, string>();
  const visit = (path: string): void => {
    const found = packages[path];
    if (found === undefined) throw new Error(`package-lock.json knows no ${path}; run npm install`);
    if (found.link === true && found.resolved !== undefined) {
      links.set(path, found.resolved);
      visit(found.resolved);
      return;
    }
    const seen = path.includes("node_modules/") ? installed : workspaces;
    if (seen.has(path)) return;
    seen.add(path);
    for (const name of Object.keys(found.dependencies ?? {})) {
      const target = resolve(packages, path, name);
      if (target === undefined)
        throw new Error(`${path} needs ${name}, which package-lock.json does not have`);
      visit(target);
    }
    for (const name of Object.keys({ ...found.optionalDependencies, ...found.peerDependencies })) {
      const target = resolve(packages, path, name);
      if (target !== undefined) visit(target);
    }
  };
  for (const root of roots) visit(root);
  return { workspaces: [...workspaces].sort(), installed: [...installed].sort(), links };
}

/** As Node looks for it: in the package's own node_modules, then in those above. */
function resolve(packages: Lock["packages"], from: string, name: string): string | undefined {
  for (let at = from; ; ) {
    const path = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (at === "") return undefined;
    const above = at.lastIndexOf("/node_modules/");
    at = above < 0 ? "" : at.slice(0, above);
  }
}
