"""NBD servers, and fio as their client."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from .process import RunFailed, cpu_of, peak_rss_mb_of, remove, run

START_SECONDS = 20
STOP_SECONDS = 60


class Server:
    """A server process on a Unix socket; its command line says @SOCKET@ where the socket's path belongs."""

    def __init__(self, argv, folder, name="bench"):
        self._socket = os.path.join(folder, name + ".sock")
        self._log = tempfile.TemporaryFile()
        remove(self._socket)
        self._process = subprocess.Popen([word.replace("@SOCKET@", self._socket) for word in argv],
                                         stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self._await_greeting()
        self.uri = f"nbd+unix:///?socket={self._socket}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def cpu(self):
        return cpu_of(self._process.pid)

    def peak_rss_mb(self):
        return peak_rss_mb_of(self._process.pid)

    def stop(self):
        """Ends the server in order: what it has not written yet belongs to the run."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        remove(self._socket)

    def _await_greeting(self):
        started = time.perf_counter()
        while time.perf_counter() - started < START_SECONDS:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(5)
                try:
                    probe.connect(self._socket)
                    if probe.recv(8) == b"NBDMAGIC":
                        return
                except OSError:
                    pass
            if self._process.poll() is not None:
                break
            time.sleep(0.005)
        self.stop()
        self._log.seek(0)
        raise RunFailed(f"the server did not start: {self._log.read().decode(errors='replace').strip()[-300:]}")


def fio(arguments):
    """Runs fio and returns the figures of its one job."""
    done = run(["fio", "--name=job", "--output-format=json", "--randseed=42", "--thread"] + arguments, check=False)
    if done.status != 0 or b"{" not in done.output:
        raise RunFailed(f"fio: {done.errors.strip()[-300:]}")
    job = json.loads(done.output[done.output.index(b"{"):])["jobs"][0]
    if job["error"]:
        raise RunFailed(f"fio: error {job['error']}")
    side = job["read"] if job["read"]["total_ios"] else job["write"]
    percentiles = side["clat_ns"]["percentile"]
    return {"iops": side["iops"], "mbs": side["bw_bytes"] / 1e6, "p50": percentiles["50.000000"] / 1e3,
            "p99": percentiles["99.000000"] / 1e3, "seconds": side["runtime"] / 1e3, "requests": side["total_ios"],
            "bytes": side["io_bytes"]}


def load(server, operation, block, depth, arguments):
    """A load of fio on a server: its figures, and the server's CPU per 100,000 requests and per GB."""
    before = server.cpu()
    figures = fio(["--ioengine=nbd", f"--uri={server.uri}", f"--rw={operation}", f"--bs={block}", f"--iodepth={depth}"]
                  + arguments)
    cpu = server.cpu() - before
    figures["cpu_100k"] = cpu * 1e5 / figures["requests"]
    figures["cpu_gb"] = cpu * 1e9 / figures["bytes"]
    figures["rss"] = server.peak_rss_mb()
    return figures
