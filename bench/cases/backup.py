"""A full backup of a disk by up to 64 workers: direct and cached targets, plain and compressed.

QEMU does it by the job blockdev-backup of a running process; its seconds are those of the job and of closing the
target. Ours has no such command yet: its nearest is a conversion that writes in any order, with the start of its
process."""
import os
import shutil
import time

from harness import images
from harness.model import COSTS, Case, Metric, Speedup, Suite
from harness.monitor import Monitor
from harness.process import RunFailed, disk_mb, remove, run, settle, touch_free_memory, warm

from .common import cache_modes, compressions, real_raw

SYSTEM = "qemu-system-x86_64"
WORKERS = 64


def cases(bench):
    def ones(place):
        return bench.input("ones.raw", lambda path: images.ones(path, bench.size(1000, 100)), place)

    def real(place):
        return real_raw(bench, place)

    found = []
    pairs = [pair for pair in bench.options.pairs if "nbd" not in pair]
    for pair in pairs:
        where = f", {':'.join(pair)}" if len(pairs) > 1 else ""
        for source, name in ((ones, "ones 1000 MB"), (real, "real disk")):
            for compressed in compressions(bench):
                for mode in cache_modes(bench):
                    found.append(Case(
                        f"{name}, {'compressed' if compressed else 'plain'}, {mode}{where}",
                        measure_function(bench, source, pair, compressed, mode == "direct"),
                        targets=(Speedup(1.0),), seconds=8 if compressed else 4))
    return found


def measure_function(bench, source, pair, compressed, direct):
    def measure(environment, run_number):
        path, target = source(pair[0]), bench.path("backup.qcow2", pair[1])
        bench.make_image(target, str(os.path.getsize(path)))
        settle()
        warm(path)
        touch_free_memory(bench.size(1500, 200))
        backup = by_job if environment.name == "qemu" else by_conversion
        figures = backup(environment, path, target, compressed, direct)
        if run_number == 0 and bench.verify:
            run(bench.reference.img + ["compare", "-q", "-f", "raw", "-F", "qcow2", path, target])
            bench.check(target)
        figures["mb"] = disk_mb(target)
        remove(target)
        return figures
    return measure


def by_job(_, path, target, compressed, direct):
    if not shutil.which(SYSTEM):
        raise RunFailed(f"{SYSTEM} is missing")
    cache = {"direct": direct}
    with Monitor(SYSTEM) as monitor:
        monitor.execute("blockdev-add", driver="raw", node_name="source", read_only=True,
                        file={"driver": "file", "filename": path})
        monitor.execute("blockdev-add", driver="qcow2", node_name="target", cache=cache,
                        file={"driver": "file", "filename": target, "cache": cache, "aio": "threads"})
        started = time.perf_counter()
        monitor.run_job("blockdev-backup", device="source", target="target", sync="full", compress=compressed,
                        x_perf={"max-workers": WORKERS})
        monitor.execute("blockdev-del", node_name="target")
        return {"wall": time.perf_counter() - started, **monitor.costs()}


def by_conversion(environment, path, target, compressed, direct):
    return run(environment.img + ["convert", "-n", "-W", "-m", "16", "-f", "raw", "-O", "qcow2", "-t",
                                  "none" if direct else "writeback"] + (["-c"] if compressed else [])
               + [path, target]).costs()


SUITE = Suite("backup", "Full backup to a qcow2 image (zlib where compressed)",
              COSTS + [Metric("mb", "target MB", ".0f")], cases,
              ["QEMU: the job blockdev-backup, 64 workers. Byre: convert -n -W -m 16, a whole process."])
