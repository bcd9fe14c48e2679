"""Pairs of whole photographs, and training batches: aligned random crops of them."""

import functools
import os
import random
from collections.abc import Iterator

import cv2
import numpy as np

from srkit.data.cache import Cache
from srkit.errors import InputError
from srkit.image import Degradation, to_grey

# A crop that is degraded at random is degraded together with what lies around it: 8 to 15 LR px above and left of it,
# drawn so that the blocks of JPEG may begin anywhere, and 8 LR px below and right of it.
_MARGIN_PX = 8
# By quarter turns, counter-clockwise, and whether the result is then mirrored: whether a crop is transposed, and about
# which axis OpenCV flips it (None: not at all). OpenCV does this without Python's lock, so that threads share the work.
_TURNS = {
    (0, False): (False, None),
    (0, True): (False, 1),
    (1, False): (True, 0),
    (1, True): (True, -1),
    (2, False): (False, -1),
    (2, True): (False, 0),
    (3, False): (True, 1),
    (3, True): (True, None),
}


class _Batches:
    """Makes a `tf.data.Dataset` of the method `batch`."""

    def batches(
        self,
        batch_size: int = 16,
        patch_size: int = 96,
        seed: int = 0,
        start: int = 0,
        stop: int | None = None,
        shards: range = range(1),
        num_shards: int = 1,
    ) -> "tf.data.Dataset":  # noqa: F821
        """A range of batches as a `tf.data.Dataset`, prefetched.

        Args:
            batch_size: Number of crops in a batch, in all shards together.
            patch_size: Side of the HR crops in pixels.
            seed: As in `batch`.
            start: Number of the first batch.
            stop: Number of the batch after the last one. Default: the batches never end.
            shards: Which shards of each batch to give, one after the other.
            num_shards: Number of equal shards that a batch is divided into.

        Returns:
            A dataset of `(lr, hr)`, float32 in [0, 255]: one element for each shard of each batch.

        Raises:
            InputError: The crops do not fit into the photographs, or the batch cannot be divided.
        """
        import tensorflow as tf  # here: with another Keras backend, `batch` serves without TensorFlow

        self._check_patch_size(patch_size)
        size = _shard_size(batch_size, num_shards)
        lr_size = patch_size // self.scales[0] if len(self.scales) == 1 else None

        def cut(position):
            step, index = divmod(int(position), len(shards))
            return self.batch(step, batch_size, patch_size, seed, shards[index], num_shards)

        def load(position):
            lr, hr = tf.numpy_function(cut, [position], (tf.uint8, tf.uint8), stateful=False)
            lr.set_shape((size, lr_size, lr_size, 3))
            hr.set_shape((size, patch_size, patch_size, 3))
            return tf.cast(lr, tf.float32), tf.cast(hr, tf.float32)

        end = tf.int64.max if stop is None else stop * len(shards)
        positions = tf.data.Dataset.range(start * len(shards), end)
        return positions.map(load, num_parallel_calls=os.cpu_count() or 2, deterministic=True).prefetch(4)


class Pairs(_Batches):
    """One split of a source, train or valid: aligned HR/LR pairs of photographs.

    `srkit.data.load` and its sources make them.

    Args:
        cache: The cache that holds the pairs.
        indices: Which of the cache's pairs these are.
        split: The split's name.
        degradation: A random degradation that makes LR anew for each crop. None where the cache holds LR.

    Attributes:
        scale: HR side / LR side.
        scales: The scale as a tuple, as `MultiScalePairs` has several.
        pairs_by_scale: These pairs as a tuple, as `MultiScalePairs` has several.
        names: The photographs' names.
        fingerprint: A text that changes with anything that shapes the pairs; runs record it.
        degradation: As given.

    ```python
    train, valid = srkit.data.load("samples", scale=4)
    lr, hr = train[0]                                   # a whole photograph
    lr, hr = train.batch(0, batch_size=16, patch_size=96)  # (16, 24, 24, 3) and (16, 96, 96, 3)
    ```
    """

    def __init__(self, cache: Cache, indices: list[int], split: str, degradation: Degradation | None = None):
        self._cache = cache
        self._indices = indices
        self._split = split
        self.degradation = degradation
        self.scale = cache.scale
        self.scales = (cache.scale,)
        self.pairs_by_scale = (self,)
        self.names = [cache.names[index] for index in indices]
        self.fingerprint = f"{cache.fingerprint}/{split}" + (f"/{degradation.fingerprint}" if degradation else "")
        self._smallest_side = min(min(cache.hr_shape(index)[:2]) for index in indices)

    def __len__(self) -> int:
        """Number of photographs."""
        return len(self._indices)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The pair `(lr, hr)` of one whole photograph, uint8 RGB. It is always the same, whatever the degradation."""
        lr, hr = self._cache.pair(self._indices[index])
        if self.degradation:
            lr = self.degradation(hr, np.random.default_rng(index))
        return np.array(lr), np.array(hr)

    def take(self, count: int) -> "Pairs":
        """The first `count` photographs, or all where there are fewer; for a quicker validation."""
        if count < 1:
            raise InputError(f"At least 1 photograph must be taken; asked: {count}.")
        return Pairs(self._cache, self._indices[:count], f"{self._split}[:{count}]", self.degradation)

    def pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields `(lr, hr)` of each whole photograph, uint8 RGB, always in the same order."""
        for index in range(len(self)):
            yield self[index]

    def batch(
        self, step: int, batch_size: int = 16, patch_size: int = 96, seed: int = 0, shard: int = 0, num_shards: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cuts a batch: aligned random crops, flipped and rotated at random.

        Each photograph gives one crop an epoch, in an order that is shuffled anew for each epoch. Equal arguments
        always give equal batches, random degradations included.

        Args:
            step: Number of the batch, from 0.
            batch_size: Number of crops.
            patch_size: Side of the HR crops in pixels, a multiple of the scale.
            seed: Seed of the order of the photographs, the crops and the degradations.
            shard: Which of the batch's equal shards to cut, where several devices share it.
            num_shards: Number of shards, a divisor of `batch_size`.

        Returns:
            `(lr, hr)`, uint8 arrays. HR has the shape `(size, patch_size, patch_size, 3)`, where `size` is
            `batch_size / num_shards`; LR is smaller by the scale.

        Raises:
            InputError: `patch_size` is no multiple of the scale, or larger than a photograph; or the batch cannot be
                divided.
        """
        self._check_patch_size(patch_size)
        size = _shard_size(batch_size, num_shards)
        lr_size = patch_size // self.scale
        lr_batch = np.empty((size, lr_size, lr_size, 3), np.uint8)
        hr_batch = np.empty((size, patch_size, patch_size, 3), np.uint8)
        for slot in range(size):
            position = step * batch_size + shard * size + slot
            self._cut_crops(position, seed, lr_batch[slot], hr_batch[slot])
        return lr_batch, hr_batch

    def _cut_crops(self, position: int, seed: int, lr_crop: np.ndarray, hr_crop: np.ndarray) -> None:
        """Fills in the crops at a position in the sequence of all crops: a pure function of seed and position."""
        lr_size = len(lr_crop)
        epoch, place = divmod(position, len(self))
        lr, hr = self._cache.pair(self._indices[self._order(seed, epoch)[place]])
        draw = random.Random(f"{seed}/{position}")
        top, left = (draw.randint(0, side - lr_size) for side in lr.shape[:2])
        rotations, flip = draw.randrange(4), draw.random() < 0.5
        if self.degradation:
            crops = self._degraded(hr, top, left, lr_size, np.random.default_rng([seed, position]))
        else:
            crops = (
                _cut(lr, top, left, lr_size),
                _cut(hr, top * self.scale, left * self.scale, lr_size * self.scale),
            )
        for crop, target in zip(crops, (lr_crop, hr_crop)):
            _turn(crop, rotations, flip, target)

    def _degraded(self, hr, top: int, left: int, lr_size: int, rng: np.random.Generator) -> tuple:
        """An LR crop that is degraded together with what lies around it in the photograph, and its HR crop."""
        starts = [max(0, start - _MARGIN_PX - int(rng.integers(_MARGIN_PX))) for start in (top, left)]
        rows, columns = (
            slice(start * self.scale, (begin + lr_size + _MARGIN_PX) * self.scale)
            for start, begin in zip(starts, (top, left))
        )
        around = hr[rows, columns]
        is_grey = rng.random() < self.degradation.grey_part
        if is_grey:
            around = to_grey(around)
        lr = self.degradation(around, rng)
        lr = _cut(to_grey(lr) if is_grey else lr, top - starts[0], left - starts[1], lr_size)
        inside = ((begin - start) * self.scale for begin, start in zip((top, left), starts))
        return lr, _cut(around, *inside, lr_size * self.scale)

    def _check_patch_size(self, patch_size: int) -> None:
        if patch_size % self.scale:
            raise InputError(f"The HR crop's side must be a multiple of the scale {self.scale}; received {patch_size}.")
        if patch_size > self._smallest_side:
            raise InputError(
                f"HR crops of {patch_size} px do not fit: the smallest photograph's side is {self._smallest_side} px. "
                f"Take smaller crops, or give min_size={patch_size} to leave smaller photographs out."
            )

    @functools.lru_cache(maxsize=8)  # noqa: B019 - few epochs are in use at a time, and pairs live long
    def _order(self, seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(len(self))


class MultiScalePairs(_Batches):
    """Pairs of several scales, to train one model for all of them. Each batch has one scale, drawn at random.

    Args:
        *pairs_by_scale: The pairs of each scale.

    Attributes:
        pairs_by_scale: The pairs of each scale.
        scales: The scales, in the same order.
        fingerprint: The fingerprints of all pairs.

    ```python
    splits = zip(*(srkit.data.load("samples", scale=scale) for scale in (2, 3, 4)))
    train, valid = (srkit.data.MultiScalePairs(*split) for split in splits)
    ```
    """

    def __init__(self, *pairs_by_scale: Pairs):
        self.pairs_by_scale = pairs_by_scale
        self.scales = tuple(pairs.scale for pairs in pairs_by_scale)
        self.fingerprint = " ".join(pairs.fingerprint for pairs in pairs_by_scale)

    def __len__(self) -> int:
        """Number of pairs, of all scales together."""
        return sum(len(pairs) for pairs in self.pairs_by_scale)

    def take(self, count: int) -> "MultiScalePairs":
        """The first `count` photographs of each scale."""
        return MultiScalePairs(*(pairs.take(count) for pairs in self.pairs_by_scale))

    def batch(
        self, step: int, batch_size: int = 16, patch_size: int = 96, seed: int = 0, shard: int = 0, num_shards: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `Pairs.batch`; `patch_size` must be a multiple of all scales. The size of LR tells the batch's scale."""
        pairs = random.Random(f"{seed}/scale/{step}").choice(self.pairs_by_scale)
        return pairs.batch(step, batch_size, patch_size, seed, shard, num_shards)

    def _check_patch_size(self, patch_size: int) -> None:
        for pairs in self.pairs_by_scale:
            pairs._check_patch_size(patch_size)


def _cut(image: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    return image[top : top + side, left : left + side]


def _turn(crop: np.ndarray, rotations: int, flip: bool, target: np.ndarray) -> None:
    """Writes a crop into an array: turned counter-clockwise by quarters, then mirrored if asked for."""
    is_transposed, axis = _TURNS[rotations, flip]
    crop = cv2.transpose(crop) if is_transposed else crop
    target[:] = crop if axis is None else cv2.flip(crop, axis)


def _shard_size(batch_size: int, num_shards: int) -> int:
    size, rest = divmod(batch_size, num_shards)
    if rest:
        raise InputError(
            f"A batch of {batch_size} crops cannot be divided equally among {num_shards} devices: "
            f"use a multiple of {num_shards}."
        )
    return size
