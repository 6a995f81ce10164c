"""convert, compare and commit of a real disk. The source is in the page cache unless the target is direct."""
from harness.model import COSTS, Case, Metric, Speedup, Suite
from harness.process import disk_mb, remove, run, settle, touch_free_memory, warm

from .common import cache_modes, compressions, real_raw
from .places import Copy

ZSTD = ["-o", "compression_type=zstd"]


def cases(bench):
    found = []

    def packed(place, name, options):
        def make(path):
            raw = real_raw(bench, place)
            run(bench.reference.img + ["convert", "-f", "raw", "-O", "qcow2"] + options + [raw, path])
        return bench.input(f"real{name}.qcow2", make, place)

    def plain(place):
        return packed(place, "", [])

    def zlib(place):
        return packed(place, "-zlib", ["-c"])

    def zstd(place):
        return packed(place, "-zstd", ["-c"] + ZSTD)

    def add(name, source, source_format, target_format, options, seconds, pair, direct=False):
        arguments = ["convert"] + options + (["-t", "none", "-T", "none"] if direct else [])
        where = f", {':'.join(pair)}" if len(bench.options.pairs) > 1 else ""

        def measure(environment, run_number):
            return Copy(bench, pair, source, source_format, target_format).run(
                environment, arguments, direct, verify=run_number == 0 and bench.verify)
        found.append(Case(f"{name}, {'direct' if direct else 'cached'}{where}", measure, targets=(Speedup(1.0),),
                          seconds=seconds))

    for pair in bench.options.pairs:
        for compressed in compressions(bench):
            for mode in cache_modes(bench):
                direct = mode == "direct"
                if not compressed:
                    add("raw to qcow2", lambda place: real_raw(bench, place), "raw", "qcow2", [], 3, pair, direct)
                    add("qcow2 to raw", plain, "qcow2", "raw", [], 3, pair, direct)
                    add("qcow2 to qcow2", plain, "qcow2", "qcow2", [], 3, pair, direct)
                    add("zlib qcow2 to raw", zlib, "qcow2", "raw", [], 4, pair, direct)
                    add("zstd qcow2 to raw", zstd, "qcow2", "raw", [], 3, pair, direct)
                elif not direct:                                     # the suite "compressed" has the direct ones
                    add("qcow2 to qcow2 -c zlib", plain, "qcow2", "qcow2", ["-c"], 28, pair)
                    add("qcow2 to qcow2 -c zlib -m 16 -W", plain, "qcow2", "qcow2", ["-c", "-m", "16", "-W"], 21, pair)
                    add("qcow2 to qcow2 -c zstd", plain, "qcow2", "qcow2", ["-c"] + ZSTD, 6, pair)
    return found + comparisons(bench, plain, zlib) + [commit(bench)]


def comparisons(bench, plain, zlib):
    def case(name, image, seconds):
        def measure(environment, _):
            raw, other = real_raw(bench), image(None)
            warm(raw, other)
            return run(environment.img + ["compare", "-f", "raw", "-F", "qcow2", raw, other]).costs()
        return Case(name, measure, targets=(Speedup(1.0),), seconds=seconds)
    return [case("compare raw and qcow2", plain, 1), case("compare raw and zlib qcow2", zlib, 6)]


def commit(bench):
    base, overlay = bench.path("commit-base.qcow2"), bench.path("commit.qcow2")

    def measure(environment, run_number):
        size = f"{bench.size(2048, 256)}M"
        raw = real_raw(bench)
        bench.make_image(base, size)
        remove(overlay)
        run(bench.reference.img + ["convert", "-B", base, "-F", "qcow2", "-f", "raw", "-O", "qcow2", raw, overlay])
        settle()
        warm(overlay)
        touch_free_memory(bench.size(1800, 200))
        try:
            figures = run(environment.img + ["commit", "-q", "-f", "qcow2", overlay]).costs()
            if run_number == 0 and bench.verify:
                run(bench.reference.img + ["compare", "-q", "-f", "raw", "-F", "qcow2", raw, base])
            return {**figures, "mb": disk_mb(base)}
        finally:
            remove(base, overlay)
    return Case("commit an overlay", measure, targets=(Speedup(1.0),), seconds=5)


SUITE = Suite("convert", "convert, compare and commit of a real disk (2 GB with 1 GB of files)",
              COSTS + [Metric("cpu_gb", "CPU s/GB", ".2f"), Metric("mb", "target MB", ".0f")], cases)
