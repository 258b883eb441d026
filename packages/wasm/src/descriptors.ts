/** The piece's open files, by number: whatever number it names, it gets one of its own or an error. */
import { Errno } from "./errno.ts";
import { Folder, OutputFile, type TreeNode } from "./tree.ts";

const OPEN_MAX = 256;

export interface Descriptor {
  readonly node: TreeNode;
  /** What the piece was given it as, at the start; null of what it opened itself. */
  readonly preopen: string | null;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  isAppending: boolean;
  offset: number;
}

export class Descriptors {
  readonly #byNumber = new Map<number, Descriptor>();

  /** At the lowest free number. @throws {Errno} mfile */
  open(descriptor: Descriptor): number {
    if (this.#byNumber.size >= OPEN_MAX) throw new Errno("mfile");
    let number = 0;
    while (this.#byNumber.has(number)) number++;
    if (descriptor.node instanceof OutputFile) descriptor.node.opened();
    this.#byNumber.set(number, descriptor);
    return number;
  }

  /** @throws {Errno} badf */
  at(number: number): Descriptor {
    const found = this.#byNumber.get(number);
    if (found === undefined) throw new Errno("badf");
    return found;
  }

  /** @throws {Errno} badf, notdir */
  folderAt(number: number): Folder {
    const { node } = this.at(number);
    if (!(node instanceof Folder)) throw new Errno("notdir");
    return node;
  }

  close(number: number): void {
    const { node } = this.at(number);
    this.#byNumber.delete(number);
    if (node instanceof OutputFile) node.closed();
  }

  renumber(from: number, to: number): void {
    const descriptor = this.at(from);
    this.at(to);
    if (from === to) return;
    this.close(to);
    this.#byNumber.delete(from);
    this.#byNumber.set(to, descriptor);
  }
}
