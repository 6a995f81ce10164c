"""Counts without noise: system calls and bytes for guest requests, by the kind of data they touch.

A fixed list of qemu-io commands runs under strace with cache=none and aio=threads, so that each request on the image is
a call that can be seen. The aio cases vary by a few per cent."""
import random

from harness import calls
from harness.model import Case, Metric, Speedup, Suite, Within
from harness.process import RunFailed, remove, run

DISK_GB = 1
PAGES = DISK_GB << 18
CLUSTERS = DISK_GB << 14
METRICS = [Metric("calls", "calls", ".0f", "less"), Metric("data", "data wr", ".0f"), Metric("l2", "L2 wr", ".0f"),
           Metric("refcount", "refcount wr", ".0f"), Metric("other", "other wr", ".0f"),
           Metric("image_reads", "image rd", ".0f"), Metric("backing_reads", "backing rd", ".0f"),
           Metric("metadata_reads", "metadata rd", ".0f"),
           Metric("syncs", "fdatasync", ".0f"), Metric("fallocates", "fallocate", ".0f"),
           Metric("mb", "MB written", ".1f"), Metric("metadata_mb", "of it metadata", ".2f"),
           Metric("amplification", "× guest bytes", ".2f")]


def backing_file(bench):
    """A backing file that is full: what must be copied is not zeroes."""
    def make(path):
        source = path + ".raw"
        with open("/dev/urandom", "rb") as noise, open(source, "wb") as file:
            for _ in range(DISK_GB * 64):
                file.write(noise.read(1 << 20) * 16)
        run(bench.reference.img + ["convert", "-f", "raw", "-O", "qcow2", source, path])
        remove(source)
    return bench.input("iocount-base.qcow2", make)


def counted(bench, commands, guest_bytes, options="", overlay=False, prefill=(),
            driver=lambda environment: ""):
    """A measure function: a new image, the commands, the counts. driver: further options of the image's driver."""
    image = bench.path("iocount.qcow2")

    def measure(environment, _):
        if not calls.can_trace():
            raise RunFailed("strace is missing, or may not trace")
        base = backing_file(bench) if overlay else None
        bench.make_image(image, None if base else f"{DISK_GB}G", options, base)
        for start in range(0, len(prefill), 500):
            run(bench.reference.io + ["-f", "qcow2", image] + [word for line in prefill[start:start + 500]
                                                               for word in ("-c", line)])
        extra = driver(environment)
        node = ["--image-opts", f"driver=qcow2,file.filename={image},{extra}"] if extra else ["-f", "qcow2", image]
        argv = environment.io + ["-t", "none", "-i", "threads", "-d", "unmap"] + node
        try:
            return calls.count(argv, commands, image, base, guest_bytes)
        finally:
            remove(image)
    return measure


def writes(pages, flush_every=0, depth=1):
    """Commands for 4 KiB writes; flush_every: a flush after so many; depth: so many at once."""
    for position, page in enumerate(pages):
        yield f"{'aio_write' if depth > 1 else 'write'} -q -P {position % 255 + 1} {page * 4096} 4k"
        if depth > 1 and position % depth == depth - 1:
            yield "aio_flush"
        if flush_every and position % flush_every == flush_every - 1:
            yield "flush"


def request_cases(bench):
    count = bench.size(1000, 100)
    scattered = random.Random(7).sample(range(PAGES), count)
    cases = []

    def add(name, pages=scattered, options="", overlay=False, flush_every=0, depth=1, prefill=(), targets=()):
        commands = list(writes(pages, flush_every, depth))
        cases.append(Case(name, counted(bench, commands, 4096 * count, options, overlay, prefill), ("io",),
                          targets=targets or (Speedup(1.0),), seconds=4, is_count=True))

    for overlay, disk in ((True, "overlay"), (False, "no backing")):
        for flush_every, flushing in ((0, "no flush"), (1, "flush after each")):
            per_flush = (Speedup(1.0), Within("syncs", at_most=2 * count + 8)) if flush_every else ()
            add(f"{disk}, 64K, {flushing}", overlay=overlay, flush_every=flush_every, targets=per_flush)
            add(f"{disk}, 64K ext_l2, {flushing}", options="extended_l2=on", overlay=overlay, flush_every=flush_every,
                targets=per_flush)
        add(f"{disk}, 64K lazy_refcounts, flush after each", options="lazy_refcounts=on", overlay=overlay,
            flush_every=1)
        add(f"{disk}, 64K, QD16, flush after each 16", overlay=overlay, flush_every=16, depth=16)
        add(f"{disk}, 2M ext_l2, no flush", options="cluster_size=2M,extended_l2=on", overlay=overlay)
        add(f"{disk}, 64K, sequential, no flush", pages=range(count), overlay=overlay)
    add("allocated clusters, 64K, flush after each", flush_every=1,
        prefill=[f"write -q -P 1 {page // 16 * 65536} 64k" for page in scattered],
        targets=(Speedup(1.0), Within("syncs", at_most=count + 4)))
    return cases


def other_cases(bench):
    count = bench.size(200, 50)
    clusters = random.Random(9).sample(range(CLUSTERS), count)
    at = [cluster * 65536 for cluster in clusters]
    cluster_bytes = count << 16

    def case(name, commands, guest_bytes=cluster_bytes, overlay=False):
        return Case(f"{count} × {name}", counted(bench, commands, guest_bytes, overlay=overlay), ("io",),
                    targets=(Speedup(1.0),), seconds=2, is_count=True)

    discards = [line for offset in at for line in (f"write -q -P 1 {offset} 64k", f"discard -q {offset} 64k")]
    return [
        case("write -z 64k, overlay", [f"write -q -z {offset} 64k" for offset in at], 0, overlay=True),
        case("write -z 4k, overlay", [f"write -q -z {offset} 4k" for offset in at], 0, overlay=True),
        case("write -c 64k", [f"write -q -c -P {offset >> 16 & 0x7f} {offset} 64k" for offset in at]),
        case("write 64k, discard 64k", discards),
        case("write 64k aligned", [f"write -q -P 1 {offset} 64k" for offset in at]),
        case("write 1M sequentially", [f"write -q -P 1 {position}M 1M" for position in range(count)], count << 20),
    ]


REQUESTS = Suite("iocount", "System calls on the image for 4 KiB guest writes (1 GiB disk, aio=threads, cache=none)",
                 METRICS, request_cases, ["1000 writes; 100 with --quick."])
OTHERS = Suite("iocount-other", "System calls on the image for other requests", METRICS, other_cases)
