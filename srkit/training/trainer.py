"""The training loop: steps, and callbacks beside them."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
import tensorflow as tf
from tqdm import tqdm

from srkit.backend import check_tensorflow
from srkit.data import MultiScalePairs, Pairs
from srkit.errors import TrainingDiverged
from srkit.losses import WeightedLosses
from srkit.models import at_scale, computing_in, fastest_precision, scales_of
from srkit.models.precision import set_precision
from srkit.training import callbacks as standard
from srkit.training import distribution, optimizers, state
from srkit.training.callbacks import Callback
from srkit.training.interrupt import deferred_interrupt
from srkit.training.options import TrainOptions
from srkit.training.run_folder import RunFolder
from srkit.training.settings import check_steps_and_scales, settings_of
from srkit.training.step_calls import StepCalls, uses_xla
from srkit.training.weight_average import WeightAverage

AnyPairs = Pairs | MultiScalePairs


class Trainer:
    """What all trainers share. A subclass defines `compute_step`: what one step does with a batch.

    Args:
        models: The models that are trained, by name. `"generator"`, from LR to SR, is the one that is validated.
        losses: Content losses by name, each with its weight (see `srkit.losses.LOSSES`).
        run_dir: The run's folder. A run in it that has the same settings is continued.
        options: The options.
        frozen: Layers that do not train.

    Attributes:
        generator: The model from LR to SR.
        generators: The generator for each of its scales.
        losses: The weighted content losses.
        run: The run's folder.
        precision: What the models compute in while they train.
        uses_xla: Whether XLA compiles the steps.
        step: Number of steps done, those before a resume included.
        steps: Number of steps of the whole run.
        entry: The last step's part of the history; empty while a step is computed.
        scores: The last validation's scores.
        is_call_end: Whether the models are those after `step`. Where a call does many steps, callbacks hear of each of
            them when the call is done, and find the models as the call's last step has left them.
        stop_training: Set it to end the training after the call.
    """

    label = "SR"  # the model's name in pictures
    start_label: str | None = None  # the name of the model before the run, if pictures have it, too
    shown: tuple[str, ...] = ()  # names of the values beside the progress bar

    def __init__(
        self,
        models: Mapping[str, keras.Model],
        losses: Mapping[str, float],
        run_dir: "str | os.PathLike",
        options: TrainOptions,
        frozen: Sequence[keras.layers.Layer] = (),
    ):
        check_tensorflow()
        self.models = dict(models)
        self.generator = generator = self.models["generator"]
        self.options = options
        self.strategy = tf.distribute.get_strategy()
        self.is_chief = distribution.is_chief(self.strategy)
        # Other workers than the chief write to a folder that nobody looks at.
        self.run = RunFolder(run_dir if self.is_chief else tempfile.mkdtemp(prefix="srkit-worker-"))
        self.precision = options.precision
        if self.precision == "auto":  # a run goes on in what it began with, wherever that was
            self.precision = self.run.settings.get("precision") or fastest_precision()
        self.scales = scales_of(self.generator)
        several = len(self.scales) > 1
        self.generators = {scale: at_scale(generator, scale) if several else generator for scale in self.scales}
        self.losses = WeightedLosses(losses, options.vgg_weights)
        for network in self.losses.networks:
            set_precision(network, self.precision)
        self.frozen = [layer for layer in frozen if layer.trainable]
        self._clipnorm = optimizers.clipnorm_of(options)
        with self._training_mode():
            self._optimizers = {
                name: optimizers.build_optimizer(options, model.trainable_variables, name, self.precision)
                for name, model in self.models.items()
            }
        self.uses_xla = uses_xla(options)
        is_one_function = self.uses_xla and self.strategy.num_replicas_in_sync == 1
        self.train_step = tf.function(self.train_step, autograph=False, jit_compile=is_one_function or None)
        self._calls = StepCalls(self, list(self._optimizers.values()))
        self.average = WeightAverage(self.generator.variables, options.ema)
        self.variables = state.variables_of(self.models, self._optimizers, self.average)
        self.step, self.steps = 0, 0
        self.entry: dict[str, float] = {}
        self.scores: dict[str, float] = {}
        self.callbacks: list[Callback] = []
        self.is_interrupted = self.stop_training = False
        self.is_call_end = True

    @property
    def history(self) -> list[dict]:
        """One entry a step: losses, learning rate, and at validations the scores."""
        return self.run.history()

    @property
    def is_validated(self) -> bool:
        """Whether there was a validation after the last step."""
        return "score" in self.entry

    def train_step(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """Updates the models with one batch, at the optimizers' current learning rate.

        Args:
            lr: float32, `(batch, height, width, 3)`, RGB in [0, 255].
            hr: The same crops, larger by the scale.

        Returns:
            The losses, and what else is logged, by name: means over the batch.
        """
        with self._training_mode():
            per_replica = distribution.run(self.strategy, self.compute_step, (lr, hr), self.uses_xla)
        self.average.update(self._optimizers["generator"].iterations)
        return {
            name: self.strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
            for name, value in per_replica.items()
        }

    def compute_step(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """What a step does on each device with its part of the batch. Returns what is logged, by name."""
        raise NotImplementedError

    def apply_gradients(self, name: str, model: keras.Model, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Updates the weights of the model of that name, or of one scale of it, to make a loss smaller."""
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables)
        distribution.apply_summed(self._optimizers[name], gradients, variables, self._clipnorm)

    def train(
        self, train: AnyPairs, valid: AnyPairs, steps: int, extend: bool = False, callbacks: Sequence[Callback] = ()
    ) -> list[dict]:
        """Trains up to a number of steps. Continues from the run folder's last checkpoint, if there is one.

        Ctrl-C finishes the call, saves a checkpoint, and then interrupts. When the method returns, the generator has
        the averaged weights, if `ema` is on.

        Args:
            train: Pairs to cut batches from.
            valid: Pairs to validate on, as whole images.
            steps: Total number of steps, including those before a resume.
            extend: Accept another number of steps than the run was begun with, although its learning rate depends on
                it.
            callbacks: Callbacks of your own. They are called after the kit's.

        Returns:
            The history (see `history`).

        Raises:
            InputError: The settings are not those of the run in the folder, or the data has another scale; another
                process trains in the folder; it cannot be written (full disk); another worker is lost.
            TrainingDiverged: A loss is infinite or not a number. The models are back at the last checkpoint.

        Example:
            ```python
            history = trainer.train(train, valid.take(10), steps=20_000)
            ```
        """
        check_steps_and_scales(steps, self.scales, train=train, valid=valid)
        # Crops that do not fit are refused before anything is written.
        feed = distribution.distribute(train, self.strategy, self.options)
        self.steps, self.stop_training = steps, False
        history = standard.History()
        self.callbacks = [
            *self.standard_callbacks(valid, history),
            *callbacks,
            standard.EarlyStopping(self.options.patience),
            standard.Checkpoints(self.options.checkpoint_every, history),
        ]
        with contextlib.ExitStack() as stack:
            stack.enter_context(distribution.explain_lost_workers(self.strategy))
            stack.enter_context(self.run.explain_write_errors())
            stack.enter_context(self.run.locked())
            self.run.begin(settings_of(self, train, valid), extend)
            if not state.restore_checkpoint(self):
                state.save_checkpoint(self)
            state.sync_with_chief(self)
            try:
                self._loop(feed)
            except TrainingDiverged as error:
                step = self.step
                state.restore_checkpoint(self)
                raise TrainingDiverged(
                    f"{error} (step {step}). The models are back at step {self.step}, and {self.run.path} keeps its "
                    "weights of before. Try a lower learning rate, in another run folder."
                ) from None
            self.average.assign()
        return self.history

    def _loop(self, feed: Callable[[int, int], Iterator]) -> None:
        rate_of = optimizers.learning_rate_of(self.options, self.steps)
        with contextlib.ExitStack() as stack:
            interrupted = stack.enter_context(deferred_interrupt())
            for callback in self.callbacks:
                callback.on_train_begin(self)
                stack.callback(callback.on_train_end, self)
            batches = feed(self.step, self.steps)
            while self.step < self.steps and not self.stop_training:
                self.entry, end = {}, self.step + self._calls.length(self.step)
                rates = [float(rate_of(step)) for step in range(self.step, end)]
                for rate, values in zip(rates, self._calls(batches, rates)):
                    self.step += 1
                    self.entry = {"step": self.step, **values, "learning_rate": rate}
                    self.is_call_end = self.step == end
                    self.is_interrupted = self.is_call_end and interrupted.is_set()
                    for callback in self.callbacks:
                        callback.on_step_end(self)
                    for callback in self.callbacks if self.is_validated else ():
                        callback.on_validation_end(self)
                if self.is_interrupted:
                    raise KeyboardInterrupt(f"stopped at step {self.step}; the same call goes on from there")

    def standard_callbacks(self, valid: AnyPairs, history: standard.History) -> list[Callback]:
        """The kit's callbacks that come before the user's, in the order in which they are called."""
        validation = standard.Validation(valid, self.options.evaluate_every, self.is_judged_by_content)
        pictures = standard.Pictures(validation, self.label, self.start_label)
        progress = standard.ProgressBar(self.shown)
        return [standard.FiniteWatch(), validation, pictures, history, standard.TensorBoard(pictures), progress]

    @property
    def is_judged_by_content(self) -> bool:
        """Whether the best weights are those with the lowest content loss, instead of the highest PSNR."""
        return bool(self.losses.networks)

    def say(self, text: str) -> None:
        """Prints a line beside the progress bar."""
        if self.is_chief:
            tqdm.write(text)

    @contextlib.contextmanager
    def _training_mode(self) -> Iterator[None]:
        """Within it the models have the training's precision and frozen layers; afterwards they are as they were."""
        with contextlib.ExitStack() as stack:
            for model in self.models.values():
                stack.enter_context(computing_in(model, self.precision))
            for layer in self.frozen:
                layer.trainable = False
                stack.callback(setattr, layer, "trainable", True)
            yield
