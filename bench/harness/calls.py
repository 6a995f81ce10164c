"""System calls on an image, counted by the kind of data they touch."""
import os
import re
import struct
import subprocess
import tempfile

from .process import RunFailed, run

TRACED = ("pread64,pwrite64,preadv,pwritev,preadv2,pwritev2,read,write,readv,writev,fdatasync,fsync,sync_file_range,"
          "fallocate,ftruncate,lseek")
READS = ("pread64", "preadv", "preadv2", "read", "readv")
WRITES = ("pwrite64", "pwritev", "pwritev2", "write", "writev")
SMALLEST_READ_BYTES = 512
OFFSET_MASK = 0x00FF_FFFF_FFFF_FE00


def metadata_ranges(path):
    """Where the metadata of an image lies, from the image itself: (first byte, end, kind) each."""
    with open(path, "rb") as file:
        header = file.read(112)
        cluster = 1 << struct.unpack(">I", header[20:24])[0]
        l1_entries, l1_at, table_at, table_clusters = struct.unpack(">IQQI", header[36:60])
        ranges = [(0, cluster, "header"), (l1_at, l1_at + l1_entries * 8, "L1"),
                  (table_at, table_at + table_clusters * cluster, "table")]
        for offset, count, kind in ((l1_at, l1_entries, "L2"), (table_at, table_clusters * cluster // 8, "refcount")):
            file.seek(offset)
            for entry in struct.unpack(f">{count}Q", file.read(count * 8)):
                if entry & OFFSET_MASK:
                    ranges.append((entry & OFFSET_MASK, (entry & OFFSET_MASK) + cluster, kind))
    return ranges


def parse(log):
    """The calls of a strace log (-f -y): name, path, bytes (the result), offset. Interrupted lines are put together."""
    pending = {}
    for line in log:
        thread, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            pending[thread] = rest[:-len("<unfinished ...>")].rstrip()
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", rest)
        if resumed:
            rest = pending.pop(thread, "") + resumed.group(1)
        call = re.match(r"(\w+)\(\d+<([^>]*)>", rest)
        result = re.search(r"\)\s*= (-?\d+)", rest)
        if call and result:
            offset = re.search(r", (\d+)(?:, (?:0|RWF_\w+))?\)\s*=", rest)
            yield call.group(1), call.group(2), int(result.group(1)), int(offset.group(1)) if offset else 0


def count(argv, commands, image, backing, guest_bytes):
    """Runs qemu-io's commands under strace and counts what reaches the image and its backing file."""
    with tempfile.NamedTemporaryFile("w+") as log, tempfile.TemporaryFile("w+") as script:
        script.write("\n".join(commands) + "\nquit\n")
        script.flush()
        script.seek(0)
        strace = ["strace", "-f", "-y", "-qq", "-s", "0", "-e", "signal=none", "-e", "trace=" + TRACED, "-o", log.name]
        done = run(strace + argv, stdin=script)
        text = done.output.decode(errors="replace") + done.errors
        if re.search(r"\b(error|failed|invalid)\b", text, re.IGNORECASE):
            raise RunFailed(text.strip()[-300:])
        return _classify(parse(log), image, backing, guest_bytes)


def can_trace():
    try:
        return subprocess.run(["strace", "-o", os.devnull, "true"], stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


def _classify(calls, image, backing, guest_bytes):
    ranges = {path: metadata_ranges(path) for path in (image, backing) if path}
    counted = dict.fromkeys(("data", "l2", "refcount", "other", "image_reads", "backing_reads", "metadata_reads",
                             "syncs", "fallocates", "seeks"), 0)
    megabytes = dict.fromkeys(("mb", "metadata_mb"), 0.0)
    for call, path, size, offset in calls:
        if path not in ranges:
            continue
        kind = next((kind for start, end, kind in ranges[path] if start <= offset < end), "data")
        if call in READS and size >= SMALLEST_READ_BYTES:
            what = "metadata" if kind != "data" else "image" if path == image else "backing"
            counted[what + "_reads"] += 1
        elif call in WRITES and path == image:
            counted[{"data": "data", "L2": "l2", "refcount": "refcount"}.get(kind, "other")] += 1
            megabytes["mb"] += size / 1e6
            megabytes["metadata_mb"] += size / 1e6 if kind != "data" else 0
        elif call in ("fdatasync", "fsync", "sync_file_range"):
            counted["syncs"] += 1
        elif call in ("fallocate", "ftruncate"):
            counted["fallocates"] += 1
        elif call == "lseek":
            counted["seeks"] += 1
    amplification = megabytes["mb"] * 1e6 / guest_bytes if guest_bytes else None
    return {**counted, **megabytes, "calls": sum(counted.values()), "amplification": amplification}
