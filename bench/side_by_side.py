#!/usr/bin/env python3
"""Byre against qemu-img: the same commands in turns (A B A B ...), medians, a Markdown table.

    bench/side_by_side.py [--runs N] [--only REGEX] [--dir FOLDER] [--ours COMMAND] [--peer COMMAND] [--keep]

The source is a 2 GB ext4 image filled from /usr (made once with mke2fs), read from the page cache. A ratio below 1 means
that Byre is faster. The first output of each case is compared with the source, and checked, by the peer's tool.
Needs Python 3.9, mke2fs and qemu-img; for honest figures an otherwise idle machine.
"""
import argparse
import mmap
import os
import re
import shlex
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DISK_BYTES = 2 << 30
DATA_BYTES = 1_100 << 20


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of each tool and case (default 5)")
    parser.add_argument("--only", default="", help="only cases whose name matches this regular expression")
    parser.add_argument("--dir", default="/tmp/byre-bench", help="scratch folder (about 8 GB)")
    parser.add_argument("--ours", default=os.path.join(HERE, "..", "artifacts", "bin", "qemu-img"))
    parser.add_argument("--peer", default="qemu-img")
    parser.add_argument("--keep", action="store_true", help="keep the source images for the next run")
    return parser.parse_args()


def run(command):
    """Wall time and CPU time of a process in seconds; ends the script if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"failed: {shlex.join(command)}\n{errors.decode(errors='replace')}")
    return wall, usage.ru_utime + usage.ru_stime


def warm(path):
    """Reads a file, so that it is in the page cache."""
    block = bytearray(1 << 20)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(block):
            pass


def touch_free_memory(size):
    """Makes a virtual machine's host back this much free memory: otherwise whoever runs first pays for its page faults."""
    mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


def remove(path):
    if os.path.exists(path):
        os.unlink(path)


def collect_files(destination):
    """Links files of /usr, in the order of their names, until there is enough data."""
    total = 0
    for folder, subfolders, files in os.walk("/usr"):
        subfolders.sort()
        for name in sorted(files):
            source = os.path.join(folder, name)
            if os.path.islink(source) or not os.path.isfile(source):
                continue
            total += os.path.getsize(source)
            target = destination + os.path.join(folder, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(source, target)
            if total >= DATA_BYTES:
                return


def make_disk(path, scratch):
    """An ext4 file system with real files."""
    if os.path.exists(path):
        return
    tree = os.path.join(scratch, "tree")
    subprocess.run(["rm", "-rf", tree, tree + "-links"], check=True)
    collect_files(tree + "-links")
    subprocess.run(["cp", "-rL", tree + "-links", tree], check=True)
    with open(path + ".new", "wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, path + ".new"], check=True)
    subprocess.run(["rm", "-rf", tree, tree + "-links"], check=True)
    os.rename(path + ".new", path)


class Bench:
    """Runs cases in turns and collects the rows of the table."""

    def __init__(self, options):
        self.options = options
        self.tools = [("qemu-img", shlex.split(options.peer)), ("byre", shlex.split(options.ours))]
        self.peer = self.tools[0][1]
        self.rows = []

    def case(self, name, arguments, inputs, output=None, source=None):
        """arguments: of both tools. inputs: warmed. output: removed before each run, and compared with source on the first."""
        if not re.search(self.options.only, name):
            return
        walls = {tool: [] for tool, _ in self.tools}
        cpus = {tool: [] for tool, _ in self.tools}
        sizes = {}
        for turn in range(self.options.runs):
            for tool, command in self.tools:
                if output:
                    remove(output)
                    os.sync()
                    touch_free_memory(DISK_BYTES)
                for path in inputs:
                    warm(path)
                wall, cpu = run(command + arguments)
                walls[tool].append(wall)
                cpus[tool].append(cpu)
                if output and turn == 0:
                    sizes[tool] = os.stat(output).st_blocks * 512
                    self.verify(output, source)
        if output:
            remove(output)
        self.add_row(name, walls, cpus, sizes)

    def verify(self, output, source):
        if source:
            subprocess.run(self.peer + ["compare", "-q", source, output], check=True)
        if output.endswith(".qcow2"):
            subprocess.run(self.peer + ["check", "-q", output], check=True)

    def add_row(self, name, walls, cpus, sizes):
        wall = {tool: statistics.median(times) for tool, times in walls.items()}
        cpu = {tool: statistics.median(times) for tool, times in cpus.items()}
        size = f"{sizes['byre'] / sizes['qemu-img']:.3f}" if sizes.get("qemu-img") else "-"
        row = (f"| {name} | {wall['qemu-img']:.3f} | {wall['byre']:.3f} | {wall['byre'] / wall['qemu-img']:.2f} "
               f"| {cpu['qemu-img']:.2f} | {cpu['byre']:.2f} | {size} |")
        self.rows.append(row)
        print(row, file=sys.stderr, flush=True)

    def print_table(self):
        print("| case | qemu-img s | byre s | ratio | qemu-img cpu s | byre cpu s | size ratio |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        print("\n".join(self.rows))


def main():
    options = parse_arguments()
    os.makedirs(options.dir, exist_ok=True)
    bench = Bench(options)

    def at(name):
        return os.path.join(options.dir, name)

    raw, plain, zlib, zstd = at("source.raw"), at("source.qcow2"), at("source-zlib.qcow2"), at("source-zstd.qcow2")
    out_raw, out_qcow2 = at("out.raw"), at("out.qcow2")
    make_disk(raw, options.dir)
    to_qcow2 = ["convert", "-O", "qcow2"]
    zstd_option = ["-o", "compression_type=zstd"]
    for path, extra in ((plain, []), (zlib, ["-c"]), (zstd, ["-c"] + zstd_option)):
        if not os.path.exists(path):
            subprocess.run(bench.peer + to_qcow2 + extra + ["-f", "raw", raw, path + ".new"], check=True)
            os.rename(path + ".new", path)

    from_raw, from_qcow2 = ["-f", "raw"], ["-f", "qcow2"]
    bench.case("convert raw to qcow2", to_qcow2 + from_raw + [raw, out_qcow2], [raw], out_qcow2, raw)
    bench.case("convert qcow2 to raw", ["convert", "-O", "raw"] + from_qcow2 + [plain, out_raw], [plain], out_raw, raw)
    bench.case("convert qcow2 to qcow2", to_qcow2 + from_qcow2 + [plain, out_qcow2], [plain], out_qcow2, raw)
    bench.case("convert -c zlib", to_qcow2 + ["-c"] + from_raw + [raw, out_qcow2], [raw], out_qcow2, raw)
    bench.case("convert -c zstd", to_qcow2 + ["-c"] + zstd_option + from_raw + [raw, out_qcow2], [raw], out_qcow2, raw)
    bench.case("convert zlib to raw", ["convert", "-O", "raw"] + from_qcow2 + [zlib, out_raw], [zlib], out_raw, raw)
    bench.case("convert zstd to raw", ["convert", "-O", "raw"] + from_qcow2 + [zstd, out_raw], [zstd], out_raw, raw)
    bench.case("compare raw and qcow2", ["compare", "-f", "raw", "-F", "qcow2", raw, plain], [raw, plain])
    bench.case("check", ["check", "-q"] + from_qcow2 + [plain], [plain])
    bench.case("map", ["map", "--output=json"] + from_qcow2 + [plain], [plain])
    bench.case("info", ["info"] + from_qcow2 + [plain], [plain])
    bench.case("create 1 TB", ["create", "-q", "-f", "qcow2", at("new.qcow2"), "1T"], [])
    remove(at("new.qcow2"))
    bench.print_table()
    if not options.keep:
        for path in (raw, plain, zlib, zstd):
            remove(path)


if __name__ == "__main__":
    main()
