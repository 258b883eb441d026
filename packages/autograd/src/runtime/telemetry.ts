/**
 * Declines the telemetry of ONNX Runtime's native build.
 *
 * Unless told otherwise before it is loaded, it writes an id and a database below the user's ~/.cache and sends what it
 * counts to its makers. Neither is ours to give. The variable is read from the process, so it must be set in the main
 * thread: a worker thread of Node has only a copy of the environment.
 * SOURCE: onnxruntime 1.30, core/platform/posix/telemetry.cc; strace of a process that loads it
 */
export function declineTelemetry(): void {
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
}
