"""Whether two ways of enlarging faces differ by more than chance, on the same pairs."""

from dataclasses import dataclass

import numpy as np

from srkit.errors import InputError
from srkit.evaluation.recognition.verification import Verification


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two methods on the same pairs: only those count of which one method alone is right.

    Attributes:
        only_first: Number of pairs that only the first method judges right.
        only_second: Number of pairs that only the second judges right.
        num_pairs: Number of all pairs.

    >>> McNemar(48, 64, 800).pairs_needed(0.0128)
    6705
    """

    only_first: int
    only_second: int
    num_pairs: int

    @property
    def difference(self) -> float:
        """The first method's share of right pairs, less the second's."""
        return (self.only_first - self.only_second) / self.num_pairs

    @property
    def p(self) -> float:
        """The two-sided p-value, exact: of a binomial distribution with probability one half."""
        from scipy.stats import binomtest  # slow to import

        num_different = self.only_first + self.only_second
        return float(binomtest(self.only_first, num_different).pvalue) if num_different else 1.0

    def pairs_needed(self, difference: float, power: float = 0.8) -> int | None:
        """How many pairs it takes to find a difference at the level 0.05 with that probability (Connor 1987).

        The share of pairs of which one method alone is right is taken to be the one found here.

        Args:
            difference: The difference in accuracy that is to be found, such as 0.0128 for 1.28 points.
            power: The probability of finding it if it is there.

        Returns:
            The number; None where no pair differs, or fewer than the difference would need.
        """
        from scipy.stats import norm

        share = (self.only_first + self.only_second) / self.num_pairs
        if difference == 0 or share < abs(difference):
            return None
        spread = norm.ppf(0.975) * np.sqrt(share) + norm.ppf(power) * np.sqrt(share - difference**2)
        return int(np.ceil((spread / difference) ** 2))


def mcnemar(first: Verification, second: Verification) -> McNemar:
    """Compares two methods on the same pairs (McNemar 1947).

    Args:
        first: What `verify` gave for the one.
        second: What it gave for the other.

    Raises:
        InputError: They are not of the same pairs.
    """
    if len(first.correct) != len(second.correct) or (first.same != second.same).any():
        raise InputError("The two results are of different pairs: compare methods on the same ones.")
    only_first, only_second = (first.correct & ~second.correct).sum(), (second.correct & ~first.correct).sum()
    return McNemar(int(only_first), int(only_second), len(first.correct))
