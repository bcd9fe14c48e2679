"""What TensorBoard shows of a run: scalars, pictures, and the discriminator's judgements."""

import numpy as np
import tensorflow as tf

from srkit.data import Pairs
from srkit.inference import predict
from srkit.training.callbacks.callback import Callback
from srkit.training.callbacks.pictures import Pictures, picture_crop


class TensorBoard(Callback):
    """Logs values of steps, and the pictures of validations, in the run's folder `tensorboard`.

    Where a call does many steps, the values are those of its last one.

    Args:
        pictures: The pictures of the last validation.
    """

    def __init__(self, pictures: Pictures):
        self._pictures = pictures

    def on_train_begin(self, trainer):
        self._writer = tf.summary.create_file_writer(str(trainer.run.path / "tensorboard"))

    def on_step_end(self, trainer):
        if not trainer.is_call_end:
            return
        with self._writer.as_default(trainer.step):
            for name, value in trainer.entry.items():
                tf.summary.scalar(name, value)

    def on_validation_end(self, trainer):
        with self._writer.as_default(trainer.step):
            for name, picture in self._pictures.latest.items():
                tf.summary.image(f"validation-{name}", picture[None])

    def on_train_end(self, trainer):
        self._writer.close()


class DiscriminatorHistograms(Callback):
    """Logs how the discriminator judges the middles of the validation images, HR and SR.

    Args:
        valid: The validation images.
    """

    def __init__(self, valid: Pairs):
        self._valid = valid

    def on_train_begin(self, trainer):
        path = str(trainer.run.path / "tensorboard")
        self._writer = tf.summary.create_file_writer(path, filename_suffix=".discriminator")

    def on_validation_end(self, trainer):
        size = trainer.options.patch_size
        crops = [picture_crop(*pair, self._valid.scale, size) for pair in self._valid.pairs()]
        crops = [(lr, hr) for lr, hr in crops if hr.shape[:2] == (size, size)]
        if not crops:
            return
        judged = {"d_hr": [hr for _, hr in crops], "d_sr": [predict(trainer.generator, lr) for lr, _ in crops]}
        with self._writer.as_default(trainer.step):
            for name, batch in judged.items():
                logits = trainer.discriminator(np.stack(batch).astype(np.float32), training=False)
                tf.summary.histogram(f"validation_{name}", tf.sigmoid(logits))

    def on_train_end(self, trainer):
        self._writer.close()
