"""Copies from and to folders, or over NBD."""
import os

from harness.nbd import Server
from harness.process import disk_mb, page_cache_mb, remove, run, settle, touch_free_memory, warm

SLOW = "slow"
SERVED = ("nbd", SLOW)


class Copy:
    """One copy: where its source lies and where its target goes. A place is a folder of --dir, or "nbd": then a server
    (always the reference's, so that all environments talk to the same) stands between, over the first folder. A target
    may also be SLOW: a server like that whose every write takes as long as a disk's."""

    def __init__(self, bench, pair, source, source_format, target_format):
        self._bench, (self._from, self._to) = bench, pair
        self._source, self._source_format, self._target_format = source, source_format, target_format

    def run(self, environment, arguments, direct, verify):
        bench = self._bench
        path = self._source(self._folder(self._from))
        target = bench.path(f"copy.{self._target_format}", self._folder(self._to))
        data_mb = disk_mb(path)
        remove(target)
        settle(drop_caches=direct)
        if not direct:
            warm(path)
            touch_free_memory(int(2 * data_mb) + 100)
        source_server = target_server = None
        try:
            if self._from == "nbd":
                source_server = Server(bench.reference.serve_raw(path, "writeback", "threads") + ["-r"], bench.folder,
                                       "source")
            if self._to in SERVED:
                with open(target, "wb") as file:
                    file.truncate(os.path.getsize(path) + (64 << 20))
                target_server = Server(self._serve_target(target, direct), bench.folder, "target")
            command = environment.img + arguments + ["-f", self._source_format, "-O", self._target_format,
                                                     source_server.uri if source_server else path,
                                                     target_server.uri if target_server else target]
            cached_mb = page_cache_mb()
            done = run(command)
            cached_mb = page_cache_mb() - cached_mb
        finally:
            for server in (source_server, target_server):
                if server:
                    server.stop()
        if verify:
            self._verify(path, target)
        figures = {**done.costs(), "mb": disk_mb(target), "cpu_gb": done.cpu * 1000 / max(data_mb, 1),
                   "cached_mb": cached_mb}
        remove(target)
        return figures

    def _serve_target(self, target, direct):
        if self._to == SLOW:
            return ["nbdkit", "-f", "-U", "@SOCKET@", "--filter=delay", "file", target, "delay-write=2ms"]
        return self._bench.reference.serve_raw(target, "none" if direct else "writeback", "threads")

    def _verify(self, path, target):
        run(self._bench.reference.img + ["compare", "-q", "-f", self._source_format, "-F", self._target_format, path,
                                         target])
        if self._target_format == "qcow2":
            self._bench.check(target)

    @staticmethod
    def _folder(place):
        return None if place in SERVED else place
