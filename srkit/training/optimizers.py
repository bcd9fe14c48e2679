"""Optimizers and learning rates as a training's options give them: by name, or as Keras' objects."""

from collections.abc import Sequence

import keras
from keras.optimizers.schedules import LearningRateSchedule

from srkit.training.muon import Muon
from srkit.training.options import OPTIMIZERS, SCHEDULES, TrainOptions
from srkit.training.schedules import Warmup


def build_optimizer(
    options: TrainOptions, variables: Sequence[keras.Variable], name: str, precision: str
) -> keras.optimizers.Optimizer:
    """An optimizer of these variables, new or a copy of the one in the options.

    It does not clip by the norm of all gradients, which the trainer does (see `clipnorm_of`), and its learning rate is
    a number, which the trainer sets at each step.

    Args:
        options: A training's options.
        variables: What is optimized.
        name: The name of the model to which they belong.
        precision: What the models compute in: `"float32"` or `"mixed_bfloat16"`.
    """
    name = f"{name}_optimizer"
    if isinstance(options.optimizer, str):
        kind = OPTIMIZERS[options.optimizer]
        muons = {"compute_dtype": "bfloat16" if precision == "mixed_bfloat16" else "float32"} if kind is Muon else {}
        optimizer = kind(float(learning_rate_of(options, 1)(0)), name=name, **muons)
    else:
        config = {**options.optimizer.get_config(), "name": name, "global_clipnorm": None}
        config["learning_rate"] = float(learning_rate_of(options, 1)(0))
        optimizer = type(options.optimizer).from_config(config)
    optimizer.build(list(variables))
    return optimizer


def clipnorm_of(options: TrainOptions) -> float | None:
    """The largest norm of all gradients together: the options', or else their optimizer's; None for no limit."""
    if options.global_clipnorm is None and not isinstance(options.optimizer, str):
        return options.optimizer.global_clipnorm
    return options.global_clipnorm


def learning_rate_of(options: TrainOptions, steps: int) -> LearningRateSchedule:
    """The learning rate over a training of so many steps; its warm-up is included."""
    rate = options.learning_rate
    if not isinstance(options.optimizer, str):
        rate = options.optimizer.get_config()["learning_rate"]
        if isinstance(rate, dict):
            rate = keras.optimizers.schedules.deserialize(rate)
    schedule = rate if isinstance(rate, LearningRateSchedule) else SCHEDULES[options.schedule](rate, steps)
    return Warmup(schedule, options.warmup_steps) if options.warmup_steps else schedule


def depends_on_steps(options: TrainOptions) -> bool:
    """Whether the learning rate depends on the number of steps of the whole training."""
    schedule = learning_rate_of(options, 1)
    schedule = schedule.schedule if isinstance(schedule, Warmup) else schedule
    return isinstance(schedule, SCHEDULES[options.schedule]) and options.schedule != "constant"
