import dataclasses
import subprocess
import sys

import keras
import pytest

from srkit import GanTrainer, InputError, models
from srkit.training import GanOptions, TrainOptions


def test_options_need_no_tensorflow():
    code = "import sys, srkit.training; srkit.training.GanOptions(); sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("number", [0, -1.0, float("inf"), float("nan")])
def test_numbers_that_are_not_finite_and_above_0_are_refused(number):
    for name in ("learning_rate", "global_clipnorm"):
        with pytest.raises(InputError, match=f"{name} must be a finite number above 0"):
            TrainOptions(**{name: number})
    with pytest.raises(InputError, match="weight of the loss adversarial must be a finite number above 0"):
        GanOptions(losses={"mse": 1, "adversarial": number})


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"schedule": "linear"}, "no schedule 'linear'"),
        ({"optimizer": "sgd"}, "no optimizer 'sgd'"),
        ({"precision": "float16"}, "no precision 'float16'"),
        ({"ema": 1.0}, "ema must be"),
        ({"warmup_steps": -1}, "warmup_steps must be at least 0"),
        ({"evaluate_every": 0}, "evaluate_every must be at least 1"),
        ({"patience": 0}, "patience must be at least 1"),
        ({"steps_per_call": 0}, "steps_per_call must be at least 1"),
        ({"jit_compile": "maybe"}, "no jit_compile 'maybe'"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"seed": 2**32}, "seed must be a whole number from 0"),
    ],
)
def test_what_is_out_of_range_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        TrainOptions(**wrong)


def test_a_gan_trainer_needs_the_options_of_a_gan(tmp_path):
    with pytest.raises(InputError, match="needs GanOptions; received TrainOptions"):
        GanTrainer(models.edsr(4, 1, 4), models.discriminator(32, 4), tmp_path, TrainOptions())


def test_a_gan_needs_one_adversarial_loss():
    for losses in ({"mse": 1}, {"mse": 1, "adversarial": 1e-3, "adversarial_ra": 1e-3}):
        with pytest.raises(InputError, match="needs one of the losses adversarial, adversarial_ra"):
            GanOptions(losses=losses)


def test_a_keras_optimizer_brings_its_learning_rate():
    TrainOptions(optimizer=keras.optimizers.SGD(0.1))
    with pytest.raises(InputError, match="has a learning rate of its own"):
        TrainOptions(optimizer=keras.optimizers.SGD(0.1), learning_rate=0.2)


def test_gan_has_the_papers_defaults():
    assert GanOptions().losses == {"vgg54": 1.0, "adversarial": 1e-3}
    assert (GanOptions().schedule, GanOptions().learning_rate) == ("tenth_at_half", 1e-4)
    assert all(field.metadata["help"] and field.metadata["group"] for field in dataclasses.fields(GanOptions))
