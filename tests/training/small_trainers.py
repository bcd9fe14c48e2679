"""Small trainers, for the tests of training."""

import keras
import numpy as np
import pytest
from toys import toy

from srkit import GanTrainer, PreTrainer, models
from srkit.training import GanOptions, TrainOptions

MSE_GAN = {"mse": 1.0, "adversarial": 1e-3}
SMALL = {"batch_size": 2, "patch_size": 32, "evaluate_every": 3, "checkpoint_every": 2}
QUIET = "ignore:The mean colour of SR"  # random weights have random colours


def pre_trainer(run_dir, seed=0, **options) -> PreTrainer:
    keras.utils.set_random_seed(seed)
    return PreTrainer(toy("srresnet", filters=4), run_dir, TrainOptions(**{**SMALL, **options}))


def many_steps_trainer(run_dir, **options) -> PreTrainer:
    """As on a GPU: many steps in a call, whose ends do not fall together with all checkpoints."""
    return pre_trainer(run_dir, **{"steps_per_call": 50, "checkpoint_every": 60, **options})


def gan_trainer(run_dir, seed=0, **options) -> GanTrainer:
    keras.utils.set_random_seed(seed)
    generator, discriminator = toy("srresnet", filters=4), models.discriminator(32, filters=4)
    options = {"losses": MSE_GAN, **SMALL, **options}
    return GanTrainer(generator, discriminator, run_dir, GanOptions(**options))


TRAINERS = pytest.mark.parametrize("build", [pre_trainer, gan_trainer])


def all_weights(trainer) -> list[np.ndarray]:
    return [np.asarray(variable) for variable in trainer.variables.values()]


def assert_same_weights(a, b) -> None:
    for left, right in zip(all_weights(a), all_weights(b), strict=True):
        np.testing.assert_array_equal(left, right)
