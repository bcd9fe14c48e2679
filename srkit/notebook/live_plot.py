"""A figure that follows a training."""

import time

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

from srkit.notebook.figures import smoothed
from srkit.training import Callback


class LivePlot(Callback):
    """A callback that draws the curves of a training in a notebook while it runs.

    The figure is drawn once. Later only its lines grow.

    Args:
        names: The values to draw, as in `learning_curves`.
        seconds: Least time between two updates. A validation is drawn at once.

    ```python
    trainer.train(train, valid, steps=20_000, callbacks=[LivePlot()])
    ```
    """

    def __init__(self, names: tuple[str, ...] = ("loss", "psnr+bicubic_psnr"), seconds: float = 5):
        self._names = [joined.split("+") for joined in names]
        self._seconds = seconds

    def on_train_begin(self, trainer):
        count = len(self._names)
        self._figure, axes = plt.subplots(1, count, figsize=(4.2 * count, 3), squeeze=False, layout="constrained")
        self._lines, self._notes = {}, {}
        for axis, names in zip(axes[0], self._names):
            self._lines |= {name: axis.plot([], [], label=name)[0] for name in names}
            self._notes[axis] = axis.text(0.5, 0.5, "no value yet", transform=axis.transAxes, ha="center")
            axis.set_xlabel("step")
            axis.legend(loc="best")
            axis.grid(alpha=0.3)
        self._points = {name: ([], []) for name in self._lines}
        for entry in trainer.history:
            self._add(entry)
        self._display = display(self._figure, display_id=True)
        self._updated = time.monotonic()
        plt.close(self._figure)  # else the notebook shows it again when the cell ends

    def on_step_end(self, trainer):
        self._add(trainer.entry)
        if time.monotonic() - self._updated > self._seconds:
            self._update()

    def on_validation_end(self, trainer):
        self._update()

    def on_train_end(self, trainer):
        self._update()

    def _add(self, entry: dict) -> None:
        for name, (steps, values) in self._points.items():
            if name in entry:
                steps.append(entry["step"])
                values.append(entry[name])

    def _update(self) -> None:
        for name, (steps, values) in self._points.items():
            line = self._lines[name]
            many = len(steps) > 100  # a value of every step, such as a loss
            line.set_data(*smoothed(np.array(steps), np.array(values), 50) if many else (steps, values))
            line.set_marker("o" if len(steps) < 30 else "")
            self._notes[line.axes].set_visible(not any(len(other.get_xdata()) for other in line.axes.lines))
            line.axes.relim()
            line.axes.autoscale_view()
        if self._display is not None:  # it is None outside notebooks
            self._display.update(self._figure)
        self._updated = time.monotonic()
