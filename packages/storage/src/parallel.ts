/** Runs `task` over the items in order of arrival, at most `width` at once; the first failure ends it. */
export async function forEachParallel<T>(
  items: Iterable<T>,
  width: number,
  task: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  let index = 0;
  let hasFailed = false;
  const work = async (): Promise<void> => {
    for (let next = queue.next(); !next.done && !hasFailed; next = queue.next()) {
      try {
        await task(next.value, index++);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: width }, work));
}
