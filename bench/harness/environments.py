"""Environments: the programs that are measured, ours and others, of equal standing."""
import os
import shutil

from .process import run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


class Environment:
    """One set of programs. `img`, `io` and `nbd` are command lines, or None where there is no such program."""

    def __init__(self, name, img=None, io=None, nbd=None):
        self.name, self.img, self.io, self.nbd = name, img, io, nbd

    def can(self, what):
        """What a case may need: "img", "io", "nbd" (serves qcow2), "serve-raw" (serves a raw file)."""
        return bool(self.nbd if what == "serve-raw" else getattr(self, what, None))

    def serve_qcow2(self, image, cache="none", aio="io_uring", options=""):
        """The command line of a server of one image; options are further ones of the driver, comma-separated."""
        direct = "on" if cache == "none" else "off"
        return self._serve() + ["--image-opts",
                                f"driver=qcow2,file.driver=file,file.filename={image},file.cache.direct={direct},"
                                f"file.aio={aio},cache.direct={direct}" + (f",{options}" if options else "")]

    def serve_raw(self, path, cache="none", aio="io_uring"):
        return self._serve() + ["-f", "raw", f"--cache={cache}", f"--aio={aio}", path]

    def version(self):
        return run(self.img + ["--version"]).output.decode().splitlines()[0] if self.img else self.name

    def _serve(self):
        return self.nbd + ["-k", "@SOCKET@", "-t", "-e", "8"]


class Nbdkit(Environment):
    """A server that does nothing but NBD: the limit of what any server can reach over this protocol."""

    def __init__(self, plugin):
        super().__init__(f"nbdkit-{plugin}")
        self._plugin = plugin

    def can(self, what):
        return what == "serve-raw" and shutil.which("nbdkit") is not None

    def serve_raw(self, path, cache="none", aio="io_uring"):
        what = [path] if self._plugin == "file" else [str(os.path.getsize(path))]
        return ["nbdkit", "-f", "-U", "@SOCKET@", self._plugin] + what

    def version(self):
        return run(["nbdkit", "--version"]).output.decode().strip()


def from_folder(name, folder):
    """An environment of the programs qemu-img, qemu-io and qemu-nbd in a folder; in PATH where folder is None."""
    programs = {}
    for field, program in (("img", "qemu-img"), ("io", "qemu-io"), ("nbd", "qemu-nbd")):
        found = shutil.which(program) if folder is None else os.path.join(folder, program)
        programs[field] = [found] if found and os.access(found, os.X_OK) else None
    return Environment(name, **programs)


def choose(names):
    """Environments by name, or as NAME=FOLDER."""
    chosen = []
    for name in names:
        if "=" in name:
            chosen.append(from_folder(*name.split("=", 1)))
        elif name == "byre":
            chosen.append(from_folder("byre", os.path.join(ROOT, "artifacts", "bin")))
        elif name == "qemu":
            chosen.append(from_folder("qemu", None))
        elif name.startswith("nbdkit-"):
            chosen.append(Nbdkit(name[len("nbdkit-"):]))
        else:
            raise SystemExit(f"bench/run: no environment {name!r}; NAME=FOLDER defines one")
    return chosen
