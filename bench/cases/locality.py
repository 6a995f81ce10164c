"""The locality test: every even 4 KiB page is written, then every odd one; then the disk is read in order."""
from harness.model import Case, Speedup, Suite, VersusCase
from harness.nbd import Server, load
from harness.process import remove, settle

from .common import THROUGHPUT, serve_and_load

PREALLOCATED = "preallocated, written in order"


def cases(bench):
    size_mb = bench.size(1024, 64)
    image = bench.path("locality.qcow2")

    def read_back(environment):
        settle(drop_caches=True)
        try:
            return serve_and_load(bench, environment.serve_qcow2(image), "read", "1m", 4, size_mb, f"{size_mb}M")
        finally:
            remove(image)

    def preallocated(environment, _):
        bench.make_image(image, f"{size_mb}M", "preallocation=falloc")
        serve_and_load(bench, environment.serve_qcow2(image), "write", "1m", 4, size_mb, f"{size_mb}M",
                       ["--refill_buffers=1"])
        return read_back(environment)

    def scattered(options):
        def measure(environment, run):
            bench.make_image(image, f"{size_mb}M", options)
            pages = size_mb * 128
            with Server(environment.serve_qcow2(image), bench.folder) as server:
                for start in (0, 4096):                              # write:4k leaves a page out after each
                    load(server, "write:4k", "4k", 32, [f"--offset={start}", f"--size={(size_mb << 20) - start}",
                                                        f"--number_ios={pages}"])
            if run == 0 and bench.verify:
                bench.check(image)
            return read_back(environment)
        return measure

    found = [Case(PREALLOCATED, preallocated, ("nbd",), targets=(Speedup(1.0),), seconds=4)]
    for cluster in ("64K", "2M"):
        for extended in ("on", "off"):
            options = f"cluster_size={cluster},extended_l2={extended}"
            found.append(Case(f"even pages, odd pages; {cluster} ext_l2={extended}", scattered(options), ("nbd",),
                              targets=(Speedup(1.0), VersusCase(PREALLOCATED, 0.9)), seconds=20))
    return found


SUITE = Suite("locality", "Sequential reads of what was written page by page, direct", THROUGHPUT, cases,
              ["The figures are those of the reading."])
