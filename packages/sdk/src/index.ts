/** What an application imports: read a job file, pack it, submit it, follow it, fetch the result; or train it here. */
export type { LocalProgress } from "@pingo/training";
export { EVENTS_GIVE_UP_MS, EVENTS_IDLE_MS } from "./event-stream.ts";
export {
  type CallOptions,
  connect,
  type DownloadOptions,
  type FogClient,
  type FogClientOptions,
  type FollowOptions,
  type Linked,
  type ResultFiles,
  type RunFiles,
  type Stored,
  type SubmitOptions,
  type TrainFiles,
} from "./fog-client.ts";
export { FogError, type FogFault } from "./fog-error.ts";
export { openIdentity } from "./identity.ts";
export { type JobFile, JobFileError, type JobFileFault, parseJobFile, readJobFile } from "./job-file.ts";
export { LocalError, type LocalFault } from "./local/local-error.ts";
export { type LocalOptions, type LocalResult, trainHere } from "./local/train-here.ts";
export type { UploadProgress } from "./only-missing.ts";
export { DATA_FORMATS, FileFaultError, PackError, type PackFault } from "./pack-error.ts";
export { packJob } from "./pack-job.ts";
export { type PreparedJob, type PrepareOptions, prepareJob } from "./prepare-job.ts";
export { type PreparedRun, prepareRun } from "./prepare-run.ts";
export { isRunFile, parseRunFile, type RunFile, readRunFile } from "./run-file.ts";
