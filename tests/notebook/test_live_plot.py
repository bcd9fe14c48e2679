import numpy as np

from srkit.notebook import live_plot


class FakeTrainer:
    """As much of a trainer as a plot looks at."""

    def __init__(self, history):
        self.history = history
        self.entry = None


def test_live_plot_is_drawn_once_and_its_lines_grow(monkeypatch):
    shown = []
    monkeypatch.setattr(live_plot, "display", lambda figure, display_id: shown.append(figure))
    live, trainer = live_plot.LivePlot(("loss", "psnr")), FakeTrainer([{"step": 1, "loss": 3.0}])
    live.on_train_begin(trainer)
    assert [text.get_text() for text in shown[0].axes[1].texts] == ["no value yet"]
    for step in (2, 3):
        trainer.entry = {"step": step, "loss": 3.0 / step, **({"psnr": 30.0} if step == 3 else {})}
        live.on_step_end(trainer)
    live.on_validation_end(trainer)
    (figure,) = shown
    loss, psnr = (axis.lines[0] for axis in figure.axes)
    np.testing.assert_allclose(loss.get_xydata(), [(1, 3), (2, 1.5), (3, 1)])
    np.testing.assert_allclose(psnr.get_xydata(), [(3, 30)])
    assert figure.axes[0].get_xlim()[1] >= 3
    assert not any(text.get_visible() for axis in figure.axes for text in axis.texts)
