/** WebAssembly modules of strangers: checked, bound, and run with WASI preview 1 over blocks. */
export { limitModule } from "./module.ts";
export {
  leavesOf,
  type PieceToRun,
  readInput,
  readResultEnd,
  runStoredPiece,
  sizeOfTree,
} from "./stored-piece.ts";
export { WasmError, type WasmFault } from "./wasm-error.ts";
