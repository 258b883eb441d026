import { FaultError, LIMITS, type Sentences } from "@pingo/core";

export const DATA_FORMATS = [".safetensors", ".csv"] as const;

/** `place` is where the job file names it: "job.yaml:5:10". */
export type PackFault =
  | { readonly code: "FILE_MISSING"; readonly place: string; readonly path: string }
  | {
      readonly code: "FILE_TOO_LARGE";
      readonly place: string;
      readonly path: string;
      readonly bytesMax: number;
    }
  | { readonly code: "FOLDER_EMPTY"; readonly place: string; readonly path: string }
  | {
      readonly code: "PIECES_TOO_MANY";
      readonly place: string;
      readonly pieces: number;
      readonly piecesMax: number;
    }
  | { readonly code: "DATA_FORMAT_UNSUPPORTED"; readonly place: string; readonly path: string }
  | {
      readonly code: "DATA_DTYPE_UNSUPPORTED";
      readonly path: string;
      readonly tensor: string;
      readonly dtype: string;
    }
  | {
      readonly code: "DATA_ROWS_DIFFER";
      readonly path: string;
      readonly tensor: string;
      readonly rows: number;
      readonly expected: number;
    }
  | { readonly code: "DATA_HAS_NO_ROWS"; readonly path: string; readonly tensor: string }
  | { readonly code: "DATASET_EMPTY"; readonly path: string }
  | {
      readonly code: "TARGET_MISSING";
      readonly place: string;
      readonly target: string;
      readonly path: string;
      readonly tensors: readonly string[];
    }
  | { readonly code: "CSV_INVALID"; readonly path: string; readonly line: number; readonly why: string };

const SENTENCES: Sentences<PackFault> = {
  FILE_MISSING: (f) => `${f.place}: there is no file ${f.path}`,
  FOLDER_EMPTY: (f) => `${f.place}: ${f.path} is empty, so there is no piece to run; put an input into it`,
  PIECES_TOO_MANY: (f) =>
    `${f.place}: the inputs come to ${f.pieces} pieces, and a job has at most ${f.piecesMax}; put several into one folder`,
  FILE_TOO_LARGE: (f) => `${f.place}: ${f.path} is larger than the ${f.bytesMax} bytes that are accepted`,
  DATA_FORMAT_UNSUPPORTED: (f) =>
    `${f.place}: ${f.path} is not of a format that can be read; the formats are ${DATA_FORMATS.join(" and ")}`,
  DATA_DTYPE_UNSUPPORTED: (f) =>
    `${f.path}: tensor "${f.tensor}" holds ${f.dtype}; a dataset holds float32, int64, int32, uint8 or bool`,
  DATA_ROWS_DIFFER: (f) =>
    `${f.path}: tensor "${f.tensor}" has ${f.rows} rows where the others have ${f.expected}; axis 0 is the row`,
  DATA_HAS_NO_ROWS: (f) =>
    `${f.path}: tensor "${f.tensor}" is a single number; axis 0 of every tensor is the row`,
  DATASET_EMPTY: (f) => `${f.path} has no rows`,
  TARGET_MISSING: (f) =>
    `${f.place}: ${f.path} has no tensor "${f.target}"; it has ${f.tensors.slice(0, 8).join(", ") || "none"}`,
  CSV_INVALID: (f) => `${f.path}:${f.line}: ${f.why}`,
};

export class PackError extends FaultError<PackFault> {
  override readonly name = "PackError";
  constructor(fault: PackFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

/** A fault found inside a file: its code stays, the place is put before its sentence. */
export class FileFaultError extends FaultError {
  override readonly name = "FileFaultError";
  constructor(place: string, inner: FaultError) {
    super({ code: inner.code }, { [inner.code]: () => `${place}: ${inner.message}` }, { cause: inner });
  }
}

/** Of one data file; it is held in memory while it is packed. */
export const DATA_FILE_BYTES_MAX = Math.min(LIMITS.datasetBytesMax, 2 ** 31 - 1);
