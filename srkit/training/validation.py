"""What validation measures and shows: scores over whole images, pictures of their middles."""

from collections.abc import Callable, Iterator

import numpy as np

from srkit.data.pairs import AnyPairs
from srkit.evaluation import metrics

NUM_PICTURES, PICTURE_PX = 3, 192


def mean_scores(valid: AnyPairs, reconstruct: Callable[[np.ndarray, int], np.ndarray]) -> dict[str, float]:
    """Mean PSNR and SSIM over whole images: Y channel, as many pixels cut as the scale. Of several scales also each."""
    scores = {}
    for part in valid.pairs_by_scale:
        values = {f"psnr_x{part.scale}": [], f"ssim_x{part.scale}": []}
        for lr, hr in part.pairs():
            sr = reconstruct(lr, part.scale)
            for metric, measured in zip((metrics.psnr, metrics.ssim), values.values()):
                measured.append(metric(hr, sr, border=part.scale, channel="y"))
        scores |= {name: float(np.mean(measured)) for name, measured in values.items()}
    means = {
        name: float(np.mean([value for key, value in scores.items() if key.startswith(name)]))
        for name in ("psnr", "ssim")
    }
    return means | (scores if len(valid.pairs_by_scale) > 1 else {})


def picture_crops(valid: AnyPairs) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Yields `(scale, index, lr, hr)` of the middles that validation shows."""
    for part in valid.pairs_by_scale:
        for index in range(min(NUM_PICTURES, len(part))):
            yield part.scale, index, *picture_crop(*part[index], part.scale)


def picture_crop(lr: np.ndarray, hr: np.ndarray, scale: int, size_px: int = PICTURE_PX):
    """The middle of a pair, aligned: about `size_px` HR px a side."""
    height, width = (min(side, size_px // scale) for side in lr.shape[:2])
    top, left = (lr.shape[0] - height) // 2, (lr.shape[1] - width) // 2
    rows, columns = slice(top, top + height), slice(left, left + width)
    hr_rows, hr_columns = (slice(part.start * scale, part.stop * scale) for part in (rows, columns))
    return lr[rows, columns], hr[hr_rows, hr_columns]


def colour_shift(pictures: list[tuple]) -> float:
    """How far the mean colour of SR is from LR's, in grey levels: the mean over the pictures."""
    return float(np.mean([metrics.colour_shift(lr, sr) for _, _, lr, _, sr in pictures]))
