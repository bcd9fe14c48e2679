"""What the answers of a pairwise study say: Bradley-Terry scores, and a sign test for each pair of methods."""

import itertools

import numpy as np

from srkit.evaluation.opinion.answers import REPEAT, TEST
from srkit.evaluation.opinion.statistics import bradley_terry, holm, interval, resamples
from srkit.evaluation.opinion.study import Study


def report_pairs(study: Study, given: dict[str, list[dict]]) -> dict:
    """The parts of a report that only pairwise studies have.

    Args:
        study: The study.
        given: For each rater the answers of the test.

    Returns:
        `"methods"`: for each set and method the Bradley-Terry score with a 95 % interval (raters and images drawn
        anew), and wins and losses; `"comparisons"`: for each set and pair of methods the answers for each, the images
        won by each, and p of the exact two-sided sign test over images, with Holm's correction; `"repeats"`: how many
        repeated pairs got the same answer, with the sides exchanged; `"left"`: share of answers for the left picture.
    """
    methods, comparisons = [], []
    for name in study.sets:
        wins = _wins(study, given, name)
        methods += _about_methods(study, name, wins)
        comparisons += _compare(study, name, wins)
    records = [record for each in given.values() for record in each]
    left = float(np.mean([record["answer"] == 1 for record in records]))
    return {"methods": methods, "comparisons": comparisons, "repeats": _repeats(given), "left": left}


def _chosen(record: dict) -> tuple[str, str]:
    """The picture that was found better, and the other one."""
    left, right = record["pictures"]
    return (left, right) if record["answer"] == 1 else (right, left)


def _wins(study: Study, given: dict[str, list[dict]], name: str) -> np.ndarray:
    """Array of shape (raters, images, methods, methods): how often row won against column."""
    images = list(dict.fromkeys(each.image for each in study.pictures.values() if each.set == name))
    wins = np.zeros((len(given), len(images), len(study.methods), len(study.methods)))
    for rater, records in enumerate(given.values()):
        for record in records:
            better, worse = (study.pictures[key] for key in _chosen(record))
            if record["part"] == TEST and better.set == name:
                row, column = (study.methods.index(each.method) for each in (better, worse))
                wins[rater, images.index(better.image), row, column] += 1
    return wins


def _about_methods(study: Study, name: str, wins: np.ndarray) -> list[dict]:
    rng = np.random.default_rng(0)
    raters, images = (resamples(count, rng).astype(float) for count in wins.shape[:2])
    drawn = np.einsum("br,bi,rijk->bjk", raters, images, wins, optimize=True)
    scores = bradley_terry(drawn)
    total = wins.sum(axis=(0, 1))
    best = bradley_terry(total)
    rows = []
    for index, method in enumerate(study.methods):
        won, lost = int(total[index].sum()), int(total[:, index].sum())
        known = {"score": float(best[index]), "interval": interval(scores[:, index])}
        known = known if won or lost else {"score": None, "interval": None}
        rows.append({"set": name, "method": method, **known, "wins": won, "losses": lost})
    return rows


def _compare(study: Study, name: str, wins: np.ndarray) -> list[dict]:
    """Each pair of methods. An image is won by the method that most raters chose; a draw says nothing."""
    from scipy.stats import binomtest  # here, since it is slow to import

    per_image = wins.sum(axis=0)
    rows = []
    for (one, first), (two, other) in itertools.combinations(enumerate(study.methods), 2):
        lead = np.sign(per_image[:, two, one] - per_image[:, one, two])
        won = [int((lead == side).sum()) for side in (-1, 1)]
        rows.append(
            {
                "set": name,
                "first": first,
                "other": other,
                "answers": [int(per_image[:, one, two].sum()), int(per_image[:, two, one].sum())],
                "images": won,
                "p_uncorrected": float(binomtest(won[0], sum(won)).pvalue) if sum(won) else None,
            }
        )
    for row, p in zip(rows, holm([row["p_uncorrected"] for row in rows])):
        row["p"] = p
    return rows


def _repeats(given: dict[str, list[dict]]) -> dict:
    same = []
    for records in given.values():
        before = {frozenset(each["pictures"]): _chosen(each)[0] for each in records if each["part"] == TEST}
        repeated = [each for each in records if each["part"] == REPEAT and frozenset(each["pictures"]) in before]
        same += [_chosen(each)[0] == before[frozenset(each["pictures"])] for each in repeated]
    return {"pairs": len(same), "same": sum(same)}
