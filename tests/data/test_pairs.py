import numpy as np
import pytest

from srkit import InputError, data
from srkit.image import Degradation, Realistic, downscale


def test_batch_is_a_pure_function_of_seed_and_step(samples):
    train, _ = samples
    first = train.batch(3, batch_size=4, patch_size=48, seed=1)
    for array, again in zip(first, train.batch(3, batch_size=4, patch_size=48, seed=1)):
        np.testing.assert_array_equal(array, again)
    assert not np.array_equal(first[1], train.batch(4, 4, 48, 1)[1])
    assert not np.array_equal(first[1], train.batch(3, 4, 48, 2)[1])


def test_crops_are_aligned_pieces_of_their_photographs(samples):
    """LR crops are found in the photographs' LR images, and HR crops at the same place in HR, turned alike."""
    train, _ = samples
    whole = list(train.pairs())
    for lr, hr in zip(*train.batch(0, batch_size=6, patch_size=96)):
        assert any(_is_found(lr, hr, *pair) for pair in whole)


def _is_found(lr, hr, whole_lr, whole_hr) -> bool:
    for turns in range(4):
        for flip in (False, True):
            small, large = (np.rot90(image[:, ::-1] if flip else image, turns) for image in (lr, hr))
            windows = np.lib.stride_tricks.sliding_window_view(whole_lr, small.shape[:2], axis=(0, 1))
            equal = (windows == small.transpose(2, 0, 1)).all(axis=(2, 3, 4))
            for top, left in np.argwhere(equal):
                rows, columns = slice(top * 4, top * 4 + 96), slice(left * 4, left * 4 + 96)
                if np.array_equal(whole_hr[rows, columns], large):
                    return True
    return False


def test_every_photograph_comes_once_an_epoch_in_another_order(photos, store, monkeypatch):
    train, _ = data.folder(photos, cache_dir=store)
    used = []
    pair = train._cache.pair
    monkeypatch.setattr(train._cache, "pair", lambda index: (used.append(index), pair(index))[1])
    for step in range(4):
        train.batch(step, batch_size=3, patch_size=48)
    epochs = [used[:6], used[6:]]
    assert all(sorted(epoch) == sorted(train._indices) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_pipeline_gives_the_same_batches_from_any_start(samples):
    train, _ = samples
    options = {"batch_size": 2, "patch_size": 48, "seed": 5}
    elements = list(train.batches(**options, start=2, stop=4))
    assert len(elements) == 2
    for step, (lr, hr) in enumerate(elements, start=2):
        expected = train.batch(step, **options)
        np.testing.assert_array_equal(lr, expected[0])
        np.testing.assert_array_equal(hr, expected[1])
        assert lr.dtype == hr.dtype == "float32" and hr.shape == (2, 48, 48, 3)


@pytest.mark.parametrize("patch_size, message", [(50, "multiple"), (4000, "min_size")])
def test_crops_that_do_not_fit_are_refused(samples, patch_size, message):
    with pytest.raises(InputError, match=message):
        samples[0].batch(0, patch_size=patch_size)


def test_take_is_the_beginning(samples):
    train, _ = samples
    assert train.take(2).names == train.names[:2]
    assert train.take(2).fingerprint != train.fingerprint
    with pytest.raises(InputError, match="At least 1"):
        train.take(0)


class Subsample(Degradation):
    """Takes every fourth pixel: LR of a part is the part of LR. It counts as random, so that it is applied to crops."""

    is_random = True

    def __init__(self, grey_part: float = 0.0):
        super().__init__(4, "subsample")
        self.grey_part = grey_part

    def __call__(self, hr, rng=None):
        return hr[::4, ::4]


@pytest.fixture
def realistic(photos, store):
    return data.folder(photos, degradation="realistic", cache_dir=store)


def test_random_degradation_is_drawn_anew_in_each_epoch(photos, store):
    train, _ = data.folder(photos, degradation=Realistic(4, clean=0), cache_dir=store)
    one = train.take(1)
    whole = {"batch_size": 1, "patch_size": 148}
    lrs = [one.batch(step, **whole)[0] for step in range(4)]
    assert not any(np.array_equal(a, b) for i, a in enumerate(lrs) for b in lrs[:i])
    for step, lr in enumerate(lrs):
        np.testing.assert_array_equal(lr, one.batch(step, **whole)[0])


def test_random_degradation_depends_on_seed_and_position_alone(realistic):
    train, _ = realistic
    lr, hr = train.batch(1, batch_size=4, patch_size=48, seed=9)
    for shard in (0, 1):
        half_lr, half_hr = train.batch(1, 4, 48, 9, shard, 2)
        np.testing.assert_array_equal(half_lr, lr[2 * shard : 2 * shard + 2])
        np.testing.assert_array_equal(half_hr, hr[2 * shard : 2 * shard + 2])
    assert not np.array_equal(lr, train.batch(1, 4, 48, 8)[0])


def test_validation_of_a_random_degradation_is_always_the_same(realistic, photos, store):
    _, valid = realistic
    _, again = data.folder(photos, degradation="realistic", cache_dir=store)
    for (lr, _), (other, _), (third, _) in zip(valid.pairs(), again.pairs(), again.take(2).pairs(), strict=True):
        np.testing.assert_array_equal(lr, other)
        np.testing.assert_array_equal(lr, third)


@pytest.mark.parametrize("patch_size", [16, 148])
def test_crops_of_a_random_degradation_are_right_up_to_the_borders(photos, store, patch_size):
    """148 px is the smaller side of the smallest photograph, so that crops touch all borders."""
    train, _ = data.folder(photos, degradation=Subsample(), cache_dir=store)
    for lr, hr in zip(*train.batch(0, batch_size=24, patch_size=patch_size)):
        assert any(np.array_equal(lr, hr[top::4, left::4]) for top in (0, 3) for left in (0, 3))  # as it is turned


@pytest.mark.parametrize("degradation", [Subsample(grey_part=1), Realistic(4, grey=1, clean=0)])
def test_grey_crops_are_grey_in_lr_and_hr(photos, store, degradation):
    train, valid = data.folder(photos, degradation=degradation, cache_dir=store)
    for images in train.batch(0, batch_size=8, patch_size=48):
        assert (images == images[..., :1]).all()
    lr, hr = valid[0]
    assert not (hr == hr[..., :1]).all() and not (lr == lr[..., :1]).all()


def test_own_degradation_is_kept_in_the_cache_unless_it_is_random(photos, store):
    class Darker(Degradation):
        def __call__(self, hr, rng=None):
            return downscale(hr, self.scale) // 2

    train, _ = data.folder(photos, scale=2, degradation=Darker(2, "a/b: darker"), cache_dir=store)
    lr, hr = train[0]
    np.testing.assert_array_equal(lr, downscale(hr, 2) // 2)
    assert train.degradation is None and "darker" in train.fingerprint
    assert train.fingerprint != data.folder(photos, scale=2, cache_dir=store)[0].fingerprint
    with pytest.raises(InputError, match="x2, but x4 is needed"):
        data.folder(photos, degradation=Darker(2, "darker"), cache_dir=store)


def test_pairs_of_several_scales_give_batches_of_each(photos, store):
    splits = zip(*(data.folder(photos, scale=scale, cache_dir=store) for scale in (2, 4)))
    train, valid = (data.MultiScalePairs(*split) for split in splits)
    sizes = {train.batch(step, batch_size=2, patch_size=48)[0].shape[1] for step in range(12)}
    assert sizes == {12, 24}
    assert len(train) == 12 and [pairs.scale for pairs in valid.take(1).pairs_by_scale] == [2, 4]
    with pytest.raises(InputError, match="multiple of the scale 4"):
        train.batches(patch_size=50)
