"""Pretraining: a generator on content losses."""

import os

import keras
import tensorflow as tf

from srkit.training.options import TrainOptions
from srkit.training.trainer import Trainer


class PreTrainer(Trainer):
    """Trains a generator on content losses: SRResNet's pretraining (MSE, or VGG22), or EDSR (L1).

    The best weights are those with the highest validation PSNR. If a loss has a network, such as vgg22, they are those
    with the lowest content loss.

    Args:
        model: The model from LR to SR. One for several scales, such as `mdsr`, is trained on all of them by turns.
        run_dir: The run's folder. A run in it that has the same settings is continued.
        options: The options.

    Example:
        ```python
        options = TrainOptions(losses={"l1": 1}, learning_rate=1e-3, schedule="cosine")
        trainer = PreTrainer(srkit.models.edsr(), "runs/edsr", options)
        ```
    """

    label = "PRE"
    shown = ("loss",)

    def __init__(self, model: keras.Model, run_dir: "str | os.PathLike", options: TrainOptions = TrainOptions()):
        super().__init__({"generator": model}, options.losses, run_dir, options)

    def compute_step(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update of the generator. Returns `loss`, and each loss by its name before it is weighted."""
        scale = hr.shape[1] // lr.shape[1]
        generator = self.generators[scale]
        with tf.GradientTape() as tape:
            sr = generator(lr, training=True)
            loss, values = self.losses(hr, sr, scale)
        self.apply_gradients("generator", generator, tape, loss)
        return {"loss": loss, **values}
