import { FaultError, type Sentences } from "@pingo/core";

export type FogFault =
  | { readonly code: "FOG_UNREACHABLE"; readonly url: string; readonly why: string }
  | { readonly code: "FOG_ANSWER_INVALID"; readonly url: string; readonly why: string }
  | { readonly code: "FOG_URL_INVALID"; readonly url: string }
  | {
      readonly code: "RESULT_NOT_READY";
      readonly job: string;
      readonly state: string;
      readonly reason: string | null;
    }
  | { readonly code: "KEY_NEEDED"; readonly what: string }
  | { readonly code: "KEY_FILE_INVALID"; readonly path: string };

const SENTENCES: Sentences<FogFault> = {
  FOG_UNREACHABLE: (f) =>
    `no fog node answers at ${f.url} (${f.why}); start one with "pingo up", or name another with --fog or PINGO_FOG`,
  FOG_ANSWER_INVALID: (f) => `${f.url} did not answer as a fog node does: ${f.why}`,
  FOG_URL_INVALID: (f) =>
    `"${f.url}" is not the address of a fog node; expected something like http://127.0.0.1:4710`,
  RESULT_NOT_READY: (f) =>
    `the job ${f.job} has no result: it is ${f.state}${f.reason === null ? "" : ` (${f.reason})`}; see "pingo job show ${f.job}"`,
  KEY_NEEDED: (f) => `${f.what} must be signed, and no key was given`,
  KEY_FILE_INVALID: (f) =>
    `${f.path} holds no PinGo key (64 hexadecimal digits); move it away to get a new identity`,
};

export class FogError extends FaultError<FogFault> {
  override readonly name = "FogError";
  constructor(fault: FogFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
