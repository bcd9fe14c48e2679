import cv2
import keras
import numpy as np
import pytest
import scipy
import tensorflow as tf

from srkit import InputError, losses


def test_pixel_losses_by_hand():
    hr, sr = np.full((1, 2, 2, 3), 127.5, np.float32), np.full((1, 2, 2, 3), 255, np.float32)
    assert float(losses.mse(hr, sr)) == pytest.approx(1)
    assert float(losses.l1(hr, 0 * sr)) == pytest.approx(1)


def test_total_variation_is_a_sum_over_the_image(cat):
    dot = np.zeros((2, 3, 3, 3), np.float32)
    dot[0, 0, 0, 1] = 127.5  # one more than the pixel below and the one to the right, in one of two images
    assert float(losses.total_variation(dot, dot)) == pytest.approx((1 + 1) / 2)
    batch = np.stack([cat[:40, :50], cat[40:80, :50]]).astype(np.float32)
    reference = np.mean(tf.image.total_variation(tf.constant(batch / 127.5 - 1)))
    assert float(losses.total_variation(batch, batch)) == pytest.approx(reference, rel=1e-5)


def test_adversarial_losses_by_hand():
    game, log2 = losses.Vanilla(), np.log(2)
    undecided, sure = np.zeros((4, 1), np.float32), np.full((4, 1), 20, np.float32)
    assert float(game.generator(undecided, undecided)) == pytest.approx(log2)
    assert float(game.generator(sure, sure)) == pytest.approx(0, abs=1e-6)
    assert float(game.discriminator(undecided, undecided)) == pytest.approx(2 * log2)
    assert float(game.discriminator(sure, -sure)) == pytest.approx(0, abs=1e-6)
    assert float(game.discriminator(-sure, sure)) == pytest.approx(40)


def test_vgg_loss_is_the_distance_of_published_layers_over_12_75(vgg_weights, cat):
    hr = cat[None, :64, :64].astype(np.float32)
    sr = hr[:, ::-1]
    reference = keras.applications.VGG19(include_top=False, weights=str(vgg_weights))
    for loss, layer in ((losses.VGG22, "block2_conv2"), (losses.VGG54, "block5_conv4")):
        features = keras.Model(reference.input, reference.get_layer(layer).output)
        a, b = (np.asarray(features(keras.applications.vgg19.preprocess_input(x.copy()))) / 12.75 for x in (hr, sr))
        assert float(loss(vgg_weights)(hr, sr)) == pytest.approx(np.mean((a - b) ** 2), rel=1e-4)


def test_vgg_weights_come_from_the_environment(vgg_weights, monkeypatch):
    monkeypatch.setenv("SRKIT_VGG19_WEIGHTS", str(vgg_weights))
    image = np.linspace(0, 255, 16 * 16 * 3, dtype=np.float32).reshape(1, 16, 16, 3)
    named, given = losses.VGG22(), losses.VGG22(vgg_weights)
    np.testing.assert_array_equal(named.features(image), given.features(image))


def test_never_random(monkeypatch, tmp_path):
    """Without weights there is no VGG loss: neither offline, nor with a file that is missing or of something else."""

    def offline(*_, **__):
        raise OSError("URL fetch failure")

    monkeypatch.delenv("SRKIT_VGG19_WEIGHTS", raising=False)
    monkeypatch.setattr(keras.utils, "get_file", offline)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", offline)
    with pytest.raises(InputError, match="SRKIT_VGG19_WEIGHTS"):
        losses.VGG54()
    with pytest.raises(InputError, match="no file"):
        losses.VGG54(weights=tmp_path / "none.h5")
    (tmp_path / "text.weights.h5").write_text("no weights")
    with pytest.raises(InputError, match="VGG19's convolution layers"):
        losses.VGG54(weights=tmp_path / "text.weights.h5")


def test_unknown_losses_and_weights_are_refused():
    with pytest.raises(InputError, match="vgg54"):
        losses.WeightedLosses({"vgg19": 1})
    for weight in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="above 0"):
            losses.WeightedLosses({"l1": weight})


def test_weighted_losses_are_summed_and_each_is_told(cat):
    hr = cat[None, :64, :64].astype(np.float32)
    sr = hr[:, ::-1]
    total, values = losses.WeightedLosses({"l1": 2, "colour": 0.5})(hr, sr, scale=4)
    assert float(values["l1"]) == pytest.approx(float(losses.l1(hr, sr)))
    assert float(values["colour"]) == pytest.approx(float(losses.colour(hr, sr, 4)))
    assert float(total) == pytest.approx(2 * float(values["l1"]) + 0.5 * float(values["colour"]))


def test_vgg54_before_activation_keeps_what_relu_cuts_off(vgg_weights, cat):
    image = cat[None, :64, :64].astype(np.float32)
    before, after = losses.VGG54Pre(vgg_weights), losses.VGG54(vgg_weights)
    np.testing.assert_allclose(np.maximum(before.features(image), 0), after.features(image), atol=1e-4)
    assert float(np.min(before.features(image))) < 0
    other = image[:, ::-1]
    distance = np.abs(np.asarray(before.features(image)) - np.asarray(before.features(other))).mean()
    assert float(before(image, other)) == pytest.approx(distance, rel=1e-5)


def test_relativistic_game_by_hand():
    game = losses.RelativisticAverage()
    hr, sr = np.float32([[1.0], [3.0]]), np.float32([[0.0], [-1.0]])

    def log_sigmoid(x):
        return -np.log1p(np.exp(-np.float64(x)))

    real, fake = hr - sr.mean(), sr - hr.mean()
    assert float(game.discriminator(hr, sr)) == pytest.approx(-log_sigmoid(real).mean() - log_sigmoid(-fake).mean())
    assert float(game.generator(hr, sr)) == pytest.approx(-log_sigmoid(-real).mean() - log_sigmoid(fake).mean())


def test_colour_sees_chroma_coarse_brightness_and_means():
    hr = np.full((1, 8, 8, 3), 100, np.float32)
    checkerboard = np.float32(20) * (-1) ** np.indices((8, 8)).sum(axis=0)[:, :, None].astype(np.float32)
    assert float(losses.colour(hr, hr + checkerboard, 4)) == pytest.approx(0, abs=1e-6)
    assert float(losses.colour(hr, hr + 3, 4)) == pytest.approx(2 * 3 / 127.5)  # blocks and means
    coloured = checkerboard * np.array([1, 0, 0], np.float32)  # its luma averages out, its chroma does not
    chroma = 20 * np.abs(np.array([1, 0, 0]) - 0.299).mean()
    assert float(losses.colour(hr, hr + coloured, 4)) == pytest.approx(chroma / 127.5, rel=1e-5)
    opposite = np.array([[[[3]]], [[[-3]]]], np.float32)  # two images, whose errors do not make up for each other
    assert float(losses.colour(hr, hr + opposite, 4)) == pytest.approx(2 * 3 / 127.5)


def test_checkerboard_is_the_excess_of_power_where_upsampling_leaves_its_grid():
    rng = np.random.default_rng(0)
    hr, other = (rng.normal(100, 10, (4, 96, 64, 3)).astype(np.float32) for _ in range(2))
    sr = np.where(np.indices((96, 64))[1] % 4 == 1, 12, 0)[:, :, None] + hr + rng.normal(0, 1, hr.shape)

    def power(images):  # with a Fourier transform of the whole crop
        window = np.outer(np.hanning(96), np.hanning(64))[:, :, None]
        images = (images - images.mean((1, 2), keepdims=True)) * window / np.sqrt(np.sum(window**2))
        return np.mean(np.abs(np.fft.fft2(images, axes=(1, 2))) ** 2, axis=0)[::24, ::16].reshape(-1, 3)[1:]

    expected = np.mean(np.maximum(0, np.log((power(sr) + 1) / (power(hr) + 1))))
    found = float(losses.checkerboard(hr, sr.astype(np.float32), 4))
    assert found == pytest.approx(expected, rel=1e-4)
    waves = hr + 12 * np.sin(2 * np.pi * np.indices((96, 64))[1] * 3 / 32)[:, :, None].astype(np.float32)
    for good in (hr, hr + 5, waves, other, 100 + (hr - 100) / 2):
        assert float(losses.checkerboard(hr, good, 4)) < found / 4


def test_spectrum_is_of_log_power_by_frequency_in_regions_and_in_all(cat):
    hr = cat[40:112, 40:140].astype(np.float32)
    sr = cv2.GaussianBlur(hr, (0, 0), 1)

    def power(image):
        luma = image @ np.array([0.299, 0.587, 0.114])
        blocks = luma[:64, :96].reshape(4, 2, 8, 6, 2, 8)  # four by six regions of two by two blocks
        return np.mean(scipy.fft.dctn(blocks, axes=(2, 5), norm="ortho") ** 2, axis=(1, 4))

    def difference(hr_power, sr_power):
        return np.mean(np.abs(np.log(1 + hr_power) - np.log(1 + sr_power)))

    of_hr, of_sr = power(hr), power(sr)
    expected = difference(of_hr, of_sr) + difference(of_hr.mean(axis=(0, 2)), of_sr.mean(axis=(0, 2)))
    assert float(losses.spectrum(hr[None], sr[None])) == pytest.approx(expected, rel=1e-4)


def test_spectrum_wants_texture_of_the_right_strength_wherever_it_lies():
    rng = np.random.default_rng(0)
    flat = np.full((1, 96, 96, 3), 100, np.float32)
    texture, other = (flat + rng.normal(0, 20, (1, 96, 96, 1)).astype(np.float32) for _ in range(2))
    dots = flat + 20 * (-1) ** np.indices((96, 96)).sum(axis=0)[None, :, :, None].astype(np.float32)
    faint = flat + rng.normal(0, 0.3, (1, 96, 96, 1)).astype(np.float32)
    near = float(losses.spectrum(texture, other))
    assert all(float(losses.spectrum(texture, wrong)) > 5 * near for wrong in (flat, dots))
    assert float(losses.spectrum(flat, faint)) < 2 * 0.1  # the same of regions and of all
    assert float(losses.spectrum(texture[:, :20, :20], texture[:, :20, :20])) == 0
