/** Runs an example's main and tells what went wrong in one line: the stack is for those who change the example. */
export async function tell(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
    process.exitCode = 1;
  }
}
