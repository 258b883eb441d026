/** What an upload is refused for, and one sentence for each. */
import { type Cid, FaultError, formatBytes, type Sentences } from "@pingo/core";

export type UploadFault =
  | { readonly code: "METHOD_NOT_ALLOWED"; readonly method: string }
  | { readonly code: "UPLOAD_TOO_LARGE"; readonly bytesMax: number }
  | { readonly code: "UPLOADS_TOO_MANY"; readonly bytesMax: number; readonly againSeconds: number }
  | { readonly code: "UPLOAD_MISMATCH"; readonly cid: Cid }
  | { readonly code: "UPLOAD_TOO_SLOW"; readonly timeoutMs: number }
  | { readonly code: "UPLOAD_SILENT"; readonly silenceMs: number }
  | { readonly code: "UPLOAD_CUT" };

const SENTENCES: Sentences<UploadFault> = {
  METHOD_NOT_ALLOWED: (f) => `${f.method} is not possible here; use GET, HEAD or PUT`,
  UPLOAD_TOO_LARGE: (f) => `a block has at most ${f.bytesMax} bytes; cut the file into smaller blocks`,
  UPLOADS_TOO_MANY: (f) =>
    `the uploads under way fill the ${formatBytes(f.bytesMax)} that are kept for them; send it again in ${f.againSeconds} seconds`,
  UPLOAD_MISMATCH: (f) => `the bytes received are not block ${f.cid}; send them again`,
  UPLOAD_TOO_SLOW: (f) => `the upload did not arrive within ${f.timeoutMs} ms; send it again`,
  UPLOAD_SILENT: (f) => `nothing of the upload came for ${f.silenceMs} ms; send it again`,
  UPLOAD_CUT: () => "the upload ended early; send it again",
};

export class UploadError extends FaultError<UploadFault> {
  override readonly name = "UploadError";
  constructor(fault: UploadFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
