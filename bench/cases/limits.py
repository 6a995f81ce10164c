"""The machine's own limits: fio on a raw file, without any server; codecs of Python, one core."""
import random
import time
import zlib

from harness.environments import Environment
from harness.images import random_file
from harness.model import Case, Metric, Suite
from harness.nbd import fio
from harness.process import remove, settle, warm

from .common import real_raw

MACHINE = Environment("machine")
URING = ["--ioengine=io_uring", "--direct=1"]
PSYNC = ["--ioengine=psync"]


def file_cases(bench):
    size_mb = bench.size(4096, 256)
    found = []

    def add(name, arguments, requests, new=False, cached=False):
        def measure(_, __):
            if new:
                path = bench.path("new.raw")
                remove(path)
            else:
                path = bench.input("limits.raw", lambda made: random_file(made, size_mb))
            settle(drop_caches=not cached)
            if cached:
                warm(path)
            figures = fio([f"--filename={path}", f"--size={size_mb}M", f"--number_ios={bench.requests(requests)}"]
                          + arguments)
            if new:
                remove(path)
            return figures
        found.append(Case(name, measure, needs=(), only=("machine",), seconds=3))

    for operation in ("randread", "randwrite"):
        for depth, requests in ((1, 15000), (32, 60000)):
            add(f"{operation} 4K direct QD{depth}", URING + ["--bs=4k", f"--rw={operation}", f"--iodepth={depth}"],
                requests)
    for depth, requests in ((1, 6000), (32, 20000)):
        add(f"randwrite 4K direct, holes, QD{depth}", URING + ["--bs=4k", "--rw=randwrite", f"--iodepth={depth}",
                                                             "--fallocate=truncate"], requests, new=True)
    add("randwrite 4K direct, fdatasync each",
        PSYNC + ["--direct=1", "--bs=4k", "--rw=randwrite", "--fdatasync=1"], 8000)
    add("randread 4K page cache", PSYNC + ["--invalidate=0", "--bs=4k", "--rw=randread"], 300000, cached=True)
    for depth in (1, 4):
        add(f"read 1M direct QD{depth}", URING + ["--bs=1m", "--rw=read", f"--iodepth={depth}"], 2048)
        add(f"write 1M direct QD{depth}", URING + ["--bs=1m", "--rw=write", f"--iodepth={depth}"], 2048)
        add(f"write 1M direct, extending, QD{depth}", URING + ["--bs=1m", "--rw=write", f"--iodepth={depth}",
                                                              "--fallocate=none"], 2048, new=True)
    # What copying a cluster for each request comes to: the requests per second are pairs of a read and a write.
    for size, requests in (("128k", 10000), ("256k", 6000), ("512k", 3200), ("1m", 1800), ("2m", 1000)):
        add(f"randrw {size.upper()} direct QD32, pairs", URING + [f"--bs={size}", "--rw=randrw", "--iodepth=32"], requests)
    return found


def codec_cases(bench):
    def clusters():
        chosen, rnd = [], random.Random(3)
        with open(real_raw(bench), "rb") as file:
            while len(chosen) < bench.size(1500, 100):
                file.seek(rnd.randrange(bench.size(2048, 256) << 4) * 65536)
                cluster = file.read(65536)
                if cluster.count(0) != len(cluster):
                    chosen.append(cluster)
        return chosen

    def deflate(cluster, level):
        # Window and memory level are those that QEMU writes with.
        codec = zlib.compressobj(level, zlib.DEFLATED, -12, 9)
        return codec.compress(cluster) + codec.flush()

    def add(name, transform, prepare=lambda cluster: cluster):
        def measure(_, __):
            data = [prepare(cluster) for cluster in clusters()]
            started = time.perf_counter()
            size = sum(len(transform(cluster)) for cluster in data)
            seconds = time.perf_counter() - started
            return {"mbs": len(data) * 65536 / 1e6 / seconds, "percent": 100 * size / (len(data) * 65536)}
        return Case(name, measure, needs=(), only=("machine",), seconds=3)

    return [add("deflate, default level", lambda cluster: deflate(cluster, -1)),
            add("deflate, level 1", lambda cluster: deflate(cluster, 1)),
            add("inflate (MB/s of output)", lambda cluster: zlib.decompress(cluster, -12),
                lambda cluster: deflate(cluster, -1))]


FILE = Suite("limits", "The machine: fio on a raw file",
             [Metric("iops", "IOPS", ".0f", "more"), Metric("mbs", "MB/s", ".0f"), Metric("p50", "p50 µs", ".0f"),
              Metric("p99", "p99 µs", ".0f")], file_cases, extra_environments=(MACHINE,))
CODECS = Suite("limits-codecs", "The machine: one core, clusters of 64K of a real disk",
               [Metric("mbs", "MB/s", ".0f", "more"), Metric("percent", "size %", ".1f")], codec_cases,
               extra_environments=(MACHINE,))
