"""Validation: scores over whole images, and the best weights."""

import math
import warnings
from collections.abc import Callable

import numpy as np

from srkit.data import MultiScalePairs, Pairs
from srkit.errors import TrainingDiverged
from srkit.evaluation import colour_shift, psnr, ssim
from srkit.image import interpolate, to_uint8
from srkit.inference import predict
from srkit.models import save_keras_model, save_weights
from srkit.training.callbacks.callback import Callback
from srkit.training.callbacks.pictures import Crop, picture_crop, picture_crops

_CONTENT_PX = 384  # side of the crop on which the content loss is measured: VGG's memory stays bounded


class Validation(Callback):
    """Scores the generator's averaged weights on whole images, adds the scores to the entry, and saves the weights.

    Saves `last.weights.h5`, `best.weights.h5`, and the weights of other models than the generator under their names. A
    generator that srkit did not build is saved whole as well, as `last.keras` and `best.keras`.

    Args:
        valid: The pairs to validate on.
        every: Number of steps between validations. The last step is always validated.
        by_content: Whether the best weights are those with the lowest content loss, instead of the highest PSNR.

    Attributes:
        valid: The pairs.
        best_score: The best validation's score.
        crops: The middles of some images, with their reconstructions, of the last validation.
    """

    def __init__(self, valid: "Pairs | MultiScalePairs", every: int, by_content: bool):
        self.valid = valid
        self._every = every
        self._by_content = by_content
        self._baseline: dict[str, float] = {}
        self.best_score = -math.inf
        self.crops: list[Crop] = []
        self._warned = False

    def on_step_end(self, trainer):
        if trainer.step < trainer.steps and trainer.step % self._every:
            return
        with trainer.average.assigned():
            scores = self._score(trainer)
            self._save(trainer, "last")
            if scores["score"] > self.best_score:
                self.best_score = scores["score"]
                self._save(trainer, "best")
        for name, model in trainer.models.items():
            if name != "generator":
                save_weights(model, trainer.run.path / f"{name}.weights.h5")
        trainer.scores = scores
        trainer.entry |= scores

    def _save(self, trainer, name: str) -> None:
        save_weights(trainer.generator, trainer.run.path / f"{name}.weights.h5")
        if hasattr(trainer.generator, "config"):  # the file of weights names its model
            return
        try:
            save_keras_model(trainer.generator, trainer.run.path / f"{name}.keras")
        except (NotImplementedError, TypeError, ValueError) as error:  # layers whose arguments Keras cannot save
            if not self._warned:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                warnings.warn(
                    f"The generator cannot be saved as a .keras file ({reason}). Its weights are saved, and can be "
                    "loaded into the same model: load_model(…, model=…).",
                    stacklevel=2,
                )
            self._warned = True

    def _score(self, trainer) -> dict[str, float]:
        def reconstruct(lr: np.ndarray, scale: int) -> np.ndarray:
            sr = predict(trainer.generators[scale], lr)
            if not np.isfinite(sr).all():
                raise TrainingDiverged("The model's images are no longer finite numbers")
            return to_uint8(sr)

        if not self._baseline:
            scores = mean_scores(self.valid, interpolate)
            self._baseline = {f"bicubic_{name}": value for name, value in scores.items()}
        scores = mean_scores(self.valid, reconstruct)
        self.crops = [
            Crop(scale, index, lr, hr, predict(trainer.generators[scale], lr))
            for scale, index, lr, hr in picture_crops(self.valid)
        ]
        scores |= {"colour_shift": float(np.mean([colour_shift(crop.lr, crop.sr) for crop in self.crops]))}
        scores |= self._baseline
        if not self._by_content:
            return scores | {"score": scores["psnr"]}
        content = self._content_loss(trainer)
        return scores | {"valid_content_loss": content, "score": -content}

    def _content_loss(self, trainer) -> float:
        """The mean content loss on the middle of each image."""
        values = []
        for pairs in self.valid.pairs_by_scale:
            for pair in pairs.pairs():
                lr, hr = picture_crop(*pair, pairs.scale, _CONTENT_PX)
                sr = predict(trainer.generators[pairs.scale], lr)
                total, _ = trainer.losses(hr[None].astype(np.float32), sr[None], pairs.scale)
                values.append(float(total))
        return float(np.mean(values))

    def state(self):
        return {"best_score": self.best_score}

    def restore(self, state):
        self.best_score = state["best_score"]


def mean_scores(
    valid: "Pairs | MultiScalePairs", reconstruct: Callable[[np.ndarray, int], np.ndarray]
) -> dict[str, float]:
    """Mean PSNR and SSIM over whole images, on the Y channel, with as many pixels cut off as the scale.

    Args:
        valid: The pairs. Of several scales, each one's means are returned beside those of all.
        reconstruct: A function of LR and the scale that returns SR.
    """
    scores = {}
    for pairs in valid.pairs_by_scale:
        values = {f"psnr_x{pairs.scale}": [], f"ssim_x{pairs.scale}": []}
        for lr, hr in pairs.pairs():
            sr = reconstruct(lr, pairs.scale)
            for metric, measured in zip((psnr, ssim), values.values()):
                measured.append(metric(hr, sr, border=pairs.scale, channel="y"))
        scores |= {name: float(np.mean(measured)) for name, measured in values.items()}
    means = {
        name: float(np.mean([value for key, value in scores.items() if key.startswith(name)]))
        for name in ("psnr", "ssim")
    }
    return means | (scores if len(valid.pairs_by_scale) > 1 else {})
