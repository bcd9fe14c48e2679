"""LFW's protocol: the threshold is found on all folds but one, and tried on that one."""

from dataclasses import dataclass

import numpy as np

from srkit.errors import InputError
from srkit.evaluation.recognition.lfw import FacePairs


@dataclass(frozen=True)
class Verification:
    """How well an embedding tells pairs of one person from pairs of two.

    Attributes:
        scores: For each pair the cosine of its embeddings.
        same: For each pair whether it is of one person.
        correct: For each pair whether it was judged right, by the threshold of the other folds.
        fold_accuracies: For each fold the share of its pairs that were judged right.
        thresholds: For each fold the cosine from which on a pair counts as one person.
    """

    scores: np.ndarray
    same: np.ndarray
    correct: np.ndarray
    fold_accuracies: np.ndarray
    thresholds: np.ndarray

    @property
    def accuracy(self) -> float:
        """The mean of the folds' accuracies."""
        return float(self.fold_accuracies.mean())

    @property
    def standard_error(self) -> float:
        """Of the accuracy, from the spread of the folds, as LFW's tables give it."""
        return float(self.fold_accuracies.std(ddof=1) / np.sqrt(len(self.fold_accuracies)))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The interval of the accuracy (Wilson 1927), with the pairs taken as independent."""
        from scipy.stats import binomtest  # slow to import

        bounds = binomtest(int(self.correct.sum()), len(self.correct)).proportion_ci(confidence, method="wilson")
        return float(bounds.low), float(bounds.high)

    def roc(self) -> tuple[np.ndarray, np.ndarray]:
        """The curve of receiver operating characteristic: shares of pairs accepted, of two persons and of one."""
        thresholds = np.concatenate([[np.inf], np.unique(self.scores)[::-1]])
        shares = (
            1 - np.searchsorted(np.sort(self.scores[self.same == kind]), thresholds) / (self.same == kind).sum()
            for kind in (False, True)
        )
        return next(shares), next(shares)

    @property
    def roc_area(self) -> float:
        """The area under that curve: how often a pair of one person has a higher cosine than a pair of two."""
        from scipy.integrate import trapezoid  # slow to import

        accepted_different, accepted_same = self.roc()
        return float(trapezoid(accepted_same, accepted_different))


def verify(embeddings: np.ndarray, pairs: FacePairs) -> Verification:
    """Judges pairs by the cosines of their embeddings, in the protocol of LFW (Huang et al. 2007, View 2).

    For each fold, the mean embedding of the other folds' faces is subtracted first, as FaceNet's own evaluation can do:
    small faces have much in common, which says nothing of who they are. The threshold is the one with most of the
    other folds' pairs judged right; of several such, the one in the middle.

    Args:
        embeddings: Array of shape (faces, numbers), one row for each of `pairs.faces`.
        pairs: The pairs, in two folds or more.

    Raises:
        InputError: The array has another shape, or holds values that are not finite.
    """
    embeddings = _checked(embeddings, pairs)
    scores, correct = np.empty(len(pairs)), np.empty(len(pairs), bool)
    accuracies, thresholds = [], []
    for fold in np.unique(pairs.fold):
        tried = pairs.fold == fold
        others = np.concatenate([pairs.first[~tried], pairs.second[~tried]])
        cosines = _cosines(embeddings - embeddings[others].mean(axis=0), pairs)
        threshold = _best_threshold(cosines[~tried], pairs.same[~tried])
        scores[tried] = cosines[tried]
        correct[tried] = (cosines[tried] >= threshold) == pairs.same[tried]
        accuracies.append(correct[tried].mean())
        thresholds.append(threshold)
    return Verification(scores, pairs.same, correct, np.array(accuracies), np.array(thresholds))


def _checked(embeddings: np.ndarray, pairs: FacePairs) -> np.ndarray:
    embeddings = np.asarray(embeddings, np.float64)
    if embeddings.ndim != 2 or len(embeddings) != len(pairs.faces):
        raise InputError(
            f"The embedding must give one vector for each of the {len(pairs.faces)} faces; received an array of shape "
            f"{embeddings.shape}."
        )
    (bad,) = np.nonzero(~np.isfinite(embeddings).all(axis=1) | ~embeddings.any(axis=1))
    if len(bad):
        raise InputError(
            f"The embedding of {len(bad)} of {len(embeddings)} faces, {pairs.names[bad[0]]} for one, has values that "
            "are not finite, or only zeros: is the network whole, and are its faces in the range that it expects?"
        )
    return embeddings


def _cosines(embeddings: np.ndarray, pairs: FacePairs) -> np.ndarray:
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = embeddings / np.maximum(lengths, np.finfo(np.float64).tiny)
    return (unit[pairs.first] * unit[pairs.second]).sum(axis=1)


def _best_threshold(scores: np.ndarray, same: np.ndarray) -> float:
    """The cosine from which on a pair counts as one person."""
    order = np.argsort(scores)
    scores, same = scores[order], same[order]
    num_different_below = np.concatenate([[0], np.cumsum(~same)])
    num_same_from = np.concatenate([np.cumsum(same[::-1])[::-1], [0]])
    # Between two neighbours, and beyond both ends; between equal ones there is no threshold.
    candidates = np.concatenate([[scores[0] - 1], (scores[1:] + scores[:-1]) / 2, [scores[-1] + 1]])
    num_right = (num_different_below + num_same_from) * np.concatenate([[True], scores[1:] > scores[:-1], [True]])
    (best,) = np.nonzero(num_right == num_right.max())
    return float(candidates[best[len(best) // 2]])
