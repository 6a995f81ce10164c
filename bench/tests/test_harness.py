"""Tests of the harness itself: python3 -m unittest discover -s bench/tests."""
import io
import os
import sys
import tempfile
import unittest
import xml.dom.minidom
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from cases import SUITES  # noqa: E402 (the path comes first)
from harness import calls, environments, main, plot, tables  # noqa: E402
from harness.bench import Bench, judge  # noqa: E402
from harness.model import Case, Metric, Speedup, Suite, VersusCase, Within  # noqa: E402
from harness.process import RunFailed  # noqa: E402


class Fake(environments.Environment):
    def can(self, what):
        return True


SUITE = Suite("fake", "Fake", [Metric("iops", "IOPS", ".0f", "more"), Metric("cpu", "CPU s")], lambda bench: [])


def bench_of(*arguments):
    options = main.parse(["--dir", f"tmp={tempfile.gettempdir()}", *arguments])
    bench = Bench(options, [Fake("byre"), Fake("qemu")], Fake("reference"))
    bench._say = lambda text: None
    return bench


class Runs(unittest.TestCase):
    def run_case(self, measure, *arguments, targets=(), is_count=False):
        case = Case("case", measure, targets=targets, is_count=is_count)
        bench = bench_of(*arguments)
        rows = bench.run_suite(SUITE, [case], io.StringIO())
        return bench, rows, rows[0][1]

    def test_environments_take_turns_and_the_initial_run_does_not_count(self):
        order = []

        def measure(environment, run_number):
            order.append((environment.name, run_number))
            return {"iops": len(order)}
        _, _, row = self.run_case(measure, "--count", "2")
        self.assertEqual(order, [("byre", 0), ("qemu", 0), ("byre", 1), ("qemu", 1), ("byre", 1), ("qemu", 1)])
        self.assertEqual([run["iops"] for run in row["byre"].runs], [3, 5])
        self.assertEqual((row["byre"].median("iops"), row["byre"].mean()), (4, 4))
        self.assertAlmostEqual(row["byre"].deviation(), 2 ** 0.5)

    def test_one_run_is_enough(self):
        _, rows, row = self.run_case(lambda *_: {"iops": 7}, "--count", "1", "--no-initial-run")
        self.assertIsNone(row["byre"].deviation())
        self.assertIn("7", tables.suite_table(SUITE, rows, "byre", "qemu", markdown=False))

    def test_failed_runs_are_counted_and_shown(self):
        def measure(environment, run_number):
            if environment.name == "byre":
                raise RunFailed("it broke")
            return {"iops": 1}
        bench, rows, row = self.run_case(measure, "--count", "2", "--no-initial-run", targets=(Speedup(1.0),))
        self.assertEqual((bench.failures, len(row["byre"].errors), len(row["qemu"].runs)), (2, 2, 2))
        self.assertIn("2 FAILED", tables.suite_table(SUITE, rows, "byre", "qemu", markdown=True))
        self.assertEqual([met for *_, met in judge(SUITE, rows, "byre", "qemu")], [False])

    def test_slow_runs_stop_early_once_there_are_two(self):
        def measure(environment, _):
            return {"iops": 1, "seconds": 100 if environment.name == "byre" else 1}
        _, _, row = self.run_case(measure, "--count", "5", "--no-initial-run", "--slow-limit", "50")
        self.assertEqual((len(row["byre"].runs), len(row["qemu"].runs)), (2, 5))
        self.assertIn("slow", row["byre"].count_text)

    def test_counts_are_taken_once(self):
        _, _, row = self.run_case(lambda *_: {"iops": 1}, "--count", "5", is_count=True)
        self.assertEqual(len(row["byre"].runs), 1)


class Targets(unittest.TestCase):
    def test_each_kind(self):
        figures = {("a", "byre"): 120, ("a", "qemu"): 100, ("b", "byre"): 100, ("b", "qemu"): 100}
        cases = [Case(name, lambda environment, _, name=name: {"iops": figures[name, environment.name], "cpu": 3},
                      targets=targets)
                 for name, targets in (("a", (Speedup(1.2), Speedup(1.3), Within("cpu", at_most=3))),
                                       ("b", (VersusCase("a", 0.9), Within("cpu", at_least=4))))]
        rows = bench_of("--count", "1").run_suite(SUITE, cases, io.StringIO())
        verdicts = list(judge(SUITE, rows, "byre", "qemu"))
        self.assertEqual([met for *_, met in verdicts], [True, False, True, False, False])
        table = tables.target_table([(SUITE, *verdict) for verdict in verdicts], markdown=True)
        self.assertIn("2 PASS, 3 MISS", table)


class Output(unittest.TestCase):
    def test_markdown_tables_have_as_many_columns_everywhere(self):
        table = tables.render(["case", "who", "IOPS"], [["a long name", "byre", "1"], ["b", "qemu", "12345"]], True)
        self.assertEqual({line.count("|") for line in table.splitlines()}, {4})
        self.assertEqual(len({len(line) for line in table.splitlines()}), 1)

    def test_the_plot_is_well_formed(self):
        records = [{"suite": "randwrite", "case": f"{kind} QD{depth} {cluster} ext_l2={extended}", "environment": name,
                    "summary": {"iops": {"median": 100.0 * len(cluster)}}}
                   for kind in ("backing", "no backing") for depth in (1, 32) for cluster in ("16K", "512K", "2M")
                   for extended in ("on", "off") for name in ("byre", "qemu")]
        picture = xml.dom.minidom.parseString(plot.svg(plot.series_of(records)))
        self.assertEqual(len(picture.getElementsByTagName("polyline")), 16)


class Calls(unittest.TestCase):
    def test_interrupted_calls_are_put_together(self):
        log = ['12 pwrite64(7</a b/disk.qcow2>, ""..., 4096, 65536 <unfinished ...>',
               '13 fdatasync(7</a b/disk.qcow2>)      = 0',
               '12 <... pwrite64 resumed>)            = 4096',
               '14 preadv(8</base.qcow2>, [{iov_base=""..., iov_len=512}], 1, 1024) = 512',
               '14 +++ exited with 0 +++']
        self.assertEqual(list(calls.parse(log)), [("fdatasync", "/a b/disk.qcow2", 0, 0),
                                                  ("pwrite64", "/a b/disk.qcow2", 4096, 65536),
                                                  ("preadv", "/base.qcow2", 512, 1024)])


class Definitions(unittest.TestCase):
    def test_cases_have_names_of_their_own_and_targets_name_what_exists(self):
        for arguments in ((), ("--quick",), ("--cache", "direct"), ("--compressed", "on")):
            bench = bench_of(*arguments)
            for suite in SUITES:
                cases = suite.cases(bench)
                names = [case.name for case in cases]
                self.assertEqual(len(names), len(set(names)), suite.name)
                keys = {metric.key for metric in suite.metrics}
                for target in (target for case in cases for target in case.targets):
                    self.assertTrue(not isinstance(target, VersusCase) or target.case in names, str(target))
                    self.assertTrue(not isinstance(target, Within) or target.metric in keys, str(target))

    def test_suites_are_found_by_name_and_their_cases_by_expression(self):
        selected = main.select(bench_of(), ["randwrite:QD32 64K", "micro"])
        self.assertEqual([suite.name for suite, _ in selected], ["randwrite", "micro"])
        self.assertTrue(all("QD32 64K" in case.name for case in selected[0][1]))
        with self.assertRaises(SystemExit):
            main.select(bench_of(), ["nothing"])

    def test_copies_name_folders_that_exist(self):
        with mock.patch("sys.stderr", io.StringIO()), self.assertRaises(SystemExit):
            main.parse(["--copy", "here:there"])


if __name__ == "__main__":
    unittest.main()
