"""Learning rates over a training of a known number of steps."""

import math

import keras
from keras import ops


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that depends on the part of the training that is done.

    Keras' own schedules count in float32; these count in float64, so that a rate is the same wherever it is computed.

    Args:
        learning_rate: The highest rate.
        steps: Number of steps of the whole training.
    """

    def __init__(self, learning_rate: float, steps: int):
        self.learning_rate = learning_rate
        self.steps = steps

    def __call__(self, step):
        """The rate of a step, counted from 0: a float64 scalar."""
        return self.learning_rate * self.factor(ops.cast(step, "float64"))

    def factor(self, step):
        """What the highest rate is multiplied by at a step."""
        raise NotImplementedError

    def get_config(self) -> dict:
        return {"learning_rate": self.learning_rate, "steps": self.steps}


@keras.saving.register_keras_serializable("srkit")
class Constant(Schedule):
    """The same rate at all steps."""

    def factor(self, step):
        return ops.ones_like(step)


@keras.saving.register_keras_serializable("srkit")
class TenthAtHalf(Schedule):
    """A tenth of the rate in the second half of the training: 1e-4, then 1e-5 (Ledig et al. 2017, section 3.2)."""

    def factor(self, step):
        return ops.where(step < self.steps / 2, ops.ones_like(step), 0.1 * ops.ones_like(step))


@keras.saving.register_keras_serializable("srkit")
class HalfEveryFifth(Schedule):
    """Half the rate after each fifth of the training."""

    def factor(self, step):
        return 0.5 ** ops.floor(5 * step / self.steps)


@keras.saving.register_keras_serializable("srkit")
class Cosine(Schedule):
    """Down to zero along half a cosine."""

    def factor(self, step):
        return 0.5 * (1 + ops.cos(math.pi * step / self.steps))


@keras.saving.register_keras_serializable("srkit")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Another schedule, whose first steps rise linearly to what it says.

    Args:
        schedule: The schedule of the whole training, the first steps included.
        warmup_steps: Number of steps in which the rate rises.
    """

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule, warmup_steps: int):
        self.schedule = schedule
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        rate = self.schedule(step)
        part = (ops.cast(step, rate.dtype) + 1) / self.warmup_steps
        return rate * ops.minimum(part, 1)

    def get_config(self) -> dict:
        schedule = keras.optimizers.schedules.serialize(self.schedule)
        return {"schedule": schedule, "warmup_steps": self.warmup_steps}

    @classmethod
    def from_config(cls, config: dict) -> "Warmup":
        return cls(keras.optimizers.schedules.deserialize(config["schedule"]), config["warmup_steps"])
