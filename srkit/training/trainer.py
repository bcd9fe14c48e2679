"""The training loop: steps, validation, checkpoints, history."""

import contextlib
import json
import math
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from srkit.backend import check_tensorflow
from srkit.data.pairs import AnyPairs
from srkit.errors import InputError, TrainingDiverged, check_choice
from srkit.image import interpolate, nearest, side_by_side, to_uint8, write_image
from srkit.inference.upscaling import predict
from srkit.losses import WeightedLosses
from srkit.models import PRECISIONS, at_scale, scales_of
from srkit.models.precision import fastest_precision, set_precision
from srkit.models.weights import save_weights
from srkit.training import distribution
from srkit.training.optimizers import SCHEDULES, Muon, learning_rate_at
from srkit.training.run_folder import RunFolder
from srkit.training.validation import colour_shift, mean_scores, picture_crop, picture_crops
from srkit.training.weight_average import MovingAverage

_SECONDS_BETWEEN_CHECKPOINTS = 300


class Trainer:
    """What the trainers share: the loop, validation, checkpoints, history. Subclasses say what a step is."""

    def __init__(
        self,
        generator: keras.Model,
        run_dir: "str | os.PathLike",
        learning_rate: float,
        schedule: str,
        precision: str,
        warmup_steps: int,
        clip_norm: float | None,
        ema: float,
    ):
        check_choice("schedule", schedule, SCHEDULES)
        check_choice("precision", precision, PRECISIONS)
        if warmup_steps < 0 or (clip_norm is not None and clip_norm <= 0):
            raise InputError(
                "warmup_steps must be at least 0 and clip_norm above 0 (None for no clipping); received "
                f"{warmup_steps} and {clip_norm}."
            )
        check_tensorflow()
        self._strategy = tf.distribute.get_strategy()
        self.is_chief = distribution.is_chief(self._strategy)
        # Other workers than the chief write to a folder that nobody looks at.
        self.run = RunFolder(run_dir if self.is_chief else tempfile.mkdtemp(prefix="srkit-worker-"))
        self.generator = generator
        self.scales = scales_of(generator)
        several = len(self.scales) > 1
        self._at_scale = {scale: at_scale(generator, scale) if several else generator for scale in self.scales}
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.warmup_steps = warmup_steps
        self.clip_norm = clip_norm
        self.precision = precision
        if precision == "auto":  # a run goes on in what it began with, wherever that was
            self.precision = self.run.settings.get("precision") or fastest_precision()
        self.step = 0
        self.best_score = -math.inf
        self._validations_since_best = 0
        self.entry: dict[str, float] = {}
        self._scores: dict[str, float] = {}
        self._models = {"generator": generator}
        self._optimizers: dict[str, keras.optimizers.Optimizer] = {}
        self._average = MovingAverage(generator.variables, ema)
        self._settings = {
            "trainer": type(self).__name__,
            "model": identity(generator),
            "fixed": [layer.name for layer in generator.layers if layer.weights and not layer.trainable],
            "learning_rate": learning_rate,
            "schedule": schedule,
            "warmup_steps": warmup_steps,
            "clip_norm": clip_norm,
            "ema": ema,
            "precision": self.precision,
        }
        self._saved_at = time.monotonic()

    @property
    def history(self) -> list[dict]:
        """One entry a step: losses, learning rate, and at validations the scores."""
        return self.run.history()

    def train(
        self,
        train: AnyPairs,
        valid: AnyPairs,
        steps: int,
        evaluate_every: int = 1_000,
        checkpoint_every: int = 500,
        batch_size: int = 16,
        patch_size: int = 96,
        seed: int = 0,
        patience: int | None = None,
        extend: bool = False,
        callbacks: Sequence[Callable[[str, "Trainer"], None]] = (),
    ) -> list[dict]:
        """Trains up to `steps` steps in all; goes on where the run folder's last checkpoint stopped.

        Ctrl-C finishes the step, saves a checkpoint, and then interrupts. When it returns, the generator has the
        averaged weights, where `ema` is on.

        Args:
            train: Pairs to cut batches from.
            valid: Pairs to validate on, as whole images.
            steps: Of the whole run, those done before counted in.
            evaluate_every: Steps from one validation to the next. There is one at the end, too.
            checkpoint_every: Steps from one checkpoint to the next, which come at least every five minutes.
            batch_size: Crops in a batch, all devices together.
            patch_size: Side of the HR crops, in px.
            seed: Of the batches.
            patience: Stop early when so many validations in turn have not been better than the best.
            extend: Accept other `steps` than the run was begun with, where the learning rate depends on them.
            callbacks: Functions of `(event, trainer)`, called in turn when the `"start"` is made, a `"step"` or a
                `"validation"` is done, and at the `"end"`. `trainer.entry` is the last step's part of the history.

        Returns:
            The history (see `history`).

        Raises:
            InputError: The settings are not those of the run folder, or the data is of another scale; another process
                trains in the folder; it cannot be written (full disk); another worker has stopped.
            TrainingDiverged: A loss is infinite or not a number. The models are back at the last checkpoint.
        """
        self._check(train, valid, steps=steps, evaluate_every=evaluate_every, checkpoint_every=checkpoint_every)
        batches = {"batch_size": batch_size, "patch_size": patch_size, "seed": seed}
        feed = self._feed(train, batches)  # crops that do not fit are refused before anything is written
        settings = {**self._settings, **batches, "train": train.fingerprint, "valid": valid.fingerprint}
        if self.schedule != "constant":
            settings["steps"] = steps  # they shape the learning rate
        with contextlib.ExitStack() as stack:
            stack.enter_context(distribution.told_when_others_stop(self._strategy))
            stack.enter_context(self.run.explained_errors())
            stack.enter_context(self.run.locked())
            self._steps = steps
            self.run.begin(settings, extend)
            if not self._restore():
                self._prepare(valid)
                self._save()
            self._follow_chief()
            if self.step:
                self._report_what_is_done(steps)
            if self.step < steps and not self._is_out_of_patience(patience):
                self._loop(feed(self.step, steps), valid, evaluate_every, checkpoint_every, patience, callbacks)
            self._average.assign()
        return self.history

    def _loop(self, batches, valid: AnyPairs, evaluate_every, checkpoint_every, patience, callbacks) -> None:
        def notify(event: str) -> None:
            for callback in callbacks:
                callback(event, self)

        baseline = mean_scores(valid, interpolate)
        with contextlib.ExitStack() as stack:
            interrupted = stack.enter_context(_deferred_interrupt())
            log = stack.enter_context(self.run.open_history(self.step))
            self._resume_watch()  # now that the history ends where the checkpoint does
            board = tf.summary.create_file_writer(str(self.run.path / "tensorboard"))
            stack.enter_context(board.as_default())
            bar = stack.enter_context(self._progress_bar())
            notify("start")
            for lr, hr in batches:
                self.entry = self._train_one(lr, hr)
                is_validated = self.step >= self._steps or self.step % evaluate_every == 0
                if is_validated:
                    self.entry |= self._validate(valid, baseline)
                    self._say(self._report(self.entry))
                log.write(json.dumps(self.entry) + "\n")
                for name, value in self.entry.items():
                    tf.summary.scalar(name, value, step=self.step)
                bar.set_postfix({name: f"{self.entry[name]:.4g}" for name in self._shown}, refresh=False)
                bar.update()
                if self._checkpoint_is_due(checkpoint_every) or is_validated or interrupted.is_set():
                    log.flush()
                    os.fsync(log.fileno())
                    self._save()
                self._watch(self.entry)
                notify("step")
                if is_validated:
                    notify("validation")
                if interrupted.is_set():
                    raise KeyboardInterrupt(f"stopped at step {self.step}; the same call goes on from there")
                if is_validated and self._is_out_of_patience(patience):
                    break
            notify("end")

    # What a subclass defines.

    _shown: tuple[str, ...]  # the losses beside the progress bar
    _picture_name: str  # the model's column in the validation pictures

    def _compute_step(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """Updates the models with one batch. Returns the losses by name."""
        raise NotImplementedError

    def _validation_score(self, valid: AnyPairs, scores: dict[str, float]) -> dict[str, float]:
        """What validation adds to PSNR and SSIM: at least `score`, by which the best weights are known."""
        raise NotImplementedError

    def _prepare(self, valid: AnyPairs) -> None:
        """What is done once, before the first step of a new run."""

    def _resume_watch(self) -> None:
        """What `_watch` must know of the steps before."""

    def _watch(self, entry: dict[str, float]) -> None:
        """Looks at each step for signs that the training goes wrong."""

    def _picture_columns(self, index: int) -> dict[str, np.ndarray]:
        """Columns of the validation pictures between bicubic and the model's, for picture number `index`."""
        return {}

    # The loop's parts.

    def _check(self, train: AnyPairs, valid: AnyPairs, **counts: int) -> None:
        for name, count in counts.items():
            if count < 1:
                raise InputError(f"{name} must be at least 1; received {count}.")
        for name, pairs in (("train", train), ("valid", valid)):
            if tuple(sorted(pairs.scales)) != self.scales:
                raise InputError(
                    f"The model enlarges {_listed(self.scales)} times, the pairs in `{name}` are of scale "
                    f"{_listed(pairs.scales)}: make them with the model's scale."
                )

    def _feed(self, train: AnyPairs, batches: dict[str, int]) -> Callable:
        """Batches by `(start, stop)`. Each device gets an equal part of each one, whichever machine it is in."""
        num_devices = self._strategy.num_replicas_in_sync
        train.batches(**batches, num_shards=num_devices)

        def feed(start: int, stop: int):
            def on_worker(context: tf.distribute.InputContext):
                count = num_devices // context.num_input_pipelines
                shards = range(context.input_pipeline_id * count, (context.input_pipeline_id + 1) * count)
                return train.batches(**batches, start=start, stop=stop, shards=shards, num_shards=num_devices)

            return self._strategy.distribute_datasets_from_function(on_worker)

        return feed

    def _train_one(self, lr, hr) -> dict[str, float]:
        rate = learning_rate_at(self.step, self._steps, self.learning_rate, self.schedule, self.warmup_steps)
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
        self._average.update(self._optimizers["generator"].iterations)
        return {
            name: self._strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
            for name, value in per_replica.items()
        }

    def _apply_gradients(self, name: str, model: keras.Model, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Updates a model's weights with the optimizer of that name, which sums the replicas' gradients."""
        variables = model.trainable_variables
        num_replicas = self._strategy.num_replicas_in_sync
        gradients = [gradient / num_replicas for gradient in tape.gradient(loss, variables)]
        if self.clip_norm:
            replica = tf.distribute.get_replica_context()
            whole = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            clipped, _ = tf.clip_by_global_norm(whole, self.clip_norm)
            gradients = [gradient / num_replicas for gradient in clipped]
        self._optimizers[name].apply(gradients, variables)

    def _use_losses(self, weights: Mapping[str, float], vgg_weights: "str | os.PathLike | None") -> None:
        """Takes the losses of these weights, and has their networks and all models compute in the run's precision."""
        self._at_losses = {scale: WeightedLosses(weights, scale, vgg_weights) for scale in self.scales}
        self._losses = self._at_losses[self.scales[0]]
        for model in (*self._models.values(), *self._losses.networks):
            set_precision(model, self.precision)
        self._settings |= {"losses": dict(weights), "networks": self._losses.fingerprint}

    def _content_score(self, valid: AnyPairs) -> dict[str, float]:
        """The content loss on the middle of each image, so that VGG's memory stays bounded; less of it is better."""
        contents = []
        for part in valid.pairs_by_scale:
            for pair in part.pairs():
                lr, hr = picture_crop(*pair, part.scale, 384)
                sr = predict(self._at_scale[part.scale], lr)
                contents.append(float(self._at_losses[part.scale](hr[None].astype(np.float32), sr[None])[0]))
        content = float(np.mean(contents))
        return {"valid_content_loss": content, "score": -content}

    def _add_optimizer(self, name: str, kind: str = "adam") -> None:
        if kind == "muon":
            compute_dtype = "bfloat16" if self.precision == "mixed_bfloat16" else "float32"
            optimizer = Muon(self.learning_rate, compute_dtype, name=f"{name}_optimizer")
        else:
            optimizer = keras.optimizers.Adam(self.learning_rate, name=f"{name}_optimizer")
        optimizer.build(self._models[name].trainable_variables)
        self._optimizers[name] = optimizer

    def _validate(self, valid: AnyPairs, baseline: dict[str, float]) -> dict[str, float]:
        with self._average.assigned():
            scores = mean_scores(valid, self._reconstruct)
            pictures = [(*crop, predict(self._at_scale[crop[0]], crop[2])) for crop in picture_crops(valid)]
            scores["colour_shift"] = colour_shift(pictures)
            scores |= {f"bicubic_{name}": value for name, value in baseline.items()}
            scores |= self._validation_score(valid, scores)
            self._save_pictures(pictures)
            save_weights(self.generator, self.run.path / "last.weights.h5")
            self._validations_since_best += 1
            if scores["score"] > self.best_score:
                self.best_score, self._validations_since_best = scores["score"], 0
                save_weights(self.generator, self.run.path / "best.weights.h5")
        self._scores = scores
        return scores

    def _reconstruct(self, lr: np.ndarray, scale: int) -> np.ndarray:
        sr = predict(self._at_scale[scale], lr)
        if not np.isfinite(sr).all():
            self._stop_diverged("The model's images are no longer finite numbers")
        return to_uint8(sr)

    def _is_out_of_patience(self, patience: int | None) -> bool:
        if patience is None or self._validations_since_best < patience:
            return False
        self._say(f"No validation has been better in the last {self._validations_since_best}: stopped early.")
        return True

    def _say(self, text: str) -> None:
        if self.is_chief:
            tqdm.write(text)

    def _progress_bar(self) -> tqdm:
        # Rarely where the output is kept (a notebook, a log), often where it is overwritten.
        return tqdm(
            initial=self.step,
            total=self._steps,
            desc=self.run.path.name,
            unit="step",
            mininterval=1 if os.isatty(2) else 15,
            dynamic_ncols=True,
            disable=not self.is_chief,
        )

    def _report_what_is_done(self, steps: int) -> None:
        for entry in self.history:
            if "psnr" in entry and entry["step"] <= self.step:
                self._say(self._report(entry))
        rest = "going on from there" if self.step < steps else "nothing is left to do"
        self._say(f"{self.run.path.name} has done {self.step:,} of {steps:,} steps: {rest}.")

    def _report(self, entry: dict[str, float]) -> str:
        return (
            f"step {entry['step']:,}: PSNR {entry['psnr']:.2f} dB, SSIM {entry['ssim']:.4f} "
            f"(bicubic {entry['bicubic_psnr']:.2f} dB, {entry['bicubic_ssim']:.4f}; Y, border {_listed(self.scales)})"
        )

    def _save_pictures(self, pictures: list[tuple]) -> None:
        for scale, index, lr, hr, sr in pictures:
            columns = {
                "LR": nearest(lr, scale),
                "bicubic": interpolate(lr, scale),
                **self._picture_columns(index),
                self._picture_name: to_uint8(sr),
                "HR": hr,
            }
            strip = side_by_side(columns)
            name = f"{index}-x{scale}" if len(self.scales) > 1 else f"{index}"
            write_image(self.run.path / "pictures" / f"step-{self.step:09}-{name}.png", strip)
            tf.summary.image(f"validation-{name}", strip[None], step=self.step)

    def _checkpoint_is_due(self, checkpoint_every: int) -> bool:
        return self.step % checkpoint_every == 0 or time.monotonic() - self._saved_at > _SECONDS_BETWEEN_CHECKPOINTS

    def _state(self) -> dict[str, keras.Variable]:
        """All variables that training changes, by a name for each."""
        owners = {name: model.variables for name, model in self._models.items()}
        owners |= {f"{name}_optimizer": optimizer.variables for name, optimizer in self._optimizers.items()}
        owners["average"] = self._average.variables
        return {f"{owner}-{index}": variable for owner, group in owners.items() for index, variable in enumerate(group)}

    def _save(self) -> None:
        arrays = {name: keras.ops.convert_to_numpy(variable) for name, variable in self._state().items()}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            return  # the next step's loss will say so, and the last good checkpoint must still be there
        extra = {
            "best_score": self.best_score,
            "validations_since_best": self._validations_since_best,
            "scores": self._scores,
            "steps": self._steps,
        }
        self.run.save_checkpoint(self.step, arrays, extra)
        self._saved_at = time.monotonic()

    def _restore(self) -> bool:
        """Goes back to the run folder's newest checkpoint. False where there is none."""
        checkpoint = self.run.load_checkpoint()
        if checkpoint is None:
            return False
        self.step, arrays, extra = checkpoint
        state = self._state()
        if {name: array.shape for name, array in arrays.items()} != {name: v.shape for name, v in state.items()}:
            raise InputError(f"The checkpoint in {self.run.path} is of another model: give another run folder.")
        for name, variable in state.items():
            variable.assign(arrays[name])
        self.best_score = extra["best_score"]
        self._validations_since_best = extra["validations_since_best"]
        self._scores = extra["scores"]
        return True

    def _follow_chief(self) -> None:
        """Takes over the chief's step and variables, on every worker."""
        if distribution.num_workers(self._strategy) == 1:
            return
        progress = np.array([self.step, self.best_score, self._validations_since_best])
        variables = list(self._state().values())
        values = [keras.ops.convert_to_numpy(variable) for variable in variables]
        progress, *values = distribution.chiefs_values(self._strategy, [progress, *values])
        step, self.best_score, validations_since_best = progress.tolist()
        self.step, self._validations_since_best = int(step), int(validations_since_best)
        for variable, value in zip(variables, values):
            variable.assign(value)


def identity(model: keras.Model) -> dict:
    """What tells models apart in settings: the config, or for other models than srkit's their size."""
    return dict(getattr(model, "config", {"parameters": model.count_params()}))


def _listed(scales: Sequence[int]) -> str:
    return ", ".join(map(str, scales))


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
