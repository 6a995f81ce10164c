"""Sequential writes smaller than a cluster on an overlay: how often is the same cluster read and copied?"""
from harness.model import Case, Speedup, Suite, Within
from harness.process import settle

from .common import MODES, REQUESTS, cache_modes, random_qcow2, serve_and_load
from .iocount import METRICS, counted

SIZES = ((4096, "4 KiB"), (6000, "6,000-byte"))
CACHE = "data-cache-size=1M"


def cache_option(environment):
    """QEMU has no such cache: its figures in these cases are those without."""
    return "" if environment.name == "qemu" else CACHE


def sequential_writes(size, count):
    return [f"write -q -P {position % 255 + 1} {position * size} {size}" for position in range(count)]


def count_cases(bench):
    count = bench.size(1000, 160)
    cases = []
    for size, name in SIZES:
        clusters = count * size // 65536 + 1
        commands = sequential_writes(size, count)
        cases.append(Case(f"{count} sequential {name} writes, overlay",
                          counted(bench, commands, size * count, overlay=True), ("io",), targets=(Speedup(1.0),),
                          seconds=4, is_count=True))
        cases.append(Case(f"{count} sequential {name} writes, overlay, {CACHE}",
                          counted(bench, commands, size * count, overlay=True, driver=cache_option), ("io",),
                          targets=(Within("backing_reads", at_most=24), Within("data", at_most=2 * clusters + 8)),
                          seconds=4, is_count=True))
    return cases


def time_cases(bench):
    size_mb, requests = bench.size((4096, 20000), (256, 2000))
    overlay = bench.path("data-cache.qcow2")
    cases = []
    for mode in cache_modes(bench):
        cache, aio = MODES[mode]
        for cached in (False, True):
            def measure(environment, _, cache=cache, aio=aio, cached=cached):
                bench.make_image(overlay, backing=random_qcow2(bench, "base.qcow2", size_mb))
                settle(cache == "none")
                command = environment.serve_qcow2(overlay, cache, aio, cache_option(environment) if cached else "")
                return serve_and_load(bench, command, "write", "4k", 1, requests, f"{size_mb}M")
            name = f"sequential 4 KiB writes, overlay, QD1, {mode}" + (f", {CACHE}" if cached else "")
            cases.append(Case(name, measure, ("nbd",), targets=(Speedup(1.2 if cached else 1.0),), seconds=5))
    return cases


COUNTS = Suite("data-cache", "Sequential writes smaller than a cluster: counts", METRICS, count_cases)
TIMES = Suite("data-cache-time", "Sequential writes smaller than a cluster over NBD", REQUESTS, time_cases)
