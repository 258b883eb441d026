/** What the command's exit code says; 0 is success. */
export const EXIT_FAULT = 1;
/** As shells have it: 128 + SIGINT. */
export const EXIT_INTERRUPTED = 130;
