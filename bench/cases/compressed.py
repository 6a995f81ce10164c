"""Compressed copies, which are made of small unaligned writes: through O_DIRECT and through the page cache."""
from harness import images
from harness.model import COSTS, Case, Metric, Speedup, Suite, VersusCase, Within

from .common import cache_modes, real_raw
from .places import SLOW, Copy

ZSTD = ["-o", "compression_type=zstd"]
UNORDERED = ["-W", "-m", "16"]


def cases(bench):
    if bench.options.compressed == "off":
        return []

    def ones(place):
        return bench.input("ones.raw", lambda path: images.ones(path, bench.size(1000, 100)), place)

    def real(place):
        return real_raw(bench, place)

    found = []
    kinds = [(ones, "ones 1000 MB, zlib", [], 13), (ones, "ones 1000 MB, zstd", ZSTD, 4),
             (ones, "ones 1000 MB, zlib -W -m 16", UNORDERED, 7), (real, "real disk, zstd", ZSTD, 9),
             (real, "real disk, zstd -W -m 16", ZSTD + UNORDERED, 5)]
    for pair in bench.options.pairs:
        where = f", {':'.join(pair)}" if len(bench.options.pairs) > 1 else ""
        for source, name, options, seconds in kinds:
            for mode in cache_modes(bench):
                def measure(environment, run_number, source=source, options=options, mode=mode, pair=pair):
                    # The source is in the page cache either way: it is the writing that is measured.
                    return Copy(bench, pair, source, "raw", "qcow2").run(
                        environment, ["convert", "-c"] + options + ["-t", "none" if mode == "direct" else "writeback"],
                        direct=False, verify=run_number == 0 and bench.verify)
                targets = [Speedup(1.0)]
                if mode == "direct":
                    targets.append(Within("cached_mb", at_most=64))
                if mode == "direct" and bench.options.cache == "both":
                    targets.append(VersusCase(f"{name}, cached{where}", 1 / 1.05))
                found.append(Case(f"{name}, {mode}{where}", measure, targets=tuple(targets), seconds=seconds))

    def onto_slow_device(environment, run_number):
        return Copy(bench, (None, SLOW), ones, "raw", "qcow2").run(
            environment, ["convert", "-c"] + ZSTD, direct=False, verify=run_number == 0 and bench.verify)
    found.append(Case("ones 1000 MB, zstd, a device that takes 2 ms for a write", onto_slow_device,
                      targets=(Speedup(20.0),), seconds=30))
    return found


SUITE = Suite("compressed", "convert -c",
              COSTS + [Metric("cpu_gb", "CPU s/GB", ".2f"), Metric("mb", "target MB", ".0f"),
                       Metric("cached_mb", "page cache grows by MB", ".0f")], cases)
