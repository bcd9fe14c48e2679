"""LPIPS against values of the reference implementation in PyTorch, with float32 weights."""

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from skimage import data

from srkit import InputError
from srkit.image import get_degradation, interpolate
from srkit.losses import LOSSES, LPIPS


@pytest.fixture(scope="module")
def lpips():
    return LPIPS()


def jpeg(image):
    return get_degradation("jpeg40", 1)(image)


CASES = {
    "bicubic": (data.astronaut, lambda a: interpolate(get_degradation("bicubic", 4)(a), 4), 0.305356),
    "noise": (
        data.chelsea,
        lambda a: np.clip(a + np.random.default_rng(0).normal(0, 20, a.shape), 0, 255).astype(np.uint8),
        0.610780,
    ),
    "jpeg": (data.coffee, jpeg, 0.078810),
    "nearest": (data.chelsea, lambda a: a[::4, ::4].repeat(4, 0).repeat(4, 1)[:300, :451], 0.542767),
    "shift": (data.astronaut, lambda a: np.roll(a, 1, axis=1), 0.027932),
    "mirror": (lambda: data.coffee()[100:163, 200:299], lambda a: a[:, ::-1], 0.322366),
}


@pytest.mark.parametrize("name", CASES)
def test_lpips_as_published(lpips, name):
    load, change, expected = CASES[name]
    a = load()
    found = float(lpips(a[None].astype(np.float32), np.ascontiguousarray(change(a))[None].astype(np.float32)))
    # Float16 weights move it by up to 0.02 %; another JPEG encoder than libjpeg-turbo's moves that case a little.
    assert found == pytest.approx(expected, rel=2e-2 if name == "jpeg" else 4e-4)


def test_equal_images_have_none_and_the_order_does_not_matter(lpips, cat):
    a = cat[None, :64, :96].astype(np.float32)
    b = cv2.GaussianBlur(cat[:64, :96], (0, 0), 2)[None].astype(np.float32)
    assert float(lpips(a, a)) == 0
    assert float(lpips(a, b)) == pytest.approx(float(lpips(b, a)), rel=1e-5)


def test_its_gradient_is_finite_also_where_features_are_zero(lpips):
    hr = tf.zeros((1, 40, 40, 3))
    sr = tf.Variable(tf.zeros((1, 40, 40, 3)) + 128)
    with tf.GradientTape() as tape:
        loss = lpips(hr, sr)
    assert np.isfinite(tape.gradient(loss, sr)).all()


def test_small_images_are_refused(lpips):
    with pytest.raises(InputError, match="31x31"):
        lpips(np.zeros((1, 30, 40, 3), np.float32), np.zeros((1, 30, 40, 3), np.float32))


def test_the_loss_looks_at_every_phase_of_a_grid_of_4_px(lpips, cat):
    hr = np.repeat(cat[None, :64, :64].astype(np.float32), 4, axis=0)
    sr = hr.copy()
    sr[:, 2::4, 1::4] += 20
    loss = LOSSES["lpips"]()
    parts = [(0, 0), (1, 2), (2, 1), (3, 3)]
    expected = [float(lpips(hr[:1, y : y + 61, x : x + 61], sr[:1, y : y + 61, x : x + 61])) for y, x in parts]
    assert float(loss(hr, sr)) == pytest.approx(np.mean(expected), rel=1e-4)
    assert len({round(value, 4) for value in expected}) > 1
    assert float(loss(hr[:1], sr[:1])) == pytest.approx(expected[0], rel=1e-4)
    with pytest.raises(InputError, match="34x34"):
        loss(hr[:, :33], sr[:, :33])


def test_download_of_vgg19_is_announced(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("SRKIT_VGG19_WEIGHTS", raising=False)
    monkeypatch.setattr(keras.applications, "VGG19", lambda **_: 1 / 0)
    with pytest.warns(UserWarning, match="80 MB"), pytest.raises(InputError, match="could not be downloaded"):
        LOSSES["vgg54"]()
