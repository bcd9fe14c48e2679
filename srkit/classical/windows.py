"""What A+ sees and what it predicts: windows of 3x3 LR px in an interpolated image, one around each LR px.

Arrays in *blocks* have the shape (height, width, values): all values that belong to one LR px. LR px at the edge are in
no window, so that there are windows around all but two rows and columns of LR px on each side.
"""

import itertools

import numpy as np

SIDE = 3  # of a window in LR px
SMALLEST_PX = SIDE + 2  # side of an LR image that has a window


def to_blocks(image: np.ndarray, scale: int) -> np.ndarray:
    """From shape (height * scale, width * scale) to blocks of scale * scale values."""
    height, width = (side // scale for side in image.shape)
    return image.reshape(height, scale, width, scale).swapaxes(1, 2).reshape(height, width, -1)


def from_blocks(blocks: np.ndarray, scale: int) -> np.ndarray:
    """The reverse of `to_blocks`."""
    height, width = blocks.shape[:2]
    return blocks.reshape(height, width, scale, scale).swapaxes(1, 2).reshape(height * scale, width * scale)


def gradients(enlarged: np.ndarray, scale: int) -> np.ndarray:
    """First and second differences of an interpolated image, along its width and height, over one LR px.

    Args:
        enlarged: float32 array of shape (height * scale, width * scale). Outside of it, zeros are taken.
        scale: HR side / LR side.

    Returns:
        Blocks of 4 * scale * scale values: first differences along the width, along the height, then second ones.
    """
    along_width = _differences(enlarged, scale)
    along_height = [difference.T for difference in _differences(enlarged.T, scale)]
    ordered = itertools.chain(*zip(along_width, along_height, strict=True))
    return np.concatenate([to_blocks(difference, scale) for difference in ordered], axis=2)


def windows(blocks: np.ndarray) -> np.ndarray:
    """All windows of an image.

    Args:
        blocks: Array of shape (height, width, values).

    Returns:
        Array of shape (height - 4, width - 4, 9 * values).
    """
    return np.concatenate([blocks[place] for place in _places(*blocks.shape[:2])], axis=2)


def project(blocks: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """The product of all windows with a matrix, without making the windows.

    Args:
        blocks: float32 array of shape (height, width, values).
        basis: float32 array of shape (9 * values, components).

    Returns:
        float32 array of shape (height - 4, width - 4, components).
    """
    matrices = basis.reshape(SIDE**2, blocks.shape[2], -1)
    places = _places(*blocks.shape[:2])
    return sum(blocks[place] @ matrix for place, matrix in zip(places, matrices, strict=True))


def average(found: np.ndarray, height: int, width: int) -> np.ndarray:
    """The blocks of an image, each the mean of all windows that it is in; zeros where it is in none.

    Args:
        found: float32 array of shape (height - 4, width - 4, 9 * values): the windows.
        height: The image's height in LR px.
        width: Its width in LR px.
    """
    parts = np.split(found, SIDE**2, axis=2)
    blocks = np.zeros((height, width, parts[0].shape[2]), np.float32)
    counts = np.zeros((height, width, 1), np.float32)
    for place, part in zip(_places(height, width), parts, strict=True):
        blocks[place] += part
        counts[place] += 1
    return np.divide(blocks, counts, out=blocks, where=counts > 0)


def _differences(image: np.ndarray, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """First and second differences along the width."""
    width, half = image.shape[1], -(-scale // 2)
    padded = np.pad(image, [(0, 0), (scale, scale)])
    first = padded[:, scale + half : scale + half + width] - padded[:, half : half + width]
    second = (padded[:, 2 * scale :] + padded[:, :width]) / 2 - image
    return first, second


def _places(height: int, width: int) -> list[tuple[slice, slice]]:
    """For each of a window's nine LR px, where in the image all windows have it."""
    return [
        (slice(1 + row, height - SIDE + row), slice(1 + column, width - SIDE + column))
        for row in range(SIDE)
        for column in range(SIDE)
    ]
