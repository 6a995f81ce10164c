"""QEMU's monitor: jobs of a process that runs no guest."""
import json
import select
import subprocess
import time

from .process import RunFailed, cpu_of, last_line, peak_rss_mb_of

JOB_SECONDS = 600


class Monitor:
    """A qemu-system process without a machine, that is spoken to over its standard input and output."""

    def __init__(self, program):
        self._process = subprocess.Popen(
            [program, "-machine", "none", "-nodefaults", "-display", "none", "-S", "-qmp", "stdio"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._buffer = b""
        self._read()                                                 # the greeting
        self.execute("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()

    def costs(self):
        """CPU seconds and peak memory so far."""
        return {"cpu": cpu_of(self._process.pid), "rss": peak_rss_mb_of(self._process.pid)}

    def execute(self, command, **arguments):
        """A command's answer; an error fails the run."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        message = {"execute": command, "arguments": named}
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        while True:
            answer = self._read()
            if "error" in answer:
                raise RunFailed(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def run_job(self, command, **arguments):
        """Starts a block job and waits until it has ended and let its nodes go."""
        self.execute(command, job_id="job", **arguments)
        while True:
            event = self._read()
            name, data = event.get("event"), event.get("data", {})
            if name == "BLOCK_JOB_COMPLETED" and "error" in data:
                raise RunFailed(f"{command}: {data['error']}")
            if name == "JOB_STATUS_CHANGE" and data["status"] == "null":
                return

    def _read(self):
        deadline = time.monotonic() + JOB_SECONDS
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], max(deadline - time.monotonic(), 0))
            chunk = self._process.stdout.read1(65536) if ready else b""
            if not chunk:
                self._process.kill()
                raise RunFailed(f"the monitor is silent: {last_line(self._process.stderr.read().decode())}")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)
