"""The training loop: steps, validation, checkpoints, history. `srkit.training` has the trainers built on it."""

import contextlib
import json
import math
import os
import signal
import threading
import time
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from srkit import images, metrics, resize
from srkit.data import Pairs
from srkit.errors import InputError, TrainingDiverged, check_choice
from srkit.inference import predict, scale_of
from srkit.runs import RunFolder
from srkit.weights import save_weights

PRECISIONS = ("float32", "mixed_bfloat16")
SCHEDULES = ("constant", "halves", "cosine")

_SECONDS_BETWEEN_CHECKPOINTS = 300
NUM_PICTURES, PICTURE_PX = 3, 192


def learning_rate_at(step: int, steps: int, learning_rate: float, schedule: str = "constant") -> float:
    """The learning rate of a step.

    Args:
        step: From 0.
        steps: Of the whole training.
        learning_rate: The first and highest one.
        schedule: `"constant"`; `"halves"`: a tenth of it in the second half of the training (Ledig et al. 2017,
            section 3.2: 1e-4, then 1e-5); `"cosine"`: down to nothing along a half cosine.
    """
    if schedule == "halves":
        return learning_rate if step < steps / 2 else learning_rate / 10
    if schedule == "cosine":
        return learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
    return learning_rate


def set_precision(model: keras.Model, precision: str) -> None:
    """Has a model compute in `"float32"` or `"mixed_bfloat16"`.

    Weights stay float32, and so does all that comes after the last layer with weights but one: bfloat16 has three
    significant digits, too few for the pixels themselves.
    """
    last = max(index for index, layer in enumerate(model.layers) if layer.weights)
    for index, layer in enumerate(model.layers):
        layer.dtype_policy = keras.dtype_policies.get(precision if index < last else "float32")


class Trainer:
    """What the trainers share: the loop, validation, checkpoints, history. Subclasses say what a step is."""

    def __init__(
        self,
        generator: keras.Model,
        run_dir: "str | os.PathLike",
        learning_rate: float,
        schedule: str,
        precision: str,
    ):
        check_choice("schedule", schedule, SCHEDULES)
        check_choice("precision", precision, PRECISIONS)
        self.generator = generator
        self.scale = scale_of(generator)
        self.run = RunFolder(run_dir)
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.step = 0
        self.best_score = -math.inf
        self._models = {"generator": generator}
        self._optimizers: dict[str, keras.optimizers.Optimizer] = {}
        self._settings = {
            "trainer": type(self).__name__,
            "model": identity(generator),
            "learning_rate": learning_rate,
            "schedule": schedule,
            "precision": precision,
        }
        self._strategy = tf.distribute.get_strategy()
        self._saved_at = time.monotonic()

    @property
    def history(self) -> list[dict]:
        """One entry a step: losses, learning rate, and at validations the scores."""
        return self.run.history()

    def train(
        self,
        train: Pairs,
        valid: Pairs,
        steps: int,
        evaluate_every: int = 1_000,
        checkpoint_every: int = 500,
        batch_size: int = 16,
        hr_size: int = 96,
        seed: int = 0,
    ) -> list[dict]:
        """Trains up to `steps` steps in all; goes on where the run folder's last checkpoint stopped.

        Ctrl-C finishes the step, saves a checkpoint, and then interrupts.

        Args:
            train: Pairs to cut batches from.
            valid: Pairs to validate on, as whole images.
            steps: Of the whole run, those done before counted in.
            evaluate_every: Steps from one validation to the next. There is one at the end, too.
            checkpoint_every: Steps from one checkpoint to the next, which come at least every five minutes.
            batch_size: Crops in a batch.
            hr_size: Side of the HR crops, in px.
            seed: Of the batches.

        Returns:
            The history (see `history`).

        Raises:
            InputError: The settings are not those of the run folder, or the data is of another scale.
            TrainingDiverged: A loss is infinite or not a number. The models are back at the last checkpoint.
        """
        self._check(train, valid, steps=steps, evaluate_every=evaluate_every, checkpoint_every=checkpoint_every)
        batches = {"batch_size": batch_size, "hr_size": hr_size, "seed": seed}
        train.batches(**batches)  # crops that do not fit are refused before anything is written
        settings = {**self._settings, **batches, "train": train.identity, "valid": valid.identity}
        if self.schedule != "constant":
            settings["steps"] = steps  # they shape the learning rate
        self.run.begin(settings)
        if not self._restore():
            self._prepare(valid)
            self._save()
        if self.step:
            self._report_what_is_done(steps)
        if self.step >= steps:
            return self.history
        dataset = train.batches(**batches, start=self.step, stop=steps)
        baseline = _score(valid, lambda lr: resize.upscale(lr, self.scale))
        with contextlib.ExitStack() as stack:
            interrupted = stack.enter_context(_deferred_interrupt())
            log = stack.enter_context(self.run.open_history(self.step))
            board = tf.summary.create_file_writer(str(self.run.path / "tensorboard"))
            stack.enter_context(board.as_default())
            bar = stack.enter_context(_progress_bar(self.run.path.name, self.step, steps))
            for lr, hr in self._strategy.experimental_distribute_dataset(dataset):
                entry = self._train_one(lr, hr, steps)
                done = self.step >= steps
                if done or self.step % evaluate_every == 0:
                    entry |= self._validate(valid, baseline)
                    tqdm.write(self._report(entry))
                log.write(json.dumps(entry) + "\n")
                for name, value in entry.items():
                    tf.summary.scalar(name, value, step=self.step)
                bar.set_postfix({name: f"{entry[name]:.4g}" for name in self._shown}, refresh=False)
                bar.update()
                if self._checkpoint_is_due(checkpoint_every) or "psnr" in entry or interrupted.is_set():
                    log.flush()
                    os.fsync(log.fileno())
                    self._save()
                if interrupted.is_set():
                    raise KeyboardInterrupt(f"stopped at step {self.step}; the same call goes on from there")
        return self.history

    # What a subclass defines.

    _shown: tuple[str, ...]  # the losses beside the progress bar

    def _compute_step(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """Updates the models with one batch. Returns the losses by name."""
        raise NotImplementedError

    def _validation_score(self, valid: Pairs, scores: dict[str, float]) -> dict[str, float]:
        """What validation adds to PSNR and SSIM: at least `score`, by which the best weights are known."""
        raise NotImplementedError

    def _prepare(self, valid: Pairs) -> None:
        """What is done once, before the first step of a new run."""

    def _picture_columns(self, index: int) -> dict[str, np.ndarray]:
        """Columns of the validation pictures between bicubic and the model's, for picture number `index`."""
        return {}

    # The loop's parts.

    def _check(self, train: Pairs, valid: Pairs, **counts: int) -> None:
        for name, count in counts.items():
            if count < 1:
                raise InputError(f"{name} must be at least 1; received {count}.")
        for name, pairs in (("train", train), ("valid", valid)):
            if pairs.scale != self.scale:
                raise InputError(
                    f"The model enlarges {self.scale} times, the pairs in `{name}` are of scale {pairs.scale}: "
                    "make them with the model's scale."
                )

    def _train_one(self, lr, hr, steps: int) -> dict[str, float]:
        rate = learning_rate_at(self.step, steps, self.learning_rate, self.schedule)
        for optimizer in self._optimizers.values():
            optimizer.learning_rate = rate
        values = {name: float(value) for name, value in self._run_step(lr, hr).items()}
        self.step += 1
        if not all(math.isfinite(value) for value in values.values()):
            self._stop_diverged(f"A loss is no longer a finite number: {values}")
        return {"step": self.step, **values, "learning_rate": rate}

    def _stop_diverged(self, what: str) -> None:
        step = self.step
        self._restore()
        raise TrainingDiverged(
            f"{what} (step {step}). The models are back at step {self.step}, and {self.run.path} keeps its weights of "
            "before. Try a lower learning rate, in another run folder."
        )

    @tf.function
    def _run_step(self, lr, hr):
        per_replica = self._strategy.run(self._compute_step, args=(lr, hr))
        return {
            name: self._strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
            for name, value in per_replica.items()
        }

    def _apply_gradients(self, name: str, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Updates the model of that name. Replicas' gradients are summed, so each gives its share of the mean."""
        variables = self._models[name].trainable_variables
        gradients = tape.gradient(loss, variables)
        self._optimizers[name].apply([g / self._strategy.num_replicas_in_sync for g in gradients], variables)

    def _add_optimizer(self, name: str) -> None:
        optimizer = keras.optimizers.Adam(self.learning_rate, name=f"{name}_optimizer")
        optimizer.build(self._models[name].trainable_variables)
        self._optimizers[name] = optimizer

    def _validate(self, valid: Pairs, baseline: dict[str, float]) -> dict[str, float]:
        scores = _score(valid, self._reconstruct)
        scores |= {f"bicubic_{name}": value for name, value in baseline.items()}
        scores |= self._validation_score(valid, scores)
        self._save_pictures(valid)
        save_weights(self.generator, self.run.path / "last.weights.h5")
        if scores["score"] > self.best_score:
            self.best_score = scores["score"]
            save_weights(self.generator, self.run.path / "best.weights.h5")
        return scores

    def _reconstruct(self, lr: np.ndarray) -> np.ndarray:
        sr = predict(self.generator, lr)
        if not np.isfinite(sr).all():
            self._stop_diverged("The model's images are no longer finite numbers")
        return images.to_uint8(sr)

    def _report_what_is_done(self, steps: int) -> None:
        for entry in self.history:
            if "psnr" in entry and entry["step"] <= self.step:
                print(self._report(entry))
        rest = "going on from there" if self.step < steps else "nothing is left to do"
        print(f"{self.run.path.name} has done {self.step:,} of {steps:,} steps: {rest}.")

    def _report(self, entry: dict[str, float]) -> str:
        return (
            f"step {entry['step']:,}: PSNR {entry['psnr']:.2f} dB, SSIM {entry['ssim']:.4f} "
            f"(bicubic {entry['bicubic_psnr']:.2f} dB, {entry['bicubic_ssim']:.4f}; Y, border {self.scale})"
        )

    def _save_pictures(self, valid: Pairs) -> None:
        for index in range(min(NUM_PICTURES, len(valid))):
            lr, hr = picture_crop(*valid[index], self.scale)
            columns = {
                "LR": resize.nearest(lr, self.scale),
                "bicubic": resize.upscale(lr, self.scale),
                **self._picture_columns(index),
                self._picture_name: images.to_uint8(predict(self.generator, lr)),
                "HR": hr,
            }
            strip = images.strip(columns)
            images.write(self.run.path / "pictures" / f"step-{self.step:09}-{index}.png", strip)
            tf.summary.image(f"validation-{index}", strip[None], step=self.step)

    def _checkpoint_is_due(self, checkpoint_every: int) -> bool:
        return self.step % checkpoint_every == 0 or time.monotonic() - self._saved_at > _SECONDS_BETWEEN_CHECKPOINTS

    def _state(self) -> dict[str, keras.Variable]:
        """All variables that training changes, by a name for each."""
        owners = {**self._models, **{f"{name}_optimizer": value for name, value in self._optimizers.items()}}
        return {
            f"{owner}-{index}": variable
            for owner, value in owners.items()
            for index, variable in enumerate(value.variables)
        }

    def _save(self) -> None:
        arrays = {name: keras.ops.convert_to_numpy(variable) for name, variable in self._state().items()}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            return  # the next step's loss will say so, and the last good checkpoint must still be there
        self.run.save_checkpoint(self.step, arrays, {"best_score": self.best_score})
        self._saved_at = time.monotonic()

    def _restore(self) -> bool:
        """Goes back to the run folder's newest checkpoint. False where there is none."""
        checkpoint = self.run.load_checkpoint()
        if checkpoint is None:
            return False
        step, arrays, extra = checkpoint
        state = self._state()
        if {name: array.shape for name, array in arrays.items()} != {name: v.shape for name, v in state.items()}:
            raise InputError(f"The checkpoint in {self.run.path} is of another model: give another run folder.")
        for name, variable in state.items():
            variable.assign(arrays[name])
        self.step, self.best_score = step, extra["best_score"]
        return True


def identity(model: keras.Model) -> dict:
    """What tells models apart in settings: the recipe, or for other models than srkit's their size."""
    return dict(getattr(model, "recipe", {"parameters": model.count_params()}))


def _score(valid: Pairs, reconstruct) -> dict[str, float]:
    """Mean PSNR and SSIM over whole images: Y channel, as many pixels cut as the scale."""
    scores = []
    for lr, hr in valid.pairs():
        sr = reconstruct(lr)
        scores.append([f(hr, sr, border=valid.scale, luma=True) for f in (metrics.psnr, metrics.ssim)])
    psnr, ssim = np.mean(scores, axis=0)
    return {"psnr": float(psnr), "ssim": float(ssim)}


def picture_crop(lr: np.ndarray, hr: np.ndarray, scale: int, size_px: int = PICTURE_PX):
    """The middle of a pair, aligned: about `size_px` HR px a side."""
    height, width = (min(side, size_px // scale) for side in lr.shape[:2])
    top, left = (lr.shape[0] - height) // 2, (lr.shape[1] - width) // 2
    rows, columns = slice(top, top + height), slice(left, left + width)
    hr_rows, hr_columns = (slice(part.start * scale, part.stop * scale) for part in (rows, columns))
    return lr[rows, columns], hr[hr_rows, hr_columns]


def _progress_bar(name: str, step: int, steps: int) -> tqdm:
    # Rarely where the output is kept (a notebook, a log), often where it is overwritten.
    seconds = 1 if os.isatty(2) else 15
    return tqdm(initial=step, total=steps, desc=name, unit="step", mininterval=seconds, dynamic_ncols=True)


@contextlib.contextmanager
def _deferred_interrupt() -> Iterator[threading.Event]:
    """While it lasts, Ctrl-C only sets the event: a step is never cut in two."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    previous = signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)
