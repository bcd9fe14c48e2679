"""Training batches: aligned random crops of the pairs in a cache. Batch k is a pure function of (cache, seed, k)."""

import functools
import random
from collections.abc import Iterator

import numpy as np

from srkit.data.cache import Cache
from srkit.errors import InputError
from srkit.image.degradation import Degradation, grey

_MARGIN_PX = (
    8  # LR px around a crop that is degraded at random, and as many again, drawn: JPEG's blocks then lie anywhere
)


class _Batches:
    """What makes a `tf.data.Dataset` of `batch`."""

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
        """The batches `start` to `stop` (endless without) as a `tf.data.Dataset`, prefetched.

        Other arguments are those of `batch`. Elements are float32 `(lr, hr)` in [0, 255]: for each batch, its `shards`
        in turn.
        """
        import tensorflow as tf  # here: with another Keras backend, `batch` serves without TensorFlow

        self._check_crop(patch_size)
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
        return positions.map(load, num_parallel_calls=2, deterministic=True).prefetch(4)


class Pairs(_Batches):
    """The train or the valid part of a source: aligned HR/LR pairs of photographs.

    Attributes:
        scale: HR side / LR side.
        scales: The scale as a tuple, as `MultiScalePairs` has several.
        pairs_by_scale: These pairs as a tuple, as `MultiScalePairs` has several.
        names: The photographs' names.
        fingerprint: A text that changes with anything that shapes the pairs; runs record it.
        degradation: What LR is made by anew for each crop, where it is drawn at random; None where the cache holds LR.
    """

    def __init__(self, cache: Cache, indices: list[int], part: str, degradation: Degradation | None = None):
        self._cache = cache
        self._indices = indices
        self._part = part
        self.degradation = degradation
        self.scale = cache.scale
        self.scales = (cache.scale,)
        self.pairs_by_scale = (self,)
        self.names = [cache.names[index] for index in indices]
        self.fingerprint = f"{cache.fingerprint}/{part}" + (f"/{degradation.fingerprint}" if degradation else "")
        self._smallest_side = min(min(cache.hr_shape(index)[:2]) for index in indices)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The pair `(lr, hr)` of one whole photograph, uint8 RGB: always the same."""
        lr, hr = self._cache.pair(self._indices[index])
        if self.degradation:
            lr = self.degradation(hr, np.random.default_rng(index))
        return np.array(lr), np.array(hr)

    def take(self, count: int) -> "Pairs":
        """The first `count` photographs of this part (all, where there are fewer), for a quicker validation."""
        if count < 1:
            raise InputError(f"At least 1 photograph must be taken; asked: {count}.")
        return Pairs(self._cache, self._indices[:count], f"{self._part}[:{count}]", self.degradation)

    def pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields `(lr, hr)` of each whole photograph, uint8 RGB, always in the same order."""
        for index in range(len(self)):
            yield self[index]

    def batch(
        self, step: int, batch_size: int = 16, patch_size: int = 96, seed: int = 0, shard: int = 0, num_shards: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cuts batch number `step`: aligned random crops, flipped and rotated at random.

        Each photograph gives one crop an epoch, in an order that is shuffled anew for each epoch.

        Args:
            step: Which batch, from 0.
            batch_size: Crops.
            patch_size: Side of the HR crops in px, a multiple of the scale.
            seed: Another seed gives other batches; equal arguments always give equal ones.
            shard: Which of the batch's `num_shards` equal parts to cut, where several devices share it.
            num_shards: A divisor of `batch_size`.

        Returns:
            `(lr, hr)`, uint8 arrays. HR has the shape `(size, patch_size, patch_size, 3)`, where `size` is
            `batch_size / num_shards`; LR is smaller by the scale.

        Raises:
            InputError: `patch_size` is no multiple of the scale, or larger than a photograph; or the batch cannot be
                divided so.
        """
        self._check_crop(patch_size)
        size = _shard_size(batch_size, num_shards)
        lr_size = patch_size // self.scale
        lr_batch = np.empty((size, lr_size, lr_size, 3), np.uint8)
        hr_batch = np.empty((size, patch_size, patch_size, 3), np.uint8)
        for slot in range(size):
            position = step * batch_size + shard * size + slot
            epoch, place = divmod(position, len(self))
            lr, hr = self._cache.pair(self._indices[self._order(seed, epoch)[place]])
            draw = random.Random(f"{seed}/{position}")
            top, left = (draw.randint(0, side - lr_size) for side in lr.shape[:2])
            rotations, flip = draw.randrange(4), draw.random() < 0.5
            if self.degradation:
                crops = self._degraded(hr, top, left, lr_size, np.random.default_rng([seed, position]))
            else:
                crops = _cut(lr, top, left, lr_size), _cut(hr, top * self.scale, left * self.scale, patch_size)
            for crop, out in zip(crops, (lr_batch, hr_batch)):
                crop = np.rot90(crop, rotations)
                out[slot] = crop[:, ::-1] if flip else crop
        return lr_batch, hr_batch

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
            around = grey(around)
        lr = self.degradation(around, rng)
        lr = _cut(grey(lr) if is_grey else lr, top - starts[0], left - starts[1], lr_size)
        inside = ((begin - start) * self.scale for begin, start in zip((top, left), starts))
        return lr, _cut(around, *inside, lr_size * self.scale)

    def _check_crop(self, patch_size: int) -> None:
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
    """Pairs of several scales, to train a model for all of them: each batch has one scale, drawn at random.

    Args:
        *pairs_by_scale: The pairs of each scale.

    Attributes:
        pairs_by_scale: The pairs of each scale.
        scales: The scales, in the same order.
        fingerprint: The fingerprints of all pairs.
    """

    def __init__(self, *pairs_by_scale: Pairs):
        self.pairs_by_scale = pairs_by_scale
        self.scales = tuple(pairs.scale for pairs in pairs_by_scale)
        self.fingerprint = " ".join(pairs.fingerprint for pairs in pairs_by_scale)

    def __len__(self) -> int:
        return sum(len(pairs) for pairs in self.pairs_by_scale)

    def take(self, count: int) -> "MultiScalePairs":
        """The first `count` photographs of each scale."""
        return MultiScalePairs(*(pairs.take(count) for pairs in self.pairs_by_scale))

    def batch(
        self, step: int, batch_size: int = 16, patch_size: int = 96, seed: int = 0, shard: int = 0, num_shards: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `Pairs.batch`; `patch_size` must be a multiple of all scales. LR's size tells the batch's scale."""
        pairs = random.Random(f"{seed}/scale/{step}").choice(self.pairs_by_scale)
        return pairs.batch(step, batch_size, patch_size, seed, shard, num_shards)

    def _check_crop(self, patch_size: int) -> None:
        for pairs in self.pairs_by_scale:
            pairs._check_crop(patch_size)


AnyPairs = Pairs | MultiScalePairs


def _cut(image: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    return image[top : top + side, left : left + side]


def _shard_size(batch_size: int, num_shards: int) -> int:
    size, rest = divmod(batch_size, num_shards)
    if rest:
        raise InputError(
            f"A batch of {batch_size} crops cannot be divided equally among {num_shards} devices: "
            f"use a multiple of {num_shards}."
        )
    return size
