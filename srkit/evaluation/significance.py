"""Whether two models' scores on the same images differ by more than chance."""

import numpy as np

_MAX_EXACT = 50  # images; above, p is that of the normal approximation
MIN_DIFFERENT = 6  # with n images the smallest two-sided p is 2 / 2**n: 0.0625 for 5, 0.03125 for 6


def wilcoxon_p(first: list[float], other: list[float]) -> float | None:
    """The p-value of the paired two-sided Wilcoxon signed-rank test.

    Args:
        first: The scores of one model, one for each image.
        other: Those of the other model on the same images.

    Returns:
        The p-value over the images whose scores differ (the others say nothing), or None for fewer than 6 of them.
    """
    from scipy.stats import rankdata, wilcoxon  # here, since it is slow to import and no other command needs it

    different = np.not_equal(first, other)  # before they are subtracted: two infinite PSNR are equal
    differences = np.subtract(other, first, where=different, out=np.zeros(len(first)))[different]
    if len(differences) < MIN_DIFFERENT:
        return None
    if len(differences) > _MAX_EXACT:
        return float(wilcoxon(differences).pvalue)
    # SciPy's exact test of equal differences, which opinions have, tries all signs one by one, for seconds.
    ranks = (2 * rankdata(np.abs(differences))).astype(int)  # twice, since equal ones share a mean rank
    chances = np.ones(1)  # of each sum of the ranks of positive differences
    for rank in ranks:
        chances = np.pad(chances, (0, rank)) / 2 + np.pad(chances, (rank, 0)) / 2
    positive = ranks[differences > 0].sum()
    return min(1.0, 2 * float(min(chances[: positive + 1].sum(), chances[positive:].sum())))


def explain_p(first: str, num_images: int) -> str:
    """What the p-values of a table say.

    Args:
        first: The model that the others are compared with.
        num_images: Number of images.
    """
    if num_images < MIN_DIFFERENT:
        return f"no p-values: with {num_images} images none below 0.05 is possible; it takes {MIN_DIFFERENT}"
    return (
        f"p: paired two-sided Wilcoxon signed-rank test against {first} over {num_images} images, not corrected for "
        f"several comparisons; none where fewer than {MIN_DIFFERENT} images differ"
    )
