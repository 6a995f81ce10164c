"""Sequential 1 MiB reads and writes over NBD, and nbdcopy."""
import shutil

from harness.model import Case, Speedup, Suite
from harness.nbd import Server
from harness.process import RunFailed, run, settle, touch_free_memory, warm

from .common import MODES, THROUGHPUT, cache_modes, random_qcow2, serve_and_load


def cases(bench):
    size_mb, requests = bench.size((8192, 2048), (512, 256))
    found = []

    def full():
        return random_qcow2(bench, "full.qcow2", size_mb)

    def empty():
        path = bench.path("sequential.qcow2")
        bench.make_image(path, f"{size_mb // 2}M")
        return path

    def prepare(image, mode):
        path = image()
        settle(drop_caches=mode == "direct")
        if mode == "cached":
            touch_free_memory(requests + 200)
            if image is full:
                warm(path)
        return path

    def add(name, image, operation, mode, depth):
        def measure(environment, _):
            path = prepare(image, mode)
            return serve_and_load(bench, environment.serve_qcow2(path, *MODES[mode]), operation, "1m", depth, requests,
                                  f"{size_mb if image is full else size_mb // 2}M")
        found.append(Case(f"{name}, {mode}, QD{depth}", measure, ("nbd",), targets=(Speedup(1.0),), seconds=5))

    def add_copy(mode):
        def measure(environment, _):
            if not shutil.which("nbdcopy"):
                raise RunFailed("nbdcopy is missing (package libnbd-bin)")
            path = prepare(full, mode)
            with Server(environment.serve_qcow2(path, *MODES[mode]), bench.folder) as server:
                before = server.cpu()
                done = run(["nbdcopy", server.uri, "null:"])
                gigabytes = (size_mb << 20) / 1e9
                return {"mbs": gigabytes * 1000 / done.wall, "seconds": done.wall,
                        "cpu_gb": (server.cpu() - before) / gigabytes, "rss": server.peak_rss_mb()}
        found.append(Case(f"nbdcopy to null:, {mode}", measure, ("nbd",), targets=(Speedup(1.0),), seconds=8))

    for mode in cache_modes(bench):
        for depth in (1, 4):
            add("read", full, "read", mode, depth)
            add("write, allocating", empty, "write", mode, depth)
        add("write, allocated", full, "write", mode, 4)
        add_copy(mode)
    return found


SUITE = Suite("sequential", "Sequential 1 MiB over NBD", THROUGHPUT, cases)
