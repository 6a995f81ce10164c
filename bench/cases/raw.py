"""The server alone: raw files over NBD, beside servers that do nothing else."""
from harness.environments import Nbdkit
from harness.images import random_file
from harness.model import Case, Metric, Speedup, Suite
from harness.process import settle, touch_free_memory, warm

from .common import MODES, REQUESTS, cache_modes, serve_and_load


def cases(bench):
    size_mb = bench.size(1024, 256)
    few, many, large = bench.requests(8000), bench.requests(40000), bench.size(1024, 256)
    found = []

    def add(operation, block, depth, requests, mode):
        def measure(environment, _):
            path = bench.input("raw.raw", lambda new: random_file(new, size_mb))
            settle(drop_caches=mode == "direct")
            if mode == "cached":
                touch_free_memory(size_mb + 100)
                warm(path)
            return serve_and_load(bench, environment.serve_raw(path, *MODES[mode]), operation, block, depth, requests,
                                  f"{size_mb}M", ["--norandommap"] if operation.startswith("rand") else [])
        # nbdkit's plugins know no O_DIRECT.
        found.append(Case(f"{operation} {block} QD{depth}, {mode}", measure, ("serve-raw",),
                          only=tuple(one.name for one in bench.environments if one.nbd) if mode == "direct" else (),
                          targets=(Speedup(1.0),), seconds=3))

    for mode in cache_modes(bench):
        for operation in ("randread", "randwrite"):
            add(operation, "4k", 1, few, mode)
            add(operation, "4k", 32, many, mode)
        for operation in ("read", "write"):
            add(operation, "1m", 4, large, mode)
    return found


SUITE = Suite("raw", "A raw file over NBD: the servers themselves", REQUESTS[:1] + [Metric("mbs", "MB/s", ".0f")]
              + REQUESTS[1:], cases, extra_environments=(Nbdkit("memory"), Nbdkit("file")))
