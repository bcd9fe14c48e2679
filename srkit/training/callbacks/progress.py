"""What a person sees of a training while it runs."""

import sys
import time
from collections.abc import Sequence

from tqdm import tqdm

from srkit.devices import unseen_gpu
from srkit.progress import bar_stream
from srkit.training.callbacks.callback import Callback
from srkit.training.settings import device_of

_TIMED_STEPS = 12
_WORTH_SAYING = 600  # seconds


class ProgressBar(Callback):
    """A progress bar with the last losses, a line for each validation, and one that says how long a long run takes.

    Args:
        names: Names of the values beside the bar.
    """

    def __init__(self, names: Sequence[str]):
        self._names = names

    def on_train_begin(self, trainer):
        if trainer.step:
            self._report_what_is_done(trainer)
        if trainer.step < trainer.steps:
            trainer.say(f"Training on {device_of(trainer)}.")
            if hint := unseen_gpu():
                trainer.say(hint)
        self._timed_from: tuple[int, float] | None = None
        self._has_said_how_long = False
        # Rarely where the output is kept (a notebook, a log), often where it is overwritten.
        self._bar = tqdm(
            initial=trainer.step,
            total=trainer.steps,
            file=bar_stream(),
            desc=trainer.run.path.name,
            unit="step",
            mininterval=1 if sys.stderr.isatty() else 15,
            dynamic_ncols=True,
            disable=not trainer.is_chief or trainer.step >= trainer.steps,
        )

    def on_step_end(self, trainer):
        if not trainer.is_call_end:
            return
        if trainer.is_validated:
            trainer.say(_report(trainer, trainer.entry))
        self._bar.set_postfix({name: f"{trainer.entry[name]:.4g}" for name in self._names}, refresh=False)
        self._bar.update(trainer.step - self._bar.n)
        self._say_how_long(trainer)

    def on_train_end(self, trainer):
        self._bar.close()

    def _say_how_long(self, trainer) -> None:
        """Says once how long the rest takes, by a dozen steps after the first call, which traces and compiles."""
        if self._timed_from is None:
            self._timed_from = trainer.step, time.monotonic()
        step, started = self._timed_from
        if self._has_said_how_long or trainer.step - step < _TIMED_STEPS:
            return
        self._has_said_how_long, left = True, trainer.steps - trainer.step
        seconds = (time.monotonic() - started) / (trainer.step - step) * left
        if seconds > _WORTH_SAYING:
            words = f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
            trainer.say(f"The other {left:,} steps will take about {words} here.")

    def _report_what_is_done(self, trainer) -> None:
        for entry in trainer.history:
            if "psnr" in entry:
                trainer.say(_report(trainer, entry))
        rest = "going on from there" if trainer.step < trainer.steps else "nothing is left to do"
        trainer.say(f"{trainer.run.path.name} has done {trainer.step:,} of {trainer.steps:,} steps: {rest}.")


def _report(trainer, entry: dict[str, float]) -> str:
    border = ", ".join(map(str, trainer.scales))
    return (
        f"step {entry['step']:,}: PSNR {entry['psnr']:.2f} dB, SSIM {entry['ssim']:.4f} "
        f"(bicubic {entry['bicubic_psnr']:.2f} dB, {entry['bicubic_ssim']:.4f}; Y, border {border})"
    )
