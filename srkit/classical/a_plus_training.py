"""Training of A+: components, anchors, and a ridge regression for each anchor from the samples most like it."""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from srkit.classical.a_plus import APlus, luma
from srkit.classical.ksvd import ksvd
from srkit.classical.windows import SIDE, SMALLEST_PX, gradients, project, to_blocks, windows
from srkit.errors import InputError, check_choice
from srkit.image import SCALES, centre_crop, crop_to_multiple, downscale, interpolate, read_image
from srkit.progress import bar_stream

_SIDE_PX = 512  # what is outside is cut off: many photographs teach more than large ones
_ENERGY = 0.999  # that the principal components keep
_SMALLER, _MOST_SIZES = 0.98, 12
_DICTIONARY_WINDOWS = 100_000
_TOO_FLAT = 0.1  # length of features from which on both sides of a sample are normalised
_BLOCK = 32768  # of samples in one product


class _Samples(NamedTuple):
    """Samples for the regression.

    Attributes:
        features: float32 array of shape (number, components), rows of length 1.
        detail: float16 array of shape (number, values): what is to be predicted, divided by the features' length.
    """

    features: np.ndarray
    detail: np.ndarray


def train_a_plus(
    photographs: "Sequence[str | os.PathLike]",
    scale: int,
    num_anchors: int = 1024,
    num_samples: int = 5_000_000,
    num_neighbours: int = 2048,
    ridge: float = 0.1,
    seed: int = 0,
) -> APlus:
    """Trains A+ as published (Timofte et al. 2014), on pairs made by the bicubic kernel.

    The samples are all windows of the photographs, of copies at 0.98 of their size, 0.98², and so on, until there are
    enough, with 12 sizes at most. Of more, some are drawn at random. Of a photograph, the middle 512x512 px are taken.

    ```python
    model = train_a_plus(list_images("holidays"), scale=4, num_anchors=64, num_samples=20_000)
    srkit.save_weights(model, "a-plus.weights.h5", half=True)
    ```

    Args:
        photographs: Paths of HR images.
        scale: HR side / LR side: 2, 3, 4 or 8.
        num_anchors: Number of anchors: the atoms of a dictionary by K-SVD.
        num_samples: The most samples to learn from. Each takes some 200 to 450 bytes of memory.
        num_neighbours: How many samples each anchor's map is made of.
        ridge: The weight of the map's square in its regression.
        seed: Decides what is drawn.

    Raises:
        InputError: A photograph cannot be read, or there are fewer windows than anchors or neighbours.
    """
    check_choice("scale", scale, SCALES)
    rng = np.random.default_rng(seed)
    images = [luma(centre_crop(read_image(path), _SIDE_PX, _SIDE_PX)) for path in _shown(photographs, "Reading")]
    images = [image for image in images if _num_windows(image, scale)]
    available, needed = sum(_num_windows(image, scale) for image in images), 8 * max(num_anchors, num_neighbours)
    if available < needed:
        raise InputError(
            f"The photographs have {available:,} windows of {SIDE * scale}x{SIDE * scale} px; A+ with {num_anchors} "
            f"anchors needs {needed:,}. Give more or larger photographs."
        )
    features, basis = _dictionary_features(images, scale, min(1, 4 * _DICTIONARY_WINDOWS / available), rng)
    model = APlus(scale, basis.shape[1], num_anchors)
    model.weights["basis"][:] = basis
    model.weights["anchors"][:] = ksvd(features, num_anchors, seed=seed)
    samples = _draw_samples(images, model, min(_MOST_SIZES, -(-num_samples // available)), num_samples, rng)
    for anchor, nearest in enumerate(_nearest(model.weights["anchors"], samples.features, num_neighbours)):
        model.weights["maps"][anchor] = _ridge_regression(
            samples.features[nearest], samples.detail[nearest].astype(np.float32), ridge
        )
    return model


def _num_windows(image: np.ndarray, scale: int) -> int:
    height, width = (max(0, side // scale - SMALLEST_PX + 1) for side in image.shape)
    return height * width


def _pair(image: np.ndarray, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of the interpolated LR, and what it lacks of HR, in blocks."""
    hr = np.ascontiguousarray(crop_to_multiple(image, scale))
    enlarged = interpolate(downscale(hr, scale), scale)
    return gradients(enlarged, scale), to_blocks(hr - enlarged, scale)


def _dictionary_features(
    images: list[np.ndarray], scale: int, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Every second window along height and width, or a share of them, in principal components, and these."""
    num_values = 4 * (SIDE * scale) ** 2
    found, energy = [], np.zeros((num_values, num_values))
    for image in _shown(images, "Components"):
        part = windows(_pair(image, scale)[0])[::2, ::2].reshape(-1, num_values)
        part = part[rng.random(len(part)) < share]
        energy += part.T @ part
        found.append(part)
    values, vectors = np.linalg.eigh(energy)
    basis = vectors[:, np.cumsum(values) > (1 - _ENERGY) * values.sum()].astype(np.float32)
    return np.concatenate([part @ basis for part in found]), basis


def _draw_samples(
    images: list[np.ndarray], model: APlus, num_sizes: int, most: int, rng: np.random.Generator
) -> _Samples:
    """Windows of all images in several sizes, normalised; of too many, a random part."""
    sizes = [_SMALLER**index for index in range(num_sizes)]
    available = sum(_num_windows(image, model.scale) * size**2 for image in images for size in sizes)
    share = min(1, most / available)
    num_components, num_values = model.weights["maps"].shape[1:]
    samples = _Samples(np.empty((most, num_components), np.float32), np.empty((most, num_values), np.float16))
    count = 0
    for image, size in _shown([(image, size) for size in sizes for image in images], "Samples"):
        features, detail = _sample(_resized(image, size), model)
        chosen = np.flatnonzero(rng.random(len(features)) < share)[: most - count]
        samples.features[count : count + len(chosen)] = features[chosen]
        samples.detail[count : count + len(chosen)] = detail[chosen]
        count += len(chosen)
    return _Samples(samples.features[:count], samples.detail[:count])


def _sample(image: np.ndarray, model: APlus) -> tuple[np.ndarray, np.ndarray]:
    """Features and detail of all windows of an image, normalised."""
    blocks, detail = _pair(image, model.scale)
    features = project(blocks, model.weights["basis"]).reshape(-1, model.weights["basis"].shape[1])
    length = np.linalg.norm(features, axis=1, keepdims=True)
    detail = windows(detail).reshape(len(features), -1) / np.where(length < _TOO_FLAT, 1, length)
    return features / np.maximum(length, np.finfo(np.float32).tiny), detail


def _resized(image: np.ndarray, factor: float) -> np.ndarray:
    height, width = (round(side * factor) for side in image.shape)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def _nearest(anchors: np.ndarray, features: np.ndarray, count: int) -> np.ndarray:
    """For each anchor the indices of the samples that are nearest to it, all of length 1: shape (anchors, count)."""
    products = np.full((len(anchors), count), -np.inf, np.float32)
    indices = np.zeros((len(anchors), count), np.intp)
    for top in _shown(range(0, len(features), _BLOCK), "Neighbours"):
        block = anchors @ features[top : top + _BLOCK].T
        least = products.min(axis=1)
        for anchor, row in enumerate(block):
            better = np.flatnonzero(row > least[anchor])
            if len(better):
                joined = np.concatenate([products[anchor], row[better]])
                kept = np.argpartition(joined, -count)[-count:]
                products[anchor] = joined[kept]
                indices[anchor] = np.concatenate([indices[anchor], better + top])[kept]
    return indices


def _ridge_regression(features: np.ndarray, detail: np.ndarray, ridge: float) -> np.ndarray:
    """The matrix from features to detail with the least squared error and `ridge` times its own square."""
    gram = features.T @ features + ridge * np.eye(features.shape[1], dtype=np.float32)
    return np.linalg.solve(gram, features.T @ detail)


def _shown(items: Sequence, what: str) -> Iterator:
    return tqdm(items, desc=what, leave=False, file=bar_stream())
