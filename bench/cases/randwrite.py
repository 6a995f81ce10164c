"""4 KiB random writes over NBD to an empty image: the table of subclusters, and the same load on a raw file.

Each cell is a fixed number of requests: a faster server must not get further into clusters that are allocated by
then."""
from harness.model import Case, Metric, Speedup, Suite, VersusCase
from harness.process import disk_mb, remove, settle, touch_free_memory, warm

from .common import MODES, REQUESTS, cache_modes, random_qcow2, serve_and_load

# Requests at queue depth 32 and 1: (extended, backing), (plain, backing), (extended, none), (plain, none).
REQUESTS_BY_CLUSTER = {
    "16K": ((24000, 6000), (16000, 5000), (24000, 6000), (24000, 6000)),
    "32K": ((24000, 6000), (12000, 4000), (24000, 6000), (24000, 6000)),
    "64K": ((24000, 6000), (8000, 3500), (24000, 6000), (20000, 5000)),
    "128K": ((24000, 6000), (5000, 3000), (24000, 6000), (16000, 5000)),
    "256K": ((20000, 5000), (3000, 2000), (20000, 5000), (12000, 4000)),
    "512K": ((16000, 4500), (1600, 1200), (16000, 4500), (8000, 3500)),
    "1M": ((12000, 4000), (900, 700), (12000, 4000), (5000, 2500)),
    "2M": ((8000, 3500), (500, 400), (8000, 3500), (3000, 2000)),
}
CLUSTERS = {"direct": tuple(REQUESTS_BY_CLUSTER), "cached": ("16K", "64K", "512K", "2M")}
QUICK_CLUSTERS = ("64K", "2M")
COPY_LIMIT_MB = 400
NEAR_RAW = ("64K", "128K", "256K")


def cluster_kib(name):
    return int(name[:-1]) * (1024 if name.endswith("M") else 1)


def cases(bench):
    size_mb = bench.size(4096, 256)
    image = bench.path("randwrite.qcow2")
    found = []

    def add_image(mode, depth, backing, cluster, extended):
        cache, aio = MODES[mode]
        column = (0 if extended == "on" else 1) + (0 if backing else 2)
        requests = REQUESTS_BY_CLUSTER[cluster][column][0 if depth > 1 else 1]
        if mode == "cached" and backing and extended == "off":       # what is copied must not fill the page cache
            requests = min(requests, COPY_LIMIT_MB * 1024 // cluster_kib(cluster))

        def measure(environment, run):
            options = f"cluster_size={cluster},extended_l2={extended}"
            base = random_qcow2(bench, "base.qcow2", size_mb) if backing else None
            bench.make_image(image, None if backing else f"{size_mb}M", options, base)
            settle()
            if mode == "cached":
                if backing:
                    warm(base)
                touch_free_memory(bench.size(2000, 300))
            figures = serve_and_load(bench, environment.serve_qcow2(image, cache, aio), "randwrite", "4k", depth,
                                     bench.requests(requests), f"{size_mb}M")
            figures["mb"] = disk_mb(image)
            if run == 0 and bench.verify:
                bench.check(image)
            remove(image)
            return figures

        suffix = "" if mode == "direct" else ", cached"
        copies = mode == "direct" and depth > 1 and backing and extended == "off"
        targets = [Speedup(1.2 if copies else 1.0)]
        if mode == "direct" and not backing and extended == "on" and cluster in NEAR_RAW:
            targets.append(VersusCase(f"raw file with holes QD{depth}", 0.9))
        name = f"{'backing' if backing else 'no backing'} QD{depth} {cluster} ext_l2={extended}{suffix}"
        found.append(Case(name, measure, ("nbd",), targets=tuple(targets), seconds=2.5 if mode == "direct" else 4))

    def add_raw(mode, depth):
        cache, aio = MODES[mode]
        path = bench.path("randwrite.raw")

        def measure(environment, _):
            remove(path)
            with open(path, "wb") as file:
                file.truncate(size_mb << 20)
            settle()
            try:
                return serve_and_load(bench, environment.serve_raw(path, cache, aio), "randwrite", "4k", depth,
                                      bench.requests(24000 if depth > 1 else 6000), f"{size_mb}M")
            finally:
                remove(path)
        suffix = "" if mode == "direct" else ", cached"
        found.append(Case(f"raw file with holes QD{depth}{suffix}", measure, ("nbd",), targets=(Speedup(1.0),),
                          seconds=2.5))

    for mode in cache_modes(bench):
        for depth in (32,) if bench.quick and mode == "cached" else (32, 1):
            add_raw(mode, depth)
            for backing in (True, False):
                for cluster in QUICK_CLUSTERS if bench.quick else CLUSTERS[mode]:
                    for extended in ("on", "off"):
                        add_image(mode, depth, backing, cluster, extended)
    return found


SUITE = Suite("randwrite", "4 KiB random writes to an empty image over NBD",
              REQUESTS + [Metric("mb", "image MB", ".0f")], cases)
