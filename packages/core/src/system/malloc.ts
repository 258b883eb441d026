/** How malloc of the GNU C library behaves in a process of ours: it reads this from the environment once, at the start. */

/** One arena, and large blocks go back to the system when freed. SOURCE: mallopt(3). */
export const GIVE_BACK = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRIM_THRESHOLD_: "131072",
  MALLOC_MMAP_THRESHOLD_: "131072",
} as const;

/**
 * Large blocks in pages of 2 MiB where the kernel gives them to who asks (`madvise`): for processes that train, which
 * take 2 to 9 % less time a step for 1 to 5 MiB more (adr/0003). An older library and others pay no heed.
 * SOURCE: GNU C Library manual, "Memory Allocation Tunables", 2.35.
 */
export const HUGE_PAGES = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" } as const;

/** What the library reads to learn whether the kernel gives them. */
export const HUGE_PAGES_FOLDER = "/sys/kernel/mm/transparent_hugepage";
