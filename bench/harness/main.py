"""The command line."""
import argparse
import datetime
import fcntl
import os
import re
import sys
import tempfile

from cases import SUITES

from . import environments, plot, tables
from .bench import Bench, judge
from .process import RunFailed

EXAMPLES = """examples:
  bench/run --quick                       everything, small: does it all still work?
  bench/run                               everything, for figures that count: an otherwise idle machine, please
  bench/run randwrite:QD32 --count 5      the cases of one suite whose names match a regular expression
  bench/run convert --dir ssd=/mnt/ssd --dir ram=/dev/shm --copy ssd:ram --copy nbd:ssd
  bench/run randread --env byre --env before=/tmp/old/artifacts/bin --baseline before
"""


def main(arguments):
    options = parse(arguments)
    chosen = environments.choose(options.env or ["byre", "qemu"])
    reference = environments.from_folder("reference", options.reference)
    bench = Bench(options, chosen, reference)
    selected = select(bench, options.cases)
    if options.list:
        show_list(bench, selected)
        return 0
    if not reference.img:
        raise SystemExit("bench/run: qemu-img makes the images to measure on, and is missing (--reference FOLDER)")
    missing = [one.name for one in chosen if not (one.img or one.nbd or one.can("serve-raw"))]
    if missing:
        raise SystemExit(f"bench/run: no programs of {', '.join(missing)} (./byre --build makes ours)")
    return measure(bench, selected, options)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures Byre beside its peers.", epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE",
                        help="suites, or SUITE:REGEX for cases of one (default: all)")
    parser.add_argument("--list", action="store_true", help="list suites and cases with estimated times, run nothing")
    parser.add_argument("--count", type=int, help="runs in each environment (default 3; 1 with --quick)")
    parser.add_argument("--no-initial-run", dest="initial_run", action="store_false", default=None,
                        help="leave out the run that is not counted (--quick does)")
    parser.add_argument("--slow-limit", type=float, default=60, metavar="S",
                        help="once a run takes more seconds than this, two runs are enough (default 60)")
    parser.add_argument("--quick", action="store_true", help="small images, few requests: less than a minute a suite")
    parser.add_argument("--scale", type=float, default=1, metavar="X", help="so many times more requests (default 1)")
    parser.add_argument("--env", action="append", metavar="NAME[=FOLDER]",
                        help="byre, qemu, nbdkit-file, nbdkit-memory, or a folder of programs (default: byre, qemu)")
    parser.add_argument("--subject", default="byre", help="whose ratio is shown (default byre)")
    parser.add_argument("--baseline", default="qemu", help="what it is compared with (default qemu)")
    parser.add_argument("--reference", metavar="FOLDER", help="tools that make and verify images (default: PATH's)")
    parser.add_argument("--cache", choices=["direct", "cached", "both"], default="both", help="cache mode of targets")
    parser.add_argument("--compressed", choices=["on", "off", "both"], default="both", help="compressed targets")
    parser.add_argument("--dir", action="append", default=[], metavar="NAME=PATH",
                        help="a folder to measure in (default tmp=/tmp); the first holds what no --copy moves")
    parser.add_argument("--copy", action="append", default=[], metavar="SOURCE:TARGET",
                        help="where copies are read from and written to: names of --dir, or nbd (default: first:first)")
    parser.add_argument("--results", metavar="FOLDER", help="where tables, JSON lines and the plot go")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument("--no-verify", action="store_true", help="do not check what the first run of each case made")
    parser.add_argument("--keep", action="store_true", help="keep the images that cases start from for the next time")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a target is missed, too")
    options = parser.parse_args(arguments)
    options.count = options.count or (1 if options.quick else 3)
    options.initial_run = not options.quick if options.initial_run is None else options.initial_run
    folders = dict(pair.split("=", 1) for pair in options.dir)
    options.folders = {name: os.path.join(os.path.abspath(path), "byre-bench")
                       for name, path in (folders or {"tmp": tempfile.gettempdir()}).items()}
    first = next(iter(options.folders))
    options.pairs = [tuple(pair.split(":", 1)) for pair in options.copy] or [(first, first)]
    for pair in options.pairs:
        if len(pair) != 2 or any(place != "nbd" and place not in options.folders for place in pair):
            parser.error(f"--copy {':'.join(pair)}: not SOURCE:TARGET of names that --dir defines, or nbd")
    options.results = options.results or os.path.join(options.folders[first], "results")
    return options


def select(bench, names):
    """The suites and cases asked for, in the order of their definition."""
    wanted = [name.partition(":") for name in names]
    known = [suite.name for suite in SUITES]
    for name, *_ in wanted:
        if name not in known:
            raise SystemExit(f"bench/run: no suite {name!r}; there are {', '.join(known)}")
    selected = []
    for suite in SUITES:
        patterns = [pattern for name, _, pattern in wanted if name == suite.name]
        if wanted and not patterns:
            continue
        cases = [case for case in suite.cases(bench)
                 if not patterns or any(re.search(pattern, case.name) for pattern in patterns)]
        if cases:
            selected.append((suite, cases))
    return selected


def show_list(bench, selected):
    rows, everything = [], 0
    for suite, cases in selected:
        total = 0
        for case in cases:
            seconds = bench.seconds_of(suite, case)
            names = ", ".join(environment.name for environment in bench.environments_of(suite, case))
            targets = "; ".join(str(target) for target in case.targets)
            rows.append([f"{suite.name}: {case.name}", names, f"{seconds:.0f} s", targets])
            total += seconds
        rows.append([suite.name, "(all of it)", f"{total / 60:.1f} min", ""])
        everything += total
    print(tables.render(["case", "environments", "about", "target"], rows, bench.options.markdown, (0, 1, 3)))
    print(f"\nabout {everything / 60:.0f} minutes, and the time to make inputs")


def lock(folder):
    """Two measurements at once would measure each other."""
    os.makedirs(folder, exist_ok=True)
    file = open(os.path.join(folder, "lock"), "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"bench/run: another one runs in {folder}") from None
    return file


def measure(bench, selected, options):
    for folder in options.folders.values():
        os.makedirs(folder, exist_ok=True)
    held = lock(bench.folder)
    os.makedirs(options.results, exist_ok=True)
    results, report = (os.path.join(options.results, name) for name in ("results.jsonl", "tables.md"))
    subject, baseline = options.subject, options.baseline
    verdicts, markdown = [], [heading(bench)]
    try:
        with open(results, "w") as log:
            for suite, cases in selected:
                rows = bench.run_suite(suite, cases, log)
                print(tables.suite_table(suite, rows, subject, baseline, options.markdown), flush=True)
                markdown.append(tables.suite_table(suite, rows, subject, baseline, markdown=True))
                verdicts += [(suite, *verdict) for verdict in judge(suite, rows, subject, baseline)]
    except RunFailed as error:
        raise SystemExit(f"bench/run: an input cannot be made: {error}")
    finally:
        bench.clean_up()
        if verdicts:
            print(tables.target_table(verdicts, options.markdown))
            markdown.append(tables.target_table(verdicts, markdown=True))
        with open(report, "w") as file:
            file.write("\n".join(markdown))
    if plot.write(results, os.path.join(options.results, "subclusters.svg")):
        print(f"plot: {options.results}/subclusters.svg", file=sys.stderr)
    print(f"results: {results}, {report}", file=sys.stderr)
    held.close()
    missed = any(not met for *_, met in verdicts)
    return 1 if bench.failures or (options.strict and missed) else 0


def heading(bench):
    """What was measured, on what, when."""
    with open("/proc/meminfo") as file:
        memory_gb = int(file.readline().split()[1]) / 1e6
    lines = [f"{datetime.date.today()}: {os.cpu_count()} cores, {memory_gb:.0f} GB, Linux {os.uname().release}, load "
             f"{os.getloadavg()[0]:.1f} at the start. " + ("Small sizes (--quick). " if bench.quick else "")
             + f"Medians of {bench.options.count} runs in turns; figures of counts are of one run.", ""]
    lines += [f"- {environment.name}: {environment.version()}" for environment in bench.environments]
    return "\n".join(lines) + "\n"
