"""4 KiB random reads over NBD: what a look-up costs, and what a miss in the L2 cache costs.

full: 8 GiB, 64K clusters, all of them written. huge: 1 TiB, metadata preallocated (128 MiB of L2 tables), the data a
hole. The same requests for all environments."""
from harness.model import Case, Speedup, Suite
from harness.process import settle, touch_free_memory, warm

from .common import MODES, REQUESTS, cache_modes, random_qcow2, serve_and_load

L2_CACHES = (("default L2 cache", ""), ("L2 cache 256K", "l2-cache-size=256K"),
             ("L2 cache 256K of 4K slices", "l2-cache-size=256K,l2-cache-entry-size=4096"))


def cases(bench):
    full_mb, huge_gb = bench.size((8192, 1024), (512, 64))
    few, many = bench.requests(15000), bench.requests(50000)
    found = []

    def add(name, image, size, cache, aio, depth, options="", share=1, target=1.0):
        def measure(environment, _):
            path = image()
            if cache == "none":
                settle(drop_caches=True)
            else:
                touch_free_memory(full_mb + 100)
                warm(path)
            return serve_and_load(bench, environment.serve_qcow2(path, cache, aio, options), "randread", "4k", depth,
                                  int((few if depth == 1 else many) * share), size, ["--norandommap"])
        found.append(Case(f"{name}, QD{depth}", measure, ("nbd",), targets=(Speedup(target),), seconds=3))

    def full():
        return random_qcow2(bench, "full.qcow2", full_mb)

    def huge():
        return bench.input("huge.qcow2", lambda path: bench.make_image(path, f"{huge_gb}G", "preallocation=metadata"))

    for mode in cache_modes(bench):
        cache, aio = MODES[mode]
        for depth in (1, 32):
            if mode == "cached":
                add("full, page cache, writeback:threads", full, f"{full_mb}M", cache, aio, depth)
                continue
            for name, options in L2_CACHES:
                add(f"full, direct, {name}", full, f"{full_mb}M", cache, aio, depth, options, 0.5 if options else 1,
                    2.0 if options and depth > 1 else 1.0)
            add("full, direct, aio=native", full, f"{full_mb}M", cache, "native", depth)
            add("1 TiB, direct, default L2 cache", huge, f"{huge_gb}G", cache, aio, depth, "", 0.5,
                2.0 if depth > 1 else 1.0)
        if mode == "cached":
            add("full, page cache, writeback:io_uring", full, f"{full_mb}M", cache, "io_uring", 32)
    return found


SUITE = Suite("randread", "4 KiB random reads over NBD", REQUESTS, cases)
