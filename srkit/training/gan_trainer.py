"""GAN training: a pretrained generator against a discriminator."""

import os

import keras
import tensorflow as tf

from srkit.data import Pairs
from srkit.errors import InputError
from srkit.losses import ADVERSARIAL
from srkit.models import scale_of
from srkit.training import callbacks as standard
from srkit.training.callbacks import Callback
from srkit.training.options import GanOptions
from srkit.training.trainer import Trainer


class GanTrainer(Trainer):
    """Fine-tunes a pretrained generator against a discriminator: SRGAN (Ledig et al. 2017).

    The generator's loss is a weighted sum with one adversarial term (equation 3). Discriminator and generator are
    updated in turn, once each a step. The best weights are those with the lowest content loss in validation.

    Args:
        generator: The model from LR to SR, pretrained: with random weights the game is lost before it begins.
        discriminator: The model from HR crops to logits.
        run_dir: The run's folder. A run in it that has the same settings is continued.
        options: The options.

    Example:
        ```python
        generator, discriminator = srkit.load_model("srresnet-x4"), srkit.models.discriminator(96)
        options = GanOptions(losses={"lpips": 1, "adversarial": 1e-3, "colour": 1})
        trainer = GanTrainer(generator, discriminator, "runs/srgan", options)
        ```
    """

    label, start_label = "GAN", "PRE"
    shown = ("g_loss", "d_loss", "d_hr", "d_sr")
    is_judged_by_content = True

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        run_dir: "str | os.PathLike",
        options: GanOptions = GanOptions(),
    ):
        if not isinstance(options, GanOptions):
            raise InputError(f"A GanTrainer needs GanOptions; received {type(options).__name__}.")
        self.scale = scale_of(generator)
        self.discriminator = discriminator
        size = discriminator.input_shape[1]
        if size not in (None, options.patch_size):
            raise InputError(
                f"The discriminator takes HR crops of {size} px, but patch_size is {options.patch_size}. "
                f"Set patch_size={size}, or build a discriminator for {options.patch_size} px."
            )
        content = {name: weight for name, weight in options.losses.items() if name not in ADVERSARIAL}
        (self._adversarial_name,) = options.losses.keys() - content.keys()
        self._adversarial = ADVERSARIAL[self._adversarial_name]
        norms = [layer for layer in generator.layers if isinstance(layer, keras.layers.BatchNormalization)]
        models = {"generator": generator, "discriminator": discriminator}
        super().__init__(models, content, run_dir, options, frozen=norms if options.freeze_batch_norm else ())

    def compute_step(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update of the discriminator, then one of the generator.

        Returns:
            `g_loss` and `d_loss`; each loss by its name before it is weighted; and `d_hr` and `d_sr`, the
            discriminator's mean probability that an original, and a reconstruction, is an original.
        """
        with tf.GradientTape() as generator_tape:
            sr = self.generator(lr, training=True)
            # First the discriminator is updated, then the generator plays against the new one (section 2.1).
            with generator_tape.stop_recording(), tf.GradientTape() as discriminator_tape:
                hr_logits = self.discriminator(hr, training=True)
                sr_logits = self.discriminator(sr, training=True)
                d_loss = self._adversarial.discriminator(hr_logits, sr_logits)
            with generator_tape.stop_recording():
                self.apply_gradients("discriminator", self.discriminator, discriminator_tape, d_loss)
            content, values = self.losses(hr, sr, self.scale)
            new_sr_logits = self.discriminator(sr, training=True)
            adversarial = self._adversarial.generator(tf.stop_gradient(hr_logits), new_sr_logits)
            g_loss = content + self.options.losses[self._adversarial_name] * adversarial
        self.apply_gradients("generator", self.generator, generator_tape, g_loss)
        return {
            "g_loss": g_loss,
            **values,
            self._adversarial_name: adversarial,
            "d_loss": d_loss,
            "d_hr": tf.reduce_mean(tf.sigmoid(hr_logits)),
            "d_sr": tf.reduce_mean(tf.sigmoid(sr_logits)),
        }

    def standard_callbacks(self, valid: Pairs, history: standard.History) -> list[Callback]:
        """The kit's callbacks that come before the user's, in the order in which they are called."""
        callbacks = super().standard_callbacks(valid, history)
        return [*callbacks, standard.DiscriminatorHistograms(valid), standard.CollapseWatch(), standard.ColourWatch()]
