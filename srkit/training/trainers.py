"""Training: `PreTrainer` (content loss) and `GanTrainer` (content and adversarial loss), resumable at any step."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np
import tensorflow as tf

from srkit.data.pairs import Pairs
from srkit.errors import InputError, check_choice
from srkit.image import read_image, to_uint8, write_image
from srkit.inference.upscaling import predict
from srkit.losses import ADVERSARIAL
from srkit.models import scale_of
from srkit.models.weights import save_weights
from srkit.training.optimizers import OPTIMIZERS
from srkit.training.trainer import Trainer, identity
from srkit.training.validation import NUM_PICTURES, picture_crop

# Signs of a game that has been lost.
_COLLAPSED_LOSS, _COLLAPSED_STEPS = 0.01, 500
_COLOUR_SHIFT = 2  # grey levels


class PreTrainer(Trainer):
    """Trains a generator on a content loss: SRResNet's pretraining (MSE, or VGG22), or EDSR (MAE).

    Args:
        model: From LR to SR. One for several scales, such as `mdsr`, is trained on all of them by turns.
        run_dir: The run's folder. One that holds a run with the same settings is resumed.
        losses: Weight by name (see `srkit.losses.LOSSES`), such as `{"l1": 1}`; the paper's SRResNet-VGG22 has
            `{"vgg22": 1, "total_variation": 2e-8}`.
        learning_rate: At its highest.
        optimizer: `"adam"`, as in the papers, or `"muon"`, which gets as far in a fraction of the steps.
        schedule: See `learning_rate_at`.
        precision: `"float32"`; `"mixed_bfloat16"`; or `"auto"`: the faster of the two, found out by timing both.
        warmup_steps: Steps in which the learning rate rises to its height.
        clip_norm: The gradients of all weights together are scaled down to this norm where they exceed it.
        ema: Decay of an exponential moving average of the generator's weights, such as 0.999, which then is what is
            validated and saved; 0 for none. In step n it is at most (1 + n) / (10 + n).
        vgg_weights: See `srkit.losses.VGGLoss`.

    The best weights are those with the highest validation PSNR; for a VGG loss, those with the lowest one.
    """

    _shown = ("loss",)
    _picture_name = "PRE"

    def __init__(
        self,
        model: keras.Model,
        run_dir: "str | os.PathLike",
        losses: Mapping[str, float] = MappingProxyType({"mse": 1.0}),
        learning_rate: float = 1e-4,
        schedule: str = "constant",
        precision: str = "auto",
        warmup_steps: int = 0,
        clip_norm: float | None = None,
        ema: float = 0.0,
        vgg_weights: "str | os.PathLike | None" = None,
        optimizer: str = "adam",
    ):
        check_choice("optimizer", optimizer, OPTIMIZERS)
        super().__init__(model, run_dir, learning_rate, schedule, precision, warmup_steps, clip_norm, ema)
        self._use_losses(losses, vgg_weights)
        self._settings |= {"optimizer": optimizer}
        self._add_optimizer("generator", optimizer)

    def _compute_step(self, lr, hr):
        scale = hr.shape[1] // lr.shape[1]
        generator = self._at_scale[scale]
        with tf.GradientTape() as tape:
            sr = generator(lr, training=True)
            loss, values = self._at_losses[scale](hr, sr)
        self._apply_gradients("generator", generator, tape, loss)
        return {"loss": loss, **values}

    def _validation_score(self, valid, scores):
        if self._losses.networks:
            return self._content_score(valid)
        return {"score": scores["psnr"]}


class GanTrainer(Trainer):
    """Fine-tunes a pretrained generator against a discriminator: SRGAN (Ledig et al. 2017).

    The generator's loss is a weighted sum with one adversarial term (equation 3). Discriminator and generator are
    updated in turn, once each a step.

    Args:
        generator: From LR to SR, pretrained: from random weights the game is lost before it begins.
        discriminator: From HR crops to logits.
        run_dir: The run's folder. One that holds a run with the same settings is resumed.
        losses: Weight by name (see `srkit.losses.LOSSES`), and one of `srkit.losses.ADVERSARIAL`. The paper's SRGAN
            has `{"vgg54": 1, "adversarial": 1e-3}`; `"colour": 1` beside them keeps colours from drifting.
        learning_rate: Of both Adams, at its highest.
        freeze_batch_norm: The generator's batch norm keeps what pretraining has left in it. Otherwise it normalises by
            each batch's own statistics, as in the paper, and then discriminator and losses see other images than those
            that the generator makes once it is trained.
        schedule, precision, warmup_steps, clip_norm, ema: As in `PreTrainer`.
        vgg_weights: See `srkit.losses.VGGLoss`.

    The history has `d_hr` and `d_sr`, the discriminator's mean probability that an original, and a reconstruction, is
    an original. The best weights are those with the lowest content loss in validation.
    """

    _shown = ("g_loss", "d_loss", "d_hr", "d_sr")
    _picture_name = "GAN"

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        run_dir: "str | os.PathLike",
        losses: Mapping[str, float] = MappingProxyType({"vgg54": 1.0, "adversarial": 1e-3}),
        learning_rate: float = 1e-4,
        schedule: str = "halves",
        precision: str = "auto",
        vgg_weights: "str | os.PathLike | None" = None,
        warmup_steps: int = 0,
        clip_norm: float | None = None,
        ema: float = 0.0,
        freeze_batch_norm: bool = False,
    ):
        for layer in generator.layers:
            if freeze_batch_norm and isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
        super().__init__(generator, run_dir, learning_rate, schedule, precision, warmup_steps, clip_norm, ema)
        self.scale = scale_of(generator)
        self.discriminator = discriminator
        self._models["discriminator"] = discriminator
        content = dict(losses)
        names = [name for name in ADVERSARIAL if name in content]
        if len(names) != 1:
            raise InputError(
                f"A GAN needs one of the losses {', '.join(ADVERSARIAL)}; received {', '.join(losses) or 'none'}."
            )
        self._adversarial_name = names[0]
        self._adversarial, self._adversarial_weight = ADVERSARIAL[names[0]], content.pop(names[0])
        self._use_losses(content, vgg_weights)
        self._settings |= {"discriminator": identity(discriminator), "losses": dict(losses)}
        for name in self._models:
            self._add_optimizer(name)

    def train(self, train: Pairs, valid: Pairs, steps: int, patch_size: int = 96, **options) -> list[dict]:
        """As `Trainer.train`; the HR crops must have the size that the discriminator was built for."""
        expected = self.discriminator.input_shape[1]
        if patch_size != expected:
            raise InputError(
                f"The discriminator was built for HR crops of {expected} px; received patch_size={patch_size}."
            )
        return super().train(train, valid, steps, patch_size=patch_size, **options)

    def _compute_step(self, lr, hr):
        with tf.GradientTape() as generator_tape:
            sr = self.generator(lr, training=True)
            # First the discriminator is updated, then the generator plays against the new one (section 2.1).
            with generator_tape.stop_recording(), tf.GradientTape() as discriminator_tape:
                hr_logits = self.discriminator(hr, training=True)
                sr_logits = self.discriminator(sr, training=True)
                d_loss = self._adversarial.discriminator(hr_logits, sr_logits)
            with generator_tape.stop_recording():
                self._apply_gradients("discriminator", self.discriminator, discriminator_tape, d_loss)
            content, values = self._losses(hr, sr)
            new_sr_logits = self.discriminator(sr, training=True)
            adversarial = self._adversarial.generator(tf.stop_gradient(hr_logits), new_sr_logits)
            g_loss = content + self._adversarial_weight * adversarial
        self._apply_gradients("generator", self.generator, generator_tape, g_loss)
        return {
            "g_loss": g_loss,
            **values,
            self._adversarial_name: adversarial,
            "d_loss": d_loss,
            "d_hr": tf.reduce_mean(tf.sigmoid(hr_logits)),
            "d_sr": tf.reduce_mean(tf.sigmoid(sr_logits)),
        }

    def _resume_watch(self):
        self._steps_won = 0
        for entry in self.history[-_COLLAPSED_STEPS:]:
            self._count_steps_won(entry)

    def _count_steps_won(self, entry: dict[str, float]) -> None:
        self._steps_won = self._steps_won + 1 if entry["d_loss"] < _COLLAPSED_LOSS else 0

    def _watch(self, entry):
        self._count_steps_won(entry)
        if self._steps_won == _COLLAPSED_STEPS:
            warnings.warn(
                f"The discriminator's loss has been below {_COLLAPSED_LOSS} for {_COLLAPSED_STEPS} steps (step "
                f"{self.step}): it tells every reconstruction from an original, and the generator learns little more "
                "from it. Try a better pretrained generator, a lower learning rate or a larger adversarial weight, in "
                "another run folder.",
                stacklevel=2,
            )
        if entry.get("colour_shift", 0) > _COLOUR_SHIFT:
            warnings.warn(
                f"The mean colour of SR is {entry['colour_shift']:.1f} grey levels from LR's (step {self.step}; up to "
                f"{_COLOUR_SHIFT} is normal). Where later validations do not bring it back, take a generator that has "
                "been pretrained for longer, or a lower learning rate, in another run folder.",
                stacklevel=2,
            )

    def _validation_score(self, valid, scores):
        return self._content_score(valid)

    def _prepare(self, valid):
        for index in range(min(NUM_PICTURES, len(valid))):
            lr, _ = picture_crop(*valid[index], self.scale)
            write_image(self._pre_path(index), to_uint8(predict(self.generator, lr)))

    def _picture_columns(self, index):
        return {"PRE": read_image(self._pre_path(index))}

    def _pre_path(self, index: int) -> Path:
        return self.run.path / "pictures" / f"pre-{index}.png"

    def _validate(self, valid, baseline):
        scores = super()._validate(valid, baseline)
        save_weights(self.discriminator, self.run.path / "discriminator.weights.h5")
        self._log_probabilities(valid)
        return scores

    def _log_probabilities(self, valid):
        """TensorBoard histograms of D over the middles of the validation images, HR and SR."""
        size = self.discriminator.input_shape[1]
        crops = [picture_crop(*pair, self.scale, size) for pair in valid.pairs()]
        crops = [(lr, hr) for lr, hr in crops if hr.shape[:2] == (size, size)]
        if not crops:
            return
        judged = {"d_hr": [hr for _, hr in crops], "d_sr": [predict(self.generator, lr) for lr, _ in crops]}
        for name, batch in judged.items():
            logits = self.discriminator(np.stack(batch).astype(np.float32), training=False)
            tf.summary.histogram(f"validation_{name}", tf.sigmoid(logits), step=self.step)
