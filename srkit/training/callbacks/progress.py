"""What a person sees of a training while it runs."""

import sys
from collections.abc import Sequence

from tqdm import tqdm

from srkit.training.callbacks.callback import Callback


class ProgressBar(Callback):
    """A progress bar with the last losses, and a line for each validation.

    Args:
        names: Names of the values beside the bar.
    """

    def __init__(self, names: Sequence[str]):
        self._names = names

    def on_train_begin(self, trainer):
        if trainer.step:
            self._report_what_is_done(trainer)
        # Rarely where the output is kept (a notebook, a log), often where it is overwritten.
        self._bar = tqdm(
            initial=trainer.step,
            total=trainer.steps,
            desc=trainer.run.path.name,
            unit="step",
            mininterval=1 if sys.stderr.isatty() else 15,
            dynamic_ncols=True,
            disable=not trainer.is_chief or trainer.step >= trainer.steps,
        )

    def on_step_end(self, trainer):
        if trainer.is_validated:
            trainer.say(_report(trainer, trainer.entry))
        self._bar.set_postfix({name: f"{trainer.entry[name]:.4g}" for name in self._names}, refresh=False)
        self._bar.update()

    def on_train_end(self, trainer):
        self._bar.close()

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
