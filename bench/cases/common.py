"""What several suites share: their metrics and inputs."""
from harness import images
from harness.model import Metric
from harness.nbd import Server, load
from harness.process import remove, run

REQUESTS = [Metric("iops", "IOPS", ".0f", "more"), Metric("p50", "p50 µs", ".0f"), Metric("p99", "p99 µs", ".0f"),
            Metric("cpu_100k", "CPU s/100k", ".2f"), Metric("rss", "RSS MB", ".0f")]
THROUGHPUT = [Metric("mbs", "MB/s", ".0f", "more"), Metric("p99", "p99 µs", ".0f"), Metric("cpu_gb", "CPU s/GB", ".3f"),
              Metric("rss", "RSS MB", ".0f")]
MODES = {"direct": ("none", "io_uring"), "cached": ("writeback", "threads")}


def cache_modes(bench):
    """The modes that --cache asks for: "direct", "cached"."""
    return ["direct", "cached"] if bench.options.cache == "both" else [bench.options.cache]


def compressions(bench):
    return [False, True] if bench.options.compressed == "both" else [bench.options.compressed == "on"]


def random_qcow2(bench, name, size_mb):
    """An image whose every cluster is written, one after the other."""
    def make(path):
        source = path + ".raw"
        images.random_file(source, size_mb)
        run(bench.reference.img + ["convert", "-f", "raw", "-O", "qcow2", "-t", "none", "-T", "none", source, path])
        remove(source)
    return bench.input(name, make)


def real_raw(bench, place=None):
    return bench.input("real.raw", lambda path: images.real_disk(path, *bench.size((2048, 1000), (256, 100))), place)


def serve_and_load(bench, command, operation, block, depth, requests, size, extra=()):
    """One run of fio against one server."""
    with Server(command, bench.folder) as server:
        return load(server, operation, block, depth,
                    [f"--size={size}", f"--number_ios={requests}", f"--runtime={20 * bench.options.scale:.0f}", *extra])
