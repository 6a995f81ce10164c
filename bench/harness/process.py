"""Processes and what they cost; the state of the machine's caches."""
import mmap
import os
import re
import shlex
import subprocess
import tempfile
import time

GNU_TIME = "/usr/bin/time"


class RunFailed(Exception):
    """A run of a program under test that did not work: it is counted and shown, and the measurement goes on."""


class Finished:
    """A process that has ended: seconds, peak memory in MB, status, output (bytes) and errors (text)."""

    def __init__(self, argv, status, wall, cpu, rss_mb, output, errors):
        self.argv, self.status, self.wall, self.cpu, self.rss_mb = argv, status, wall, cpu, rss_mb
        self.output, self.errors = output, errors

    def costs(self):
        return {"wall": self.wall, "cpu": self.cpu, "rss": self.rss_mb}


def run(argv, stdin=None, cwd=None, check=True):
    """Runs a program to its end. Peak memory comes from GNU time where it is installed: the kernel counts a child's
    memory from the fork on, so that a direct child would start with this interpreter's."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.NamedTemporaryFile() as rss:
        outer = [GNU_TIME, "-q", "-f", "%M", "-o", rss.name] if os.path.exists(GNU_TIME) else []
        started = time.perf_counter()
        process = subprocess.Popen(outer + list(argv), stdin=stdin or subprocess.DEVNULL, stdout=out, stderr=err,
                                   cwd=cwd)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        measured = rss.read().split()
        peak = int(measured[-1]) if measured else usage.ru_maxrss
        out.seek(0)
        err.seek(0)
        done = Finished(argv, process.returncode, wall, usage.ru_utime + usage.ru_stime, peak / 1024, out.read(),
                        err.read().decode(errors="replace"))
    if check and done.status != 0:
        raise RunFailed(f"status {done.status}: {shorten(shlex.join(argv))}: {last_line(done.errors)}")
    return done


def shorten(command):
    return command if len(command) <= 160 else f"... {command[-156:]}"


def last_line(text):
    """What a program said last, but for the advice to ask for help."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("Try '")]
    return lines[-1][-300:] if lines else "(it said nothing)"


def cpu_of(pid):
    """CPU seconds of a process so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_mb_of(pid):
    """Peak memory of a process so far; None once it has ended."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) / 1024
    except (OSError, AttributeError):
        return None


def remove(*paths):
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def disk_mb(path):
    return os.stat(path).st_blocks * 512 / 1e6


def settle(drop_caches=False):
    """Writes everything back; drops the page cache where that is wanted and allowed (root)."""
    os.sync()
    if drop_caches:
        try:
            with open("/proc/sys/vm/drop_caches", "w") as file:
                file.write("3")
        except OSError:
            pass


def page_cache_mb():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("Cached:"))


def warm(*paths):
    """Reads what is not a hole, so that it is in the page cache."""
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            at, size = 0, os.fstat(file.fileno()).st_size
            while at < size:
                try:
                    at = os.lseek(file.fileno(), at, os.SEEK_DATA)
                except OSError:
                    break
                end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
                while at < end:
                    at += len(os.pread(file.fileno(), min(1 << 20, end - at), at)) or end - at


def touch_free_memory(megabytes):
    """Makes a virtual machine's host back this much free memory: whoever runs first would pay for its page faults."""
    with open("/proc/meminfo") as file:
        free_mb = next(int(line.split()[1]) // 1024 for line in file if line.startswith("MemAvailable"))
    size = min(megabytes, free_mb // 2) << 20
    mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()
