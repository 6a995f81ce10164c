"""Figures of several runs."""
import statistics


class Series:
    """The runs of one case in one environment."""

    def __init__(self, environment, main):
        self.environment, self._main = environment, main
        self.runs, self.errors, self.stopped_early = [], [], False

    def median(self, key):
        values = [run[key] for run in self.runs if run.get(key) is not None]
        return statistics.median(values) if values else None

    def mean(self, key=None):
        values = self._values(key)
        return statistics.fmean(values) if values else None

    def deviation(self, key=None):
        """The sample's standard deviation; None for a single run."""
        values = self._values(key)
        return statistics.stdev(values) if len(values) > 1 else None

    @property
    def count_text(self):
        text = str(len(self.runs)) + (" (slow)" if self.stopped_early else "")
        return f"{text}, {len(self.errors)} FAILED" if self.errors else text

    def summary(self, keys):
        return {key: {"median": self.median(key), "mean": self.mean(key), "deviation": self.deviation(key)}
                for key in keys if self.median(key) is not None}

    def _values(self, key):
        return [run[key or self._main.key] for run in self.runs if run.get(key or self._main.key) is not None]


def speedup(ours, theirs, metric):
    """How many times better ours is, by medians; None where one is missing."""
    mine, other = ours.median(metric.key), theirs.median(metric.key)
    if not mine or not other:
        return 1.0 if mine == other and mine is not None else None
    return mine / other if metric.better == "more" else other / mine
