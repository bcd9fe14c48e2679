"""What one step of each trainer does."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_trainers import QUIET, gan_trainer, pre_trainer
from toys import toy

from srkit import losses, models
from srkit.training import GanOptions

pytestmark = pytest.mark.filterwarnings(QUIET)


@pytest.fixture
def batch(samples):
    return next(iter(samples[0].batches(2, 32)))


def test_pretraining_on_vgg_features_with_total_variation(batch, samples, valid, tmp_path, vgg_weights):
    """SRResNet-VGG22 of the SRGAN paper: with both weights at work, from one start, on one batch."""
    lr, hr = batch
    values = {}
    for weights in ({"vgg22": 1.0}, {"vgg22": 1.0, "total_variation": 2e-8}):
        options = {"losses": weights, "vgg_weights": vgg_weights, "precision": "float32"}
        trainer = pre_trainer(tmp_path / str(len(weights)), **options)
        sr = trainer.generator(lr, training=True)
        values[len(weights)] = float(trainer.train_step(lr, hr)["loss"])
    assert values[2] - values[1] == pytest.approx(2e-8 * float(losses.total_variation(hr, sr)), rel=0.05)
    history = trainer.train(samples[0], valid, steps=2)
    assert history[-1]["score"] == -history[-1]["valid_content_loss"]


def test_vgg_content_loss_trains_in_bfloat16(samples, valid, tmp_path, vgg_weights):
    losses = GanOptions().losses
    options = {"losses": losses, "vgg_weights": vgg_weights, "precision": "mixed_bfloat16"}
    last = gan_trainer(tmp_path / "run", **options).train(samples[0], valid, steps=2)[-1]
    assert last["vgg54"] > 0
    assert last["g_loss"] == pytest.approx(last["vgg54"] + 1e-3 * last["adversarial"], rel=1e-5)


@pytest.mark.parametrize("weights", [{}, {"colour": 0.5, "checkerboard": 0.1, "spectrum": 0.2}])
def test_one_gan_step_is_the_papers(batch, tmp_path, weights):
    """The discriminator is updated first, on SR of the old generator; the generator then against the new one."""
    trainer = gan_trainer(tmp_path / "run", losses={"mse": 1, "adversarial": 0.1, **weights}, precision="float32")
    generator, discriminator = toy("srresnet", filters=4), models.discriminator(32, filters=4)
    generator.set_weights(trainer.generator.get_weights())
    discriminator.set_weights(trainer.discriminator.get_weights())
    lr, hr = batch
    trainer.train_step(lr, hr)

    game, sr = losses.ADVERSARIAL["adversarial"], generator(lr, training=True)
    adam = keras.optimizers.Adam(1e-4)
    with tf.GradientTape() as tape:
        loss = game.discriminator(discriminator(hr, training=True), discriminator(sr, training=True))
    adam.apply(tape.gradient(loss, discriminator.trainable_variables), discriminator.trainable_variables)
    adam = keras.optimizers.Adam(1e-4)
    with tf.GradientTape() as tape:
        sr = generator(lr, training=True)
        logits = discriminator(sr, training=True)
        adversarial = game.generator(logits, logits)
        loss = losses.mse(hr, sr) + 0.1 * adversarial
        loss += weights.get("colour", 0) * losses.colour(hr, sr, 4)
        loss += weights.get("checkerboard", 0) * losses.checkerboard(hr, sr, 4)
        loss += weights.get("spectrum", 0) * losses.spectrum(hr, sr)
    adam.apply(tape.gradient(loss, generator.trainable_variables), generator.trainable_variables)
    for mine, expected in (
        *zip(trainer.generator.trainable_variables, generator.trainable_variables),
        *zip(trainer.discriminator.trainable_variables, discriminator.trainable_variables),
    ):
        np.testing.assert_allclose(mine, expected, atol=2e-5)


def test_frozen_batch_norm_trains_on_the_images_that_the_generator_makes(batch, tmp_path):
    trainer = gan_trainer(tmp_path / "run", precision="float32", freeze_batch_norm=True)
    generator = trainer.generator
    norms = [layer for layer in generator.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [np.array(weight) for layer in norms for weight in layer.weights]
    head = np.array(generator.layers[2].kernel)
    lr, hr = batch
    expected = float(losses.mse(hr, generator(lr, training=False)))
    assert float(trainer.train_step(lr, hr)["mse"]) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_array_equal(before, [np.array(weight) for layer in norms for weight in layer.weights])
    assert not np.array_equal(head, generator.layers[2].kernel)
    assert all(layer.trainable for layer in norms)


@pytest.mark.parametrize("in_optimizer", [False, True])
def test_clipping_bounds_the_first_step(batch, tmp_path, in_optimizer):
    """Adam's first moment after one step is a tenth of the gradient."""
    norms = {}
    for clipnorm in (None, 1e-3, 1e6):
        if in_optimizer:
            options = {"optimizer": keras.optimizers.Adam(1e-4, global_clipnorm=clipnorm)}
        else:
            options = {"global_clipnorm": clipnorm}
        trainer = pre_trainer(tmp_path / "run", precision="float32", **options)
        trainer.train_step(*batch)
        moments = [value for name, value in trainer.variables.items() if name.endswith("/momentum")]
        norms[clipnorm] = 10 * math.sqrt(sum(float(np.sum(np.square(moment))) for moment in moments))
    assert norms[1e6] == pytest.approx(norms[None], rel=1e-4) and norms[None] > 0.01
    assert norms[1e-3] == pytest.approx(1e-3, rel=1e-3)
