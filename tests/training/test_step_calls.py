"""Many steps in one call, compiled by XLA, train as one step after another does."""

import keras
import numpy as np
import pytest
from small_trainers import SMALL, assert_same_weights

from srkit import PreTrainer, TrainOptions, models
from srkit.training import Callback


def tiny_trainer(run, **options) -> PreTrainer:
    keras.utils.set_random_seed(0)
    options = {**SMALL, "precision": "float32", "schedule": "constant", **options}
    return PreTrainer(models.edsr(filters=4, num_blocks=1), run, TrainOptions(**options))


def train(run, samples, valid, **options) -> tuple[PreTrainer, list[dict]]:
    """Twenty steps, whose calls are cut short by validations and checkpoints."""
    trainer = tiny_trainer(run, evaluate_every=13, checkpoint_every=7, schedule="cosine", ema=0.9, **options)
    return trainer, trainer.train(samples[0], valid, steps=20)


@pytest.fixture(scope="module")
def one_by_one(samples, tmp_path_factory) -> tuple[PreTrainer, list[dict]]:
    return train(tmp_path_factory.mktemp("one"), samples, samples[1].take(1), steps_per_call=1, jit_compile=False)


def test_many_steps_in_a_call_change_nothing(one_by_one, samples, valid, tmp_path):
    trainer, history = train(tmp_path, samples, valid, steps_per_call=50)
    assert history == one_by_one[1]
    assert_same_weights(trainer, one_by_one[0])


def test_xla_changes_rounding_only(one_by_one, samples, valid, tmp_path):
    trainer, history = train(tmp_path, samples, valid, steps_per_call=50, jit_compile=True)
    assert trainer.uses_xla and trainer.run.settings["device"].endswith("float32, XLA")
    losses, expected = ([entry["loss"] for entry in entries] for entries in (history, one_by_one[1]))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_calls_end_at_validations_and_checkpoints_and_a_stop_waits_for_their_end(samples, valid, tmp_path):
    heard, ends = [], []

    class Listen(Callback):
        def on_step_end(self, trainer):
            heard.append(trainer.step)
            if trainer.is_call_end:
                ends.append(trainer.step)
            if trainer.step == 13:
                trainer.stop_training = True

    trainer = tiny_trainer(tmp_path, steps_per_call=3, evaluate_every=5, checkpoint_every=4)
    trainer.train(samples[0], valid, steps=20, callbacks=[Listen()])
    assert heard == list(range(1, 16))
    assert ends == [3, 4, 5, 8, 10, 12, 15]
    assert trainer.run.checkpoints.last_step() == 15


def test_error_within_a_call_saves_no_checkpoint_of_its_middle(samples, valid, tmp_path):
    class Fail(Callback):
        def on_step_end(self, trainer):
            assert trainer.step < 70

    options = {"steps_per_call": 50, "checkpoint_every": 60, "evaluate_every": 100}
    with pytest.raises(AssertionError):
        tiny_trainer(tmp_path / "run", **options).train(samples[0], valid, 100, callbacks=[Fail()])
    resumed, whole = (tiny_trainer(tmp_path / name, **options) for name in ("run", "whole"))
    assert resumed.run.checkpoints.last_step() == 60
    for trainer in (resumed, whole):
        assert [entry["step"] for entry in trainer.train(samples[0], valid, steps=80)] == list(range(1, 81))
    assert_same_weights(resumed, whole)
