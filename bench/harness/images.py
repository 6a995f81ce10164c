"""Images that cases start from. Each is made once for a run of the harness, always by the reference tools, so that all
environments start from the same bytes."""
import array
import hashlib
import os
import random
import shutil
import struct

from .process import remove, run

FLAG_COPIED = 1 << 63
LARGEST_FILE_BYTES = 100 << 20


def real_disk(path, size_mb, data_mb):
    """An ext4 disk with so many MB of the files of /usr, chosen by the hash of their names; the rest are holes."""
    files = []
    for folder, subfolders, names in os.walk("/usr"):
        subfolders[:] = [name for name in subfolders if not os.path.ismount(os.path.join(folder, name))]
        for name in names:
            file = os.path.join(folder, name)
            if os.path.isfile(file) and not os.path.islink(file):
                size = os.path.getsize(file)
                if size <= LARGEST_FILE_BYTES:
                    files.append((hashlib.sha256(file.encode()).digest(), file, size))
    stage, left = path + ".stage", data_mb * 1_000_000
    shutil.rmtree(stage, ignore_errors=True)
    for _, file, size in sorted(files):
        cost = (size + 4095) // 4096 * 4096 + 512
        if cost <= left:
            left -= cost
            os.makedirs(os.path.dirname(stage + file), exist_ok=True)
            shutil.copyfile(file, stage + file)
    remove(path)
    with open(path, "wb") as disk:
        disk.truncate(size_mb << 20)
    run(["mke2fs", "-q", "-t", "ext4", "-F", "-N", "200000", "-d", stage, path])
    shutil.rmtree(stage)


def random_file(path, size_mb):
    """A file of bytes that no compression and no zero detection helps with."""
    run(["fio", "--name=fill", f"--filename={path}", f"--size={size_mb}M", "--bs=1M", "--rw=write", "--direct=1",
         "--ioengine=libaio", "--iodepth=8", "--refill_buffers=1", "--randseed=1"])


def ones(path, size_mb):
    """Bytes 0x01: what compresses best, so that all that is left is the writing of small pieces."""
    with open(path, "wb") as file:
        for _ in range(size_mb):
            file.write(b"\1" * (1 << 20))


def fragmented(path, size, cluster, count, leaks=0, fallocate=False):
    """A qcow2 image, written without any qcow2 tool, whose `count` clusters are scattered over the disk in random
    order. The data area is a hole of the file, or fallocated. `leaks` more clusters are referenced by nobody."""
    entries = cluster // 8
    guest = random.Random(1).sample(range(size // cluster), count)     # in the order of their host offsets
    tables = sorted({index // entries for index in guest})
    l1_entries = -(-(size // cluster) // entries)
    l1_clusters = -(-l1_entries * 8 // cluster)
    fixed = 1 + l1_clusters + len(tables) + count + leaks
    blocks = table_clusters = 1
    while True:
        total = fixed + blocks + table_clusters
        needed = -(-total // (cluster // 2))                           # 16-bit counts
        needed_table = -(-needed * 8 // cluster)
        if (needed, needed_table) == (blocks, table_clusters):
            break
        blocks, table_clusters = needed, needed_table
    block_at = 1 + table_clusters
    l1_at = block_at + blocks
    l2_at = l1_at + l1_clusters
    data_at = l2_at + len(tables)
    with open(path, "wb") as file:
        file.truncate(total * cluster)
        file.write(struct.pack(">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, 0, 0, cluster.bit_length() - 1, size, 0,
                               l1_entries, l1_at * cluster, cluster, table_clusters, 0, 0, 0, 0, 0, 4, 104))
        _write_at(file, cluster, "Q", [(block_at + i) * cluster for i in range(blocks)])
        _write_at(file, block_at * cluster, "H", [1] * total)
        l1 = [0] * l1_entries
        l2 = {}
        for position, table in enumerate(tables):
            l1[table] = (l2_at + position) * cluster | FLAG_COPIED
            l2[table] = [0] * entries
        for position, index in enumerate(guest):
            l2[index // entries][index % entries] = (data_at + position) * cluster | FLAG_COPIED
        _write_at(file, l1_at * cluster, "Q", l1)
        for position, table in enumerate(tables):
            _write_at(file, (l2_at + position) * cluster, "Q", l2[table])
        if fallocate:
            os.posix_fallocate(file.fileno(), data_at * cluster, count * cluster)


def _write_at(file, offset, type_code, values):
    table = array.array(type_code, values)
    table.byteswap()
    file.seek(offset)
    file.write(table.tobytes())
