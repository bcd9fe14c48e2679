import itertools
from types import SimpleNamespace

import pytest
from small_trainers import QUIET, gan_trainer, pre_trainer

from srkit.cli import main
from srkit.training import Callback, RunFolder, list_runs, status_of
from srkit.training.callbacks import progress, validation, watch
from srkit.training.step_calls import StepCalls

pytestmark = pytest.mark.filterwarnings(QUIET)


class Count(Callback):
    """Counts the steps that it has seen, also those before a resume."""

    def __init__(self):
        self.steps = 0

    def on_step_end(self, trainer):
        self.steps += 1

    def state(self):
        return {"steps": self.steps}

    def restore(self, state):
        self.steps = state["steps"]


def test_callbacks_hear_of_each_event_in_order(samples, valid, tmp_path):
    heard = []

    class Listen(Callback):
        def on_train_begin(self, trainer):
            heard.append(("begin", trainer.step))

        def on_step_end(self, trainer):
            heard.append(("step", trainer.step))

        def on_validation_end(self, trainer):
            heard.append(("validation", trainer.step))
            assert {"psnr", "score"} <= set(trainer.entry)

        def on_train_end(self, trainer):
            heard.append(("end", trainer.step))

    trainer = pre_trainer(tmp_path / "run", evaluate_every=2)
    trainer.train(samples[0], valid, 3, callbacks=[Listen()])
    steps = [("step", 1), ("step", 2), ("validation", 2), ("step", 3), ("validation", 3)]
    assert heard == [("begin", 0), *steps, ("end", 3)]
    assert trainer.entry == trainer.history[-1]


def test_callbacks_go_on_with_their_state(samples, valid, tmp_path):
    pre_trainer(tmp_path / "run").train(samples[0], valid, 3, callbacks=[Count(), Count()])
    first, second, new = Count(), Count(), Count()
    pre_trainer(tmp_path / "run").train(samples[0], valid, 5, callbacks=[first, second, new])
    assert (first.steps, second.steps, new.steps) == (5, 5, 2)


def test_a_callback_ends_the_training(samples, valid, tmp_path):
    class Enough(Callback):
        def on_step_end(self, trainer):
            trainer.stop_training = trainer.step == 2

    assert len(pre_trainer(tmp_path / "run").train(samples[0], valid, 9, callbacks=[Enough()])) == 2


def test_a_callback_that_fails_loses_no_step(samples, valid, tmp_path, monkeypatch):
    class Fail(Callback):
        def on_step_end(self, trainer):
            assert trainer.step < 5

    class FailInAStep(Callback):
        def on_step_end(self, trainer):
            if trainer.step == 7:
                monkeypatch.setattr(StepCalls, "__call__", None)

    for callback, steps_saved in ((Fail(), 5), (FailInAStep(), 6)):
        trainer = pre_trainer(tmp_path / "run", evaluate_every=100, checkpoint_every=6)
        with pytest.raises((AssertionError, TypeError)):
            trainer.train(samples[0], valid, 9, callbacks=[callback])
        assert trainer.run.checkpoints.last_step() == steps_saved
        assert [entry["step"] for entry in trainer.history][:steps_saved] == list(range(1, steps_saved + 1))


def test_patience_stops_early_and_stays_stopped(samples, valid, tmp_path, capsys, monkeypatch):
    scores = {"psnr": 1.0, "ssim": 1.0}
    monkeypatch.setattr(validation, "mean_scores", lambda valid, reconstruct: dict(scores))  # the first is the best
    options = {"evaluate_every": 1, "patience": 2}
    assert len(pre_trainer(tmp_path / "run", **options).train(samples[0], valid, steps=50)) == 3
    assert "stopped early" in capsys.readouterr().out
    assert len(pre_trainer(tmp_path / "run", **options).train(samples[0], valid, steps=50)) == 3


def test_lost_games_are_noticed(samples, valid, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "_COLLAPSED_STEPS", 4)
    monkeypatch.setattr(watch, "_COLLAPSED_LOSS", 1e9)
    with pytest.warns(UserWarning, match=r"below .* for 4 steps \(step 4\)") as warned:
        gan_trainer(tmp_path / "run", schedule="constant").train(samples[0], valid, steps=3)
        gan_trainer(tmp_path / "run", schedule="constant").train(samples[0], valid, steps=7)
    assert sum("below" in str(warning.message) for warning in warned) == 1  # counted over the restart, said once
    assert any("grey levels from LR's" in str(warning.message) for warning in warned)  # random weights' colours


def test_long_runs_are_said_to_be_long(capsys, monkeypatch):
    clock = itertools.count(step=2.5)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    trainer = SimpleNamespace(step=0, steps=20_000, say=print)
    bar = progress.ProgressBar(())
    bar._timed_from, bar._has_said_how_long = None, False
    for trainer.step in (50, 100, 150):  # the second clock time is 2.5 s after the first
        bar._say_how_long(trainer)
    assert capsys.readouterr().out == "The other 19,900 steps will take about 17 minutes here.\n"


def test_runs_are_listed_with_their_state(samples, valid, tmp_path, capsys):
    class Interrupt(Callback):
        def on_step_end(self, trainer):
            if trainer.step == 3:
                raise KeyboardInterrupt

    pre_trainer(tmp_path / "runs" / "done").train(samples[0], valid, steps=2)
    with pytest.raises(KeyboardInterrupt):
        gan_trainer(tmp_path / "runs" / "nested" / "gan").train(samples[0], valid, steps=9, callbacks=[Interrupt()])
    gan, pre = sorted(list_runs(tmp_path / "runs"), key=lambda run: run.trainer)
    assert (gan.trainer, gan.step, gan.steps, gan.state) == ("GanTrainer", 3, 9, "stopped")
    assert (pre.trainer, pre.step, pre.steps, pre.state) == ("PreTrainer", 2, 2, "finished")
    assert pre.scores["psnr"] > 0
    with RunFolder(pre.path).locked():
        assert status_of(RunFolder(pre.path)).state == "running"
    assert main(["runs", str(tmp_path / "runs")]) == 0
    out = capsys.readouterr().out
    assert "3 of 9" in out and "finished" in out
    assert main(["runs", str(tmp_path / "none")]) == 1
