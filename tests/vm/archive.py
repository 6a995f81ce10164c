#!/usr/bin/env python3
"""Writes a folder as a cpio archive of the kind that Linux boots from (newc): archive.py FOLDER > FILE."""
import os
import sys


def entry(name, mode, data):
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


os.chdir(sys.argv[1])
for folder, folders, files in os.walk("."):
    for name in folders:
        path = os.path.relpath(os.path.join(folder, name))
        sys.stdout.buffer.write(entry(path, os.lstat(path).st_mode, b""))
    for name in files:
        path = os.path.relpath(os.path.join(folder, name))
        with open(path, "rb") as source:
            sys.stdout.buffer.write(entry(path, os.lstat(path).st_mode, source.read()))
sys.stdout.buffer.write(entry("TRAILER!!!", 0, b""))
