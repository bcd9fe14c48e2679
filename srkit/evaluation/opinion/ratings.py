"""What the answers of a study with ratings say: mean opinion scores, whether they differ, and how reliable they are."""

import itertools
from collections.abc import Iterable

import numpy as np

from srkit.evaluation.opinion.answers import REPEAT, TEST
from srkit.evaluation.opinion.statistics import holm, intraclass_correlation, mean_interval, weighted_kappa
from srkit.evaluation.opinion.study import ORIGINAL, SCORES, Study
from srkit.evaluation.significance import wilcoxon_p


def report_ratings(study: Study, given: dict[str, list[dict]]) -> dict:
    """The parts of a report that only studies with ratings have.

    Args:
        study: The study.
        given: For each rater the answers of the test.

    Returns:
        `"methods"`: for each set and method the mean opinion score with a 95 % interval (raters and images drawn anew),
        the number of answers for each score, and the metrics' means; `"comparisons"`: for each set and pair of methods
        the difference, and p of Wilcoxon's signed-rank test over images, with Holm's correction; `"correlations"`: for
        each set and metric Spearman's rank correlation with the opinion over pictures; `"repeats"` and `"agreement"`:
        reliability of each rater, and of all together.
    """
    ratings = _Ratings(study, given)
    methods, comparisons, correlations = [], [], []
    for name in study.sets:
        tables = {method: ratings.table(name, method) for method in study.methods}
        methods += [_about_method(study, name, method, table) for method, table in tables.items()]
        comparisons += _compare(name, tables)
        correlations += _correlate(study, ratings, name)
    return {
        "methods": methods,
        "comparisons": comparisons,
        "correlations": correlations,
        "repeats": _repeats(given.values()),
        "agreement": ratings.agreement(),
    }


class _Ratings:
    """The answers of the test as a table of raters and pictures, NaN where one is missing."""

    def __init__(self, study: Study, given: dict[str, list[dict]]):
        self._column = {name: index for index, name in enumerate(study.pictures)}
        self._study = study
        self._values = np.full((len(given), len(self._column)), np.nan)
        for row, records in enumerate(given.values()):
            for record in records:
                if record["part"] == TEST:
                    self._values[row, self._column[record["pictures"][0]]] = record["answer"]

    def table(self, name: str, method: str) -> np.ndarray:
        """Array of shape (raters, images) of a method and a set."""
        shown = self._study.pictures.items()
        columns = [self._column[key] for key, each in shown if (each.set, each.method) == (name, method)]
        return self._values[:, columns]

    def opinion(self, key: str) -> float:
        """The mean of a picture; NaN without an answer."""
        return float(_mean(self._values[:, self._column[key]]))

    def agreement(self) -> dict | None:
        """The intraclass correlation over pictures that all raters who have finished have rated."""
        complete = self._values[~np.isnan(self._values).any(axis=1)]
        found = intraclass_correlation(complete.T)
        return found and {"icc_single": found[0], "icc_mean": found[1], "raters": len(complete)}


def _mean(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """The mean of what is there, NaN where nothing is."""
    given = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(given, values, 0).sum(axis=axis) / given.sum(axis=axis)


def _about_method(study: Study, name: str, method: str, table: np.ndarray) -> dict:
    pictures = [each for each in study.pictures.values() if (each.set, each.method) == (name, method)]
    is_measured = method != ORIGINAL
    return {
        "set": name,
        "method": method,
        "mos": _finite(_mean(table)),
        "interval": mean_interval(table),
        "answers": int((~np.isnan(table)).sum()),
        "distribution": [int((table == score).sum()) for score in SCORES],
        "metrics": {
            metric: float(np.mean([each.scores[metric] for each in pictures])) if is_measured else None
            for metric in study.metrics
        },
    }


def _compare(name: str, tables: dict[str, np.ndarray]) -> list[dict]:
    """Each pair of methods: the mean difference over images, and Wilcoxon's p with Holm's correction."""
    rows = []
    for first, other in itertools.combinations(tables, 2):
        means = [_mean(tables[method], axis=0) for method in (first, other)]
        both = ~np.isnan(means).any(axis=0)
        before, after = (mean[both] for mean in means)
        differences = np.round(after - before, 9)  # so that those that are equal stay so
        p = wilcoxon_p([0.0] * len(differences), differences.tolist())
        difference = float(differences.mean()) if both.any() else None
        rows.append({"set": name, "first": first, "other": other, "difference": difference, "p_uncorrected": p})
    for row, p in zip(rows, holm([row["p_uncorrected"] for row in rows])):
        row["p"] = p
    return rows


def _correlate(study: Study, ratings: _Ratings, name: str) -> list[dict]:
    """Spearman's correlation of each metric with the opinion, over the pictures that the metric measures."""
    from scipy.stats import spearmanr  # here, since it is slow to import

    rows = []
    shown = [
        (picture, ratings.opinion(key))
        for key, picture in study.pictures.items()
        if picture.set == name and picture.method != ORIGINAL
    ]
    shown = [(picture, opinion) for picture, opinion in shown if not np.isnan(opinion)]
    for metric in study.metrics:
        values, opinions = [picture.scores[metric] for picture, _ in shown], [opinion for _, opinion in shown]
        varies = len(set(values)) > 1 and len(set(opinions)) > 1
        rho = float(spearmanr(values, opinions).statistic) if varies else None
        rows.append({"set": name, "metric": metric, "spearman": rho, "pictures": len(shown)})
    return rows


def _repeats(raters: Iterable[list[dict]]) -> dict:
    """How the second answers to the same pictures differ from the first."""
    first, second = [], []
    for records in raters:
        before = {tuple(record["pictures"]): record["answer"] for record in records if record["part"] == TEST}
        for record in records:
            if record["part"] == REPEAT and tuple(record["pictures"]) in before:
                first.append(before[tuple(record["pictures"])])
                second.append(record["answer"])
    difference = float(np.mean(np.subtract(second, first))) if first else None
    return {"pairs": len(first), "kappa": weighted_kappa(first, second), "mean_difference": difference}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
