/** An ordered, reliable stream of bytes to one peer: what a channel stands on. */
export interface Pipe {
  /** False when bytes pile up: `drained` says when to go on. */
  send(bytes: Uint8Array): boolean;
  /** Rejects when the pipe ends first. */
  drained(): Promise<void>;
  /** Called once; what came before is delivered then. */
  open(listener: PipeListener): void;
  /** Ends this side after what was sent. */
  close(): Promise<void>;
  /** Drops the whole connection at once. */
  abort(reason: Error): void;
}

export interface PipeListener {
  received(chunk: Uint8Array): void;
  /** Once. `lost` is null when the other side ended the stream in order. */
  ended(lost: string | null): void;
}
