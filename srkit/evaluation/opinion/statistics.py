"""What opinion tests need and SciPy lacks: intervals over raters and images, agreement, Bradley-Terry."""

from collections.abc import Sequence

import numpy as np

NUM_RESAMPLES = 2000
_MAX_ITERATIONS, _TOLERANCE = 1000, 1e-5  # of Bradley-Terry


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Corrects p-values for their number (Holm 1979). Where there is none, none is counted.

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    order = sorted((index for index, p in enumerate(p_values) if p is not None), key=lambda index: p_values[index])
    corrected, greatest = list(p_values), 0.0
    for rank, index in enumerate(order):
        greatest = max(greatest, min(1.0, (len(order) - rank) * p_values[index]))
        corrected[index] = greatest
    return corrected


def resamples(count: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of `count` things is drawn, in `NUM_RESAMPLES` draws of as many with replacement."""
    return rng.multinomial(count, np.full(count, 1 / count), size=NUM_RESAMPLES)


def interval(values: np.ndarray) -> list[float] | None:
    """The middle 95 % of the values of resamples. None where they do not differ, as with one rater and one image."""
    return np.percentile(values, [2.5, 97.5]).tolist() if len(np.unique(values)) > 1 else None


def mean_interval(ratings: np.ndarray, seed: int = 0) -> list[float] | None:
    """A 95 % interval of a mean: raters and images are both drawn anew (Owen 2007, the pigeonhole bootstrap).

    Both are samples of what the mean is to hold for. Drawing one of them alone gives an interval that is too short.

    Args:
        ratings: Array of shape (raters, images); NaN where an answer is missing.
        seed: Of the draws.

    Returns:
        `[low, high]`, or None where nothing can be drawn: one rater and one image.
    """
    if ratings.size < 2:
        return None
    rng = np.random.default_rng(seed)
    raters, images = (resamples(count, rng).astype(float) for count in ratings.shape)
    given = ~np.isnan(ratings)
    sums = ((raters @ np.where(given, ratings, 0)) * images).sum(axis=1)
    counts = ((raters @ given) * images).sum(axis=1)
    return interval(sums[counts > 0] / counts[counts > 0])


def weighted_kappa(first: Sequence[int], second: Sequence[int]) -> float | None:
    """Agreement of two series of ratings beyond chance, with quadratic weights (Cohen 1968).

    Returns:
        1 for equal series, 0 for agreement by chance; None where all ratings are equal, or there are none.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    by_chance = np.square(first[:, None] - second[None]).mean() if len(first) else 0.0
    return float(1 - np.square(first - second).mean() / by_chance) if by_chance else None


def intraclass_correlation(ratings: np.ndarray) -> tuple[float, float] | None:
    """Absolute agreement of raters who all saw all pictures: ICC(2,1) and ICC(2,k) of Shrout and Fleiss (1979).

    Args:
        ratings: Array of shape (pictures, raters), without gaps.

    Returns:
        The correlation of single raters and that of their mean; None for fewer than two raters or pictures, or where
        all ratings are equal.
    """
    pictures, raters = ratings.shape
    if min(pictures, raters) < 2 or np.ptp(ratings) == 0:
        return None
    centred = ratings - ratings.mean()
    of_pictures = raters * np.square(centred.mean(axis=1)).sum() / (pictures - 1)
    of_raters = pictures * np.square(centred.mean(axis=0)).sum() / (raters - 1)
    rest = np.square(centred - centred.mean(axis=1, keepdims=True) - centred.mean(axis=0)).sum()
    rest /= (pictures - 1) * (raters - 1)
    single = of_pictures + (raters - 1) * rest + raters * (of_raters - rest) / pictures
    mean = of_pictures + (of_raters - rest) / pictures
    return float((of_pictures - rest) / single), float((of_pictures - rest) / mean)


def bradley_terry(wins: np.ndarray) -> np.ndarray:
    """Scores such that the odds of i to win against j are exp(score i - score j) (Bradley and Terry 1952).

    Half a win each way is added to each pair: else a method that always wins would score infinity. The likelihood's
    maximum is found by Hunter's (2004) iteration.

    Args:
        wins: Array of shape (…, methods, methods): how often row won against column.

    Returns:
        The scores, of shape (…, methods), with mean 0.

    >>> bradley_terry(np.array([[0, 19.5], [6.0, 0]])).round(3)  # 20 to 6.5, with the half wins
    array([ 0.562, -0.562])
    """
    wins = wins + 0.5 * (1 - np.eye(wins.shape[-1]))
    compared, won = wins + np.swapaxes(wins, -1, -2), wins.sum(axis=-1)
    strength, scores = np.ones(won.shape), np.zeros(won.shape)
    for _ in range(_MAX_ITERATIONS):
        strength = won / (compared / (strength[..., :, None] + strength[..., None, :])).sum(axis=-1)
        before, scores = scores, np.log(strength) - np.log(strength).mean(axis=-1, keepdims=True)
        strength = np.exp(scores)
        if np.abs(scores - before).max() < _TOLERANCE:
            break
    return scores
