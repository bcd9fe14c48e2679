"""Options of a training: `TrainOptions`, and `GanOptions` for a GAN. Imports neither Keras nor TensorFlow."""

import dataclasses
import math
import os
from collections.abc import Mapping

from srkit.errors import InputError, check_choice
from srkit.lazy import LazyTable
from srkit.losses import ADVERSARIAL, LOSSES
from srkit.models import PRECISIONS
from srkit.options import documented, option

OPTIMIZERS = LazyTable({"adam": "keras.optimizers:Adam", "muon": "srkit.training.muon:Muon"})
# Classes of schedules, built from the highest learning rate and the number of steps.
SCHEDULES = LazyTable(
    {
        "constant": "srkit.training.schedules:Constant",
        "tenth_at_half": "srkit.training.schedules:TenthAtHalf",
        "half_every_fifth": "srkit.training.schedules:HalfEveryFifth",
        "cosine": "srkit.training.schedules:Cosine",
    }
)

_SCHEDULE_HELP = (
    "How the learning rate falls: not at all; to a tenth for the second half of the steps; by half after each fifth of "
    "the steps; or to zero along a cosine."
)

# What may differ when a run goes on: it does not change the weights. Networks' weights are recorded by a fingerprint.
_NOT_SETTINGS = ("vgg_weights", "evaluate_every", "checkpoint_every", "patience", "jit_compile", "steps_per_call")


def auto_or_bool(text: str) -> "bool | str":
    """`True`, `False` or `"auto"`, as people write them."""
    return {"true": True, "false": False}.get(text.lower(), text)


def auto_or_int(text: str) -> "int | str":
    """A whole number, or `"auto"`."""
    try:
        return text if text == "auto" else int(text)
    except ValueError:
        raise InputError(f"must be a whole number, or auto; received {text}") from None


@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of a training.

    Example:
        ```python
        options = TrainOptions(losses={"l1": 1}, optimizer="muon", learning_rate=1e-3, schedule="cosine")
        ```

    Raises:
        InputError: A name is not known, or a number is out of its range.
    """

    losses: Mapping[str, float] = option(
        {"mse": 1.0},
        "Losses by name, each with its weight; their weighted sum is minimised.",
        group="losses",
        choices=tuple(LOSSES),
        metavar="NAME=WEIGHT",
        flag="--loss",
    )
    vgg_weights: "str | os.PathLike | None" = option(
        None,
        "File of VGG19's weights (.h5) for the losses vgg22, vgg54 and vgg54_pre. Default: the file that the "
        "environment variable SRKIT_VGG19_WEIGHTS names, or else a download of 80 MB.",
        group="losses",
        metavar="FILE",
        type=str,
    )
    optimizer: "str | keras.optimizers.Optimizer" = option(  # noqa: F821
        "adam",
        "Optimizer. muon needs a fraction of adam's steps. In Python also a Keras optimizer, with its own learning "
        "rate.",
        group="optimization",
        choices=tuple(OPTIMIZERS),
    )
    learning_rate: "float | keras.optimizers.schedules.LearningRateSchedule" = option(  # noqa: F821
        1e-4,
        "Highest learning rate. In Python also a Keras schedule, in place of the schedule by name.",
        group="optimization",
        metavar="RATE",
    )
    schedule: str = option(
        "constant",
        _SCHEDULE_HELP,
        group="optimization",
        choices=tuple(SCHEDULES),
    )
    warmup_steps: int = option(
        0, "Number of steps in which the learning rate rises to its full value.", group="optimization", metavar="N"
    )
    global_clipnorm: float | None = option(
        None,
        "Limit the norm of all gradients together. Default: no limit.",
        group="optimization",
        metavar="NORM",
        type=float,
    )
    ema: float = option(
        0.0,
        "Decay of a moving average of the generator's weights, such as 0.999. The average is validated and saved. "
        "0 turns it off.",
        group="optimization",
        metavar="DECAY",
    )
    precision: str = option(
        "auto",
        "What the models compute in while they train. auto takes the faster one, by timing both.",
        group="optimization",
        choices=PRECISIONS,
    )
    jit_compile: "bool | str" = option(
        "auto",
        "Whether XLA compiles the steps. auto: on a GPU, where they are several times faster for it, and not on the "
        "CPU, where they are slower.",
        group="computation",
        choices=("auto", True, False),
        metavar="auto|true|false",
        type=auto_or_bool,
    )
    steps_per_call: "int | str" = option(
        "auto",
        "Number of steps in one call of the compiled function, with nothing of Python between them. A call ends at "
        "each validation and checkpoint. Ctrl-C, TensorBoard and the progress bar wait for its end. auto: 50 on a "
        "GPU, 1 on the CPU. A model for several scales does 1.",
        group="computation",
        metavar="N",
        type=auto_or_int,
    )
    batch_size: int = option(16, "Number of crops in a batch, on all devices together.", group="batches", metavar="N")
    patch_size: int = option(96, "Side of the HR crops in pixels.", group="batches", metavar="PX")
    seed: int = option(0, "Seed of the order of the photographs and of the crops.", group="batches")
    evaluate_every: int = option(
        1_000,
        "Number of steps between validations. The last step is always validated.",
        group="validation and checkpoints",
        metavar="N",
    )
    checkpoint_every: int = option(
        500,
        "Number of steps between checkpoints. There is one at least every five minutes, and at each validation.",
        group="validation and checkpoints",
        metavar="N",
    )
    patience: int | None = option(
        None,
        "Stop early after this many validations in a row without a new best score. Default: never.",
        group="validation and checkpoints",
        metavar="N",
        type=int,
    )

    def __post_init__(self):
        check_choice("schedule", self.schedule, tuple(SCHEDULES))
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("jit_compile", self.jit_compile, ("auto", True, False))
        if isinstance(self.optimizer, str):
            check_choice("optimizer", self.optimizer, tuple(OPTIMIZERS))
        elif self.learning_rate != TrainOptions.learning_rate:
            raise InputError(
                "A Keras optimizer has a learning rate of its own: set it there, and leave out learning_rate."
            )
        for name, weight in self.losses.items():
            _check_positive(f"The weight of the loss {name}", weight)
        if isinstance(self.learning_rate, (int, float)):
            _check_positive("learning_rate", self.learning_rate)
        if self.global_clipnorm is not None:
            _check_positive("global_clipnorm", self.global_clipnorm)
        if not 0 <= self.ema < 1:
            raise InputError(f"ema must be at least 0 (off) and below 1, such as 0.999; received {self.ema}.")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed must be a whole number from 0 to {2**32 - 1}; received {self.seed}.")
        if self.warmup_steps < 0:
            raise InputError(f"warmup_steps must be at least 0; received {self.warmup_steps}.")
        for name in ("batch_size", "patch_size", "evaluate_every", "checkpoint_every", "patience", "steps_per_call"):
            count = getattr(self, name)
            if count not in (None, "auto") and count < 1:
                raise InputError(f"{name} must be at least 1; received {count}.")

    def settings(self) -> dict:
        """The values that must stay the same for a run to go on, by name."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if name not in _NOT_SETTINGS}


@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class GanOptions(TrainOptions):
    """Options of a GAN's training: those of `TrainOptions`, with SRGAN's defaults, and one more.

    `losses` has one of `adversarial` and `adversarial_ra` among its names.
    """

    losses: Mapping[str, float] = option(
        {"vgg54": 1.0, "adversarial": 1e-3},
        "Losses by name, each with its weight; their weighted sum is minimised. One of them is adversarial or "
        "adversarial_ra. colour=1 keeps colours from drifting.",
        group="losses",
        choices=(*LOSSES, *ADVERSARIAL),
        metavar="NAME=WEIGHT",
        flag="--loss",
    )
    schedule: str = option(
        "tenth_at_half",
        _SCHEDULE_HELP,
        group="optimization",
        choices=tuple(SCHEDULES),
    )
    freeze_batch_norm: bool = option(
        False,
        "Keep the generator's batch norm as pretraining left it, so that the losses see the images that the trained "
        "generator makes.",
        group="optimization",
    )

    def __post_init__(self):
        super().__post_init__()
        if len([name for name in ADVERSARIAL if name in self.losses]) != 1:
            raise InputError(
                f"A GAN needs one of the losses {', '.join(ADVERSARIAL)}; received {', '.join(self.losses) or 'none'}."
            )


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise InputError(f"{name} must be a finite number above 0; received {value}.")
