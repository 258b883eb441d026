/** A dataset as the user has it: a file of tensors whose axis 0 is the row. */
import { extname } from "node:path";
import type { Tensor } from "@pingo/autograd";
import { type DatasetDType, type DatasetField, type Disk, DiskError, isFault } from "@pingo/core";
import { decodeSafetensors } from "@pingo/storage";
import { parseCsv } from "./csv.ts";
import { DATA_FILE_BYTES_MAX, FileFaultError, PackError } from "./pack-error.ts";

export interface DataFile {
  readonly path: string;
  readonly rows: number;
  readonly fields: readonly DatasetField[];
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** What names the file: where in the job file, and which tensor the labels are. */
export interface DataFileUse {
  readonly place: string;
  readonly targetPlace: string;
  readonly target: string;
}

/**
 * @throws {PackError} FILE_MISSING, FILE_TOO_LARGE, DATA_FORMAT_UNSUPPORTED, DATASET_EMPTY, TARGET_MISSING and more
 */
export async function readDataFile(path: string, use: DataFileUse, disk: Disk): Promise<DataFile> {
  const bytes = await readFileAtMost(path, use.place, DATA_FILE_BYTES_MAX, disk);
  const tensors = tensorsOf(bytes, path, use);
  return { path, ...describe(tensors, path, use), tensors };
}

/** @throws {PackError} FILE_MISSING, FILE_TOO_LARGE; {FileFaultError} what the disk says, with the place */
export async function readFileAtMost(
  path: string,
  place: string,
  bytesMax: number,
  disk: Disk,
): Promise<Uint8Array> {
  try {
    const sizeBytes = await disk.sizeBytes(path);
    if (sizeBytes !== undefined && sizeBytes > bytesMax) {
      throw new PackError({ code: "FILE_TOO_LARGE", place, path, bytesMax });
    }
    const bytes = sizeBytes === undefined ? undefined : await disk.read(path);
    if (!bytes) throw new PackError({ code: "FILE_MISSING", place, path });
    return bytes;
  } catch (error) {
    throw error instanceof DiskError ? new FileFaultError(place, error) : error;
  }
}

function tensorsOf(bytes: Uint8Array, path: string, use: DataFileUse): ReadonlyMap<string, Tensor> {
  switch (extname(path).toLowerCase()) {
    case ".safetensors":
      try {
        return decodeSafetensors(bytes);
      } catch (error) {
        if (isFault(error)) throw new FileFaultError(path, error);
        throw error;
      }
    case ".csv":
      return parseCsv(new TextDecoder().decode(bytes), use.target, path);
    default:
      throw new PackError({ code: "DATA_FORMAT_UNSUPPORTED", place: use.place, path });
  }
}

function describe(
  tensors: ReadonlyMap<string, Tensor>,
  path: string,
  use: DataFileUse,
): { readonly rows: number; readonly fields: readonly DatasetField[] } {
  const target = tensors.get(use.target);
  if (!target) {
    const names = [...tensors.keys()];
    throw new PackError({
      code: "TARGET_MISSING",
      place: use.targetPlace,
      target: use.target,
      path,
      tensors: names,
    });
  }
  const rows = rowsOf(target, use.target, path);
  if (rows === 0) throw new PackError({ code: "DATASET_EMPTY", path });
  const fields = Array.from(tensors, ([name, tensor]): DatasetField => {
    const ownRows = rowsOf(tensor, name, path);
    if (ownRows !== rows) {
      throw new PackError({ code: "DATA_ROWS_DIFFER", path, tensor: name, rows: ownRows, expected: rows });
    }
    return { name, dtype: datasetDType(tensor, name, path), rowShape: tensor.shape.slice(1) };
  });
  return { rows, fields };
}

function rowsOf(tensor: Tensor, name: string, path: string): number {
  const [rows] = tensor.shape;
  if (rows === undefined) throw new PackError({ code: "DATA_HAS_NO_ROWS", path, tensor: name });
  return rows;
}

function datasetDType({ dtype }: Tensor, name: string, path: string): DatasetDType {
  if (dtype === "float64" || dtype === "int8") {
    throw new PackError({ code: "DATA_DTYPE_UNSUPPORTED", path, tensor: name, dtype });
  }
  return dtype;
}
