/** Paths of a piece: walked step by step inside the folder that they start from, which none of them leaves. */
import { Errno } from "./errno.ts";
import { Folder, type TreeNode } from "./tree.ts";

const STEPS_MAX = 256;

export interface Place {
  readonly folder: Folder;
  /** Of the entry in it; "" for the folder itself. */
  readonly name: string;
  readonly node: TreeNode | undefined;
  /** It ends with a slash: only a folder will do. */
  readonly mustBeFolder: boolean;
}

/** @throws {Errno} notcapable where it would leave the folder; noent, notdir, nametoolong */
export function placeOf(base: Folder, path: string): Place {
  if (path === "") throw new Errno("noent");
  if (path.startsWith("/")) throw new Errno("notcapable");
  const mustBeFolder = /(?:^|\/)\.{0,2}$/.test(path);
  const steps = path.split("/").filter((step) => step !== "" && step !== ".");
  if (steps.length > STEPS_MAX) throw new Errno("nametoolong");
  const above: Folder[] = [base];
  for (const [i, step] of steps.entries()) {
    const folder = above.at(-1) ?? base;
    if (step === "..") {
      if (above.length === 1) throw new Errno("notcapable");
      above.pop();
      continue;
    }
    const node = folder.entries.get(step);
    if (i === steps.length - 1) return { folder, name: step, node, mustBeFolder };
    if (node === undefined) throw new Errno("noent");
    if (!(node instanceof Folder)) throw new Errno("notdir");
    above.push(node);
  }
  const folder = above.at(-1) ?? base;
  return { folder, name: "", node: folder, mustBeFolder };
}

/** Of something that is there. */
export function existing({ node, mustBeFolder }: Place): TreeNode {
  if (node === undefined) throw new Errno("noent");
  if (mustBeFolder && !(node instanceof Folder)) throw new Errno("notdir");
  return node;
}
