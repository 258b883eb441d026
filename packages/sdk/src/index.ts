/** What an application imports: read a job file, pack it, submit it, follow it, fetch the result. */
export { EVENTS_GIVE_UP_MS, EVENTS_IDLE_MS } from "./event-stream.ts";
export {
  type CallOptions,
  connect,
  type DownloadOptions,
  type FogClient,
  type FogClientOptions,
  type FollowOptions,
  type ResultFiles,
  type Stored,
  type SubmitOptions,
} from "./fog-client.ts";
export { FogError, type FogFault } from "./fog-error.ts";
export { openIdentity } from "./identity.ts";
export { type JobFile, JobFileError, type JobFileFault, parseJobFile, readJobFile } from "./job-file.ts";
export type { UploadProgress } from "./only-missing.ts";
export { DATA_FORMATS, FileFaultError, PackError, type PackFault } from "./pack-error.ts";
export { packJob } from "./pack-job.ts";
export { type PreparedJob, type PrepareOptions, prepareJob } from "./prepare-job.ts";
