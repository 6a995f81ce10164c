"""The runs: cases × environments, in turns."""
import json
import os
import sys
import time

from .model import Speedup, VersusCase
from .process import RunFailed, remove, run
from .statistics import Series, speedup

RUNS_BEFORE_STOPPING = 2
QUICK_SHARE = 0.25


class Bench:
    """What suites and cases are given: the options, folders, inputs and reference tools. Runs suites."""

    def __init__(self, options, environments, reference):
        self.options, self.environments, self.reference = options, environments, reference
        self.quick, self.verify = options.quick, not options.no_verify
        self.folders = options.folders
        self.folder = next(iter(self.folders.values()))
        self._inputs, self._work = set(), set()
        self.failures = 0

    def path(self, name, place=None):
        """The path of a file to work on; what is left there at the end is removed."""
        path = os.path.join(self.folders[place] if place else self.folder, name)
        self._work.add(path)
        return path

    def size(self, normal, quick):
        """A size or count that --quick makes smaller."""
        return quick if self.quick else normal

    def requests(self, normal, divisor=20):
        """How many requests a load makes: fewer with --quick, as many times more as --scale says."""
        return max(int(normal * self.options.scale / (divisor if self.quick else 1)), 50)

    def input(self, name, make, place=None):
        """The path of an input, made when it is first asked for; kept until the end, or for the next time (--keep)."""
        root, extension = os.path.splitext(name)
        folder = self.folders[place] if place else self.folder
        path = os.path.join(folder, f"{root}-quick{extension}" if self.quick else name)
        if not os.path.exists(path):
            self._say(f"  making {path}\n")
            make(path + ".new")
            os.rename(path + ".new", path)
        self._inputs.add(path)
        return path

    def make_image(self, path, size=None, options="", backing=None):
        """A new qcow2 image by the reference tool; an overlay has its backing file's size."""
        remove(path)
        run(self.reference.img + ["create", "-q", "-f", "qcow2"] + (["-o", options] if options else [])
            + (["-b", backing, "-F", "qcow2"] if backing else []) + [path] + ([size] if size else []))

    def check(self, path):
        run(self.reference.img + ["check", "-q", "-f", "qcow2", path])

    def clean_up(self):
        remove(*self._work)
        if not self.options.keep:
            remove(*self._inputs)

    def environments_of(self, suite, case):
        extra = [environment for environment in suite.extra_environments
                 if all(environment.name != chosen.name for chosen in self.environments)]
        return [environment for environment in self.environments + extra if case.suits(environment)]

    def counts_of(self, case):
        """Runs that count, and whether there is an initial one that does not."""
        if case.is_count:
            return 1, False
        return self.options.count, self.options.initial_run

    def seconds_of(self, suite, case):
        """What a case takes, roughly, with all its runs."""
        count, initial = self.counts_of(case)
        seconds = case.seconds * (QUICK_SHARE if self.quick and not case.is_count else 1)
        return seconds * (count + initial) * len(self.environments_of(suite, case))

    def run_suite(self, suite, cases, log):
        rows, started = [], time.perf_counter()
        for position, case in enumerate(cases):
            self._say(f"{suite.name} {position + 1}/{len(cases)}: {case.name} ")
            row = self._run_case(suite, case)
            self._say("\n")
            rows.append((case, row))
            for series in row.values():
                log.write(json.dumps(self._record(suite, case, series)) + "\n")
            log.flush()
        self._say(f"{suite.name} took {time.perf_counter() - started:.0f} s\n")
        return rows

    def _run_case(self, suite, case):
        row = {environment.name: Series(environment, suite.main) for environment in self.environments_of(suite, case)}
        count, initial = self.counts_of(case)
        for turn in range(-1 if initial else 0, count):
            for series in row.values():
                if not series.stopped_early:
                    self._run_once(case, series, turn, is_first=turn == (-1 if initial else 0))
        return row

    def _run_once(self, case, series, turn, is_first):
        started = time.perf_counter()
        try:
            figures = case.measure(series.environment, 0 if is_first else 1)
        except (RunFailed, OSError, ValueError) as error:
            series.errors.append(str(error))
            self.failures += 1
            self._say(f"\n  FAILED in {series.environment.name}: {error}\n")
            return
        if turn >= 0:
            series.runs.append(figures)
        self._say("." if turn >= 0 else "i")
        seconds = figures.get("wall") or figures.get("seconds") or time.perf_counter() - started
        if seconds > self.options.slow_limit and RUNS_BEFORE_STOPPING <= len(series.runs) < self.options.count:
            series.stopped_early = True

    def _record(self, suite, case, series):
        return {"time": int(time.time()), "suite": suite.name, "case": case.name,
                "environment": series.environment.name, "quick": self.quick, "runs": series.runs,
                "failed": series.errors, "stopped_early": series.stopped_early,
                "summary": series.summary([metric.key for metric in suite.metrics])}

    @staticmethod
    def _say(text):
        sys.stderr.write(text)
        sys.stderr.flush()


def judge(suite, rows, subject, baseline):
    """Every target of a suite with what was reached: (case, target, reached or None, is met)."""
    by_name = {case.name: row for case, row in rows}
    for case, row in rows:
        ours = row.get(subject)
        for target in case.targets:
            reached, met = None, False
            if isinstance(target, Speedup):
                theirs = row.get(baseline if target.against == "baseline" else target.against)
                reached = speedup(ours, theirs, suite.main) if ours and theirs else None
                met = reached is not None and reached >= target.at_least
            elif isinstance(target, VersusCase):
                other = by_name.get(target.case, {}).get(subject)
                reached = speedup(ours, other, suite.main) if ours and other else None
                met = reached is not None and reached >= target.at_least
            elif ours:
                reached = ours.median(target.metric)
                met = (reached is not None and (target.at_most is None or reached <= target.at_most)
                       and (target.at_least is None or reached >= target.at_least))
            yield case, target, reached, met
