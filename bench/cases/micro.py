"""Single functions of ours, measured by BenchmarkDotNet: the project bench/Byre.Benchmarks.

BenchmarkDotNet repeats and averages by itself, so that all its benchmarks run once, when the first case asks."""
import glob
import json
import os
import tempfile

from harness.environments import ROOT
from harness.model import Case, Metric, Suite, Within
from harness.process import RunFailed, run

KIB = 1024
# Class, method, parameters, bytes that one call works on, targets.
BENCHMARKS = [
    ("SliceLookup", "Hit", "Slices=2048", 0, (Within("ns", at_most=100),)),
    ("SliceLookup", "Miss", "Slices=2048", 0, (Within("ns", at_most=100),)),
    ("MappingLookup", "Lookup", "ExtendedL2=False", 0, (Within("ns", at_most=200),)),
    ("MappingLookup", "Lookup", "ExtendedL2=True", 0, (Within("ns", at_most=200),)),
    ("MappingLookup", "Read", "ExtendedL2=False", 4 * KIB, ()),
    ("MappingLookup", "Read", "ExtendedL2=True", 4 * KIB, ()),
    ("MappingLookup", "WriteInPlace", "ExtendedL2=False", 4 * KIB, ()),
    ("MappingLookup", "WriteInPlace", "ExtendedL2=True", 4 * KIB, ()),
    ("RefcountScan", "Compare", "", 64 * KIB, (Within("gbs", at_least=10),)),
    ("ZeroDetection", "Zeroes", "LengthBytes=4096", 4 * KIB, (Within("gbs", at_least=10),)),
    ("ZeroDetection", "Zeroes", "LengthBytes=65536", 64 * KIB, (Within("gbs", at_least=10),)),
    ("ZeroDetection", "DataInTheLastByte", "LengthBytes=65536", 64 * KIB, (Within("gbs", at_least=10),)),
    *(("ClusterCompression", method, f"Type={kind}, Content={content}", 64 * KIB, ())
      for method in ("Compress", "Decompress") for kind in ("zlib", "zstd") for content in ("text", "ones")),
    ("SparseRuns", "Find", "DataPercent=50", 2048 * KIB, ()),
]
NORMAL = ["--warmupCount", "3", "--iterationCount", "10", "--iterationTime", "250"]
QUICK = ["--warmupCount", "1", "--iterationCount", "3", "--iterationTime", "50"]


def cases(bench):
    figures = {}

    def measure_all():
        project = os.path.join(ROOT, "bench", "Byre.Benchmarks", "Byre.Benchmarks.csproj")
        run(["dotnet", "build", project, "-c", "Release", "--verbosity", "quiet", "-p:RunAnalyzers=false"])
        program = os.path.join(ROOT, "artifacts", "bin", "Byre.Benchmarks", "release", "Byre.Benchmarks.dll")
        names = sorted({f"*{name}*" for name, *_ in BENCHMARKS})
        with tempfile.TemporaryDirectory() as folder:
            run(["dotnet", program, "--inProcess", "--exporters", "json", "--artifacts", folder, "--filter", *names]
                + (QUICK if bench.quick else NORMAL))
            for path in glob.glob(os.path.join(folder, "results", "*.json")):
                with open(path) as file:
                    for result in json.load(file)["Benchmarks"]:
                        key = (result["Type"], result["Method"], result["Parameters"].replace("&", ", "))
                        figures[key] = result["Statistics"]

    def case(name, method, parameters, size, targets):
        def measure(_, __):
            if not figures:
                measure_all()
            found = figures.get((name, method, parameters))
            if not found:
                raise RunFailed("BenchmarkDotNet has no result for it")
            return {"ns": found["Median"], "deviation": found["StandardDeviation"],
                    "gbs": size / found["Median"] if size else None}
        return Case(f"{name}.{method} {parameters}".strip(), measure, needs=(), only=("byre",), targets=targets,
                    seconds=6, is_count=True)

    return [case(*benchmark) for benchmark in BENCHMARKS]


SUITE = Suite("micro", "Single functions (BenchmarkDotNet)",
              [Metric("ns", "ns", ".1f", "less"), Metric("deviation", "deviation", ".1f"),
               Metric("gbs", "GB/s", ".2f")], cases)
