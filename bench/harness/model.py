"""What a suite of cases is made of."""
from dataclasses import dataclass, field
from typing import Callable, Optional


@dataclass(frozen=True)
class Metric:
    """One figure of a run. better: "more", "less", or None where it only informs."""
    key: str
    title: str
    format: str = ".2f"
    better: Optional[str] = None


@dataclass(frozen=True)
class Speedup:
    """Target: as many times better than the baseline environment, in the suite's first metric that has a direction."""
    at_least: float
    against: str = "baseline"

    def __str__(self):
        return f"at least {self.at_least:g} × {self.against}"


@dataclass(frozen=True)
class Within:
    """Target: one figure of ours, in its own unit."""
    metric: str
    at_most: Optional[float] = None
    at_least: Optional[float] = None

    def __str__(self):
        bounds = [f"{word} {value:g}" for word, value in (("at least", self.at_least), ("at most", self.at_most))
                  if value is not None]
        return f"{self.metric} {' and '.join(bounds)}"


@dataclass(frozen=True)
class VersusCase:
    """Target: as good as ours in another case of the same suite, in the suite's main metric."""
    case: str
    at_least: float

    def __str__(self):
        return f"at least {self.at_least:g} × \"{self.case}\""


@dataclass
class Case:
    """One thing to measure. `measure(environment, run)` does one run and returns its figures by key of a metric; run 0
    is where it may also verify what came out. It raises RunFailed where the run did not work.

    needs: what an environment has to have; only: names of environments, where the case is not for all.
    seconds: what one run in one environment takes, roughly, preparation included. is_count: figures that hardly vary:
    one run is enough."""
    name: str
    measure: Callable
    needs: tuple = ("img",)
    only: tuple = ()
    targets: tuple = ()
    seconds: float = 1.0
    is_count: bool = False

    def suits(self, environment):
        return all(environment.can(need) for need in self.needs) and (not self.only or environment.name in self.only)


@dataclass
class Suite:
    """A table: cases that have their metrics in common. `cases(bench)` builds them for the options given."""
    name: str
    title: str
    metrics: list
    cases: Callable
    notes: list = field(default_factory=list)
    extra_environments: tuple = ()

    @property
    def main(self):
        return next(metric for metric in self.metrics if metric.better)


COSTS = [Metric("wall", "wall s", ".3f", "less"), Metric("cpu", "CPU s", ".3f", "less"), Metric("rss", "RSS MB", ".0f")]
