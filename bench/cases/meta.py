"""Commands that work on metadata: create, info, check, map, snapshot, resize, measure.

f64: 64 GiB, 64K clusters, 300,000 of them scattered. f16: the same of 16K clusters, fallocated. leaks: 100,000 clusters
and 200,000 leaked ones. p1T: 1 TiB, metadata preallocated."""
import json
import shutil

from harness import images
from harness.model import COSTS, Case, Speedup, Suite
from harness.process import RunFailed, remove, run, settle, touch_free_memory, warm


class Inputs:
    """The images, made when they are first asked for."""

    def __init__(self, bench):
        self._bench = bench
        self._scale = bench.size(1, 10)

    def f64(self):
        return self._fragmented("f64", 65536, 300_000)

    def f16(self):
        return self._fragmented("f16", 16384, 300_000, fallocate=True)

    def leaks(self):
        return self._fragmented("leaks", 65536, 100_000, leaks=200_000 // self._scale)

    def preallocated_1t(self):
        return self._preallocated("p1T.qcow2", "1T")

    def preallocated_64g(self):
        return self._preallocated("p64G.qcow2", "64G")

    def empty_1t(self):
        return self._bench.input("e1T.qcow2", lambda path: self._bench.make_image(path, "1T"))

    def with_snapshot(self):
        def make(path):
            shutil.copyfile(self.f64(), path)
            run(self._bench.reference.img + ["snapshot", "-c", "first", path])
        return self._bench.input("snapshot.qcow2", make)

    def _preallocated(self, name, size):
        return self._bench.input(name, lambda path: self._bench.make_image(path, size, "preallocation=metadata"))

    def _fragmented(self, name, cluster, count, leaks=0, fallocate=False):
        return self._bench.input(f"{name}.qcow2", lambda path: images.fragmented(
            path, 64 << 30, cluster, count // self._scale, leaks, fallocate))


def cases(bench):
    inputs = Inputs(bench)
    work = bench.path("meta.qcow2")
    found = []

    def reads(name, arguments, image, seconds, target=1.0, cold=False, same=None):
        """A command that only reads; same: what of its output must be equal to the reference's."""
        def measure(environment, run_number):
            path = image()
            settle(drop_caches=cold)
            if not cold:
                warm(path)
            done = run(environment.img + arguments + [path])
            if same and run_number == 0 and bench.verify:
                if same(done.output) != same(run(bench.reference.img + arguments + [path]).output):
                    raise RunFailed(f"{name}: the output differs from the reference's")
            return done.costs()
        found.append(Case(name, measure, targets=(Speedup(target),), seconds=seconds))

    def changes(name, arguments, image, seconds, target=1.0, size="", touch_mb=64):
        """A command that makes an image, or changes a copy of one."""
        def measure(environment, run_number):
            remove(work)
            if image:
                run(["cp", "--sparse=always", "--reflink=auto", image(), work])
            touch_free_memory(touch_mb)
            settle()
            done = run(environment.img + arguments + [work] + ([size] if size else []))
            if run_number == 0 and bench.verify:
                bench.check(work)
            remove(work)
            return done.costs()
        found.append(Case(name, measure, targets=(Speedup(target),), seconds=seconds))

    create = ["create", "-q", "-f", "qcow2"]
    changes("create 1 TiB", create, None, 0.2, size="1T")
    changes("create 64 GiB preallocation=metadata", create + ["-o", "preallocation=metadata"], None, 0.5, size="64G")
    if not bench.quick:
        changes("create 1 TiB preallocation=metadata", create + ["-o", "preallocation=metadata"], None, 4, size="1T",
                touch_mb=300)
    reads("info f64", ["info"], inputs.f64, 0.2)
    reads("info --output=json p1T", ["info", "--output=json"], inputs.preallocated_1t, 0.2)
    reads("check f64", ["check"], inputs.f64, 6, 5.0, same=bytes)
    reads("check f64, cold", ["check"], inputs.f64, 6, 5.0, cold=True)
    reads("check f16", ["check"], inputs.f16, 8, 5.0)
    reads("check p1T", ["check"], inputs.preallocated_1t, 2)
    changes("check -r leaks, 200,000 leaks", ["check", "-q", "-r", "leaks"], inputs.leaks, 8, 5.0)
    for name, image in (("f64", inputs.f64), ("f16", inputs.f16), ("p1T", inputs.preallocated_1t)):
        reads(f"map --output=json {name}", ["map", "--output=json"], image, 1.5, same=json.loads)
    reads("measure -O qcow2 f16", ["measure", "-O", "qcow2"], inputs.f16, 0.5, same=bytes)
    changes("resize 64 to 128 GiB", ["resize", "-q"], inputs.f64, 1, size="128G")
    changes("resize --preallocation=metadata +64 GiB", ["resize", "-q", "--preallocation=metadata"], inputs.f64, 1,
            size="+64G")
    snapshot = ["snapshot", "-c", "second"]
    changes("snapshot -c, empty 1 TiB", snapshot, inputs.empty_1t, 0.2)
    changes("snapshot -c, 64 GiB preallocated", snapshot, inputs.preallocated_64g, 1)
    changes("snapshot -c f64", snapshot, inputs.f64, 13, 5.0)
    changes("snapshot -d f64", ["snapshot", "-d", "first"], inputs.with_snapshot, 58, 5.0)
    return found


SUITE = Suite("meta", "Commands on metadata (the page cache is warm unless it says cold)", COSTS, cases)
