"""A run that was interrupted, whenever and however, ends as one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from small_trainers import QUIET, SMALL, TRAINERS, assert_same_weights, gan_trainer, many_steps_trainer, pre_trainer
from toys import toy

from srkit import InputError, PreTrainer, TrainOptions, data, load_model
from srkit.training import RunFolder, status_of

pytestmark = pytest.mark.filterwarnings(QUIET)


@TRAINERS
def test_resumed_run_ends_with_the_same_weights(build, samples, valid, tmp_path):
    whole = build(tmp_path / "whole", schedule="constant")
    whole.train(samples[0], valid, steps=6)
    build(tmp_path / "parts", schedule="constant").train(samples[0], valid, steps=4)
    rest = build(tmp_path / "parts", seed=99, schedule="constant")  # its own initial weights must not matter
    history = rest.train(samples[0], valid, steps=6)
    assert_same_weights(whole, rest)
    assert [entry["step"] for entry in history] == [1, 2, 3, 4, 5, 6]
    assert [entry.get("d_loss", entry.get("loss")) for entry in history] == [
        entry.get("d_loss", entry.get("loss")) for entry in whole.history
    ]
    best, expected = (trainer.run.checkpoints.load_extra()["callbacks"]["Validation"] for trainer in (rest, whole))
    assert best == expected and np.isfinite(best["best_score"])


CHILD = """
import sys
sys.path[:0] = sys.argv[1].split("|")
import small_trainers
from srkit import data
train, valid = data.samples(num_images=4, cache_dir=sys.argv[3])
trainer = getattr(small_trainers, sys.argv[4])(sys.argv[2], schedule="constant", evaluate_every=1000)
trainer.train(train, valid.take(1), steps=10**6)
"""

KILLS = int(os.environ.get("SRKIT_KILLS", 1))  # at random moments, in turn, of one training


def start_child(build, run, store) -> subprocess.Popen:
    here, checkpoints = Path(__file__).parent, RunFolder(run).checkpoints
    before = checkpoints.last_step()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, f"{here}|{here.parent}", run, store, build.__name__], stderr=subprocess.DEVNULL
    )
    while checkpoints.last_step() < before + 6:
        assert child.poll() is None
        time.sleep(0.02)
    return child


@pytest.mark.parametrize("build", [pre_trainer, gan_trainer, many_steps_trainer])
def test_killed_run_goes_on_as_if_nothing_had_happened(build, tmp_path):
    store, run = tmp_path / "cache", tmp_path / "killed"
    for _ in range(KILLS):
        child = start_child(build, run, store)
        time.sleep(random.uniform(0, 0.5))
        child.kill()
        child.wait()
    step, *_ = RunFolder(run).checkpoints.load()
    train, valid = data.samples(num_images=4, cache_dir=store)
    options = {"schedule": "constant", "evaluate_every": 1000}
    whole = build(tmp_path / "whole", **options)
    resumed = build(run, seed=5, **options)
    for trainer in (resumed, whole):
        history = trainer.train(train, valid.take(1), steps=step + 3)
        assert [entry["step"] for entry in history] == list(range(1, step + 4))
    assert_same_weights(resumed, whole)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one child")
@pytest.mark.parametrize("build", [pre_trainer, many_steps_trainer])
def test_ctrl_c_leaves_a_checkpoint_of_the_last_step(build, tmp_path):
    run = tmp_path / "run"
    child = start_child(build, run, tmp_path / "cache")
    child.send_signal(signal.SIGINT)
    assert child.wait(60) != 0
    step, *_ = RunFolder(run).checkpoints.load()
    assert [entry["step"] for entry in RunFolder(run).history()] == list(range(1, step + 1))


def test_damaged_checkpoint_is_passed_over(samples, valid, tmp_path):
    whole = pre_trainer(tmp_path / "run")
    whole.train(samples[0], valid, steps=4)
    newest = sorted((tmp_path / "run" / "checkpoints").iterdir())[-1]
    for damaged in (newest.read_bytes()[:-500], newest.read_bytes()[:5000] + b"\0" * 99 + newest.read_bytes()[5099:]):
        newest.write_bytes(damaged)
        with pytest.warns(UserWarning, match="damaged"):
            step, *_ = RunFolder(tmp_path / "run").checkpoints.load()
        assert step < 4
    with pytest.warns(UserWarning, match="damaged"):
        again = pre_trainer(tmp_path / "run", seed=7)
        history = again.train(samples[0], valid, steps=4)
    assert [entry["step"] for entry in history] == [1, 2, 3, 4]
    assert_same_weights(whole, again)


def test_checkpoint_after_damaged_ones_is_kept(tmp_path):
    checkpoints = RunFolder(tmp_path).checkpoints
    for step in (2, 4, 6):
        checkpoints.save(step, {"a": np.zeros(3)}, {"steps": 9})
    assert [path.name for path in checkpoints.paths()] == ["step-000000004.npz", "step-000000006.npz"]
    for path in checkpoints.paths():
        path.write_bytes(b"")
    checkpoints.save(1, {"a": np.zeros(3)}, {"steps": 9})
    assert checkpoints.load()[0] == status_of(RunFolder(tmp_path)).step == 1


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("")])
def test_checkpoints_without_settings_are_not_deleted(samples, valid, tmp_path, damage):
    pre_trainer(tmp_path / "run").train(samples[0], valid, steps=2)
    damage(tmp_path / "run" / "settings.json")
    with pytest.raises(InputError, match=r"settings\.json"):
        pre_trainer(tmp_path / "run").train(samples[0], valid, steps=4)
    assert RunFolder(tmp_path / "run").checkpoints.load()[0] == 2


def test_full_disk_keeps_the_checkpoint_before(samples, valid, tmp_path, monkeypatch):
    pre_trainer(tmp_path / "run").train(samples[0], valid, steps=2)

    def full(file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(InputError, match=r"No space left on device.*make room"):
        pre_trainer(tmp_path / "run").train(samples[0], valid, steps=4)
    assert RunFolder(tmp_path / "run").checkpoints.load()[0] == 2


def test_other_settings_are_refused_and_named(samples, valid, tmp_path):
    pre_trainer(tmp_path / "run").train(samples[0], valid, steps=2)
    with pytest.raises(InputError, match=r"learning_rate: 0\.0001 then, 0\.001 now"):
        pre_trainer(tmp_path / "run", learning_rate=1e-3).train(samples[0], valid, steps=4)
    with pytest.raises(InputError, match="seed: 0 then, 3 now"):
        trainer = pre_trainer(tmp_path / "run")
        PreTrainer(trainer.generator, tmp_path / "run", TrainOptions(**SMALL, seed=3)).train(samples[0], valid, 4)


def test_what_differs_is_said_in_words(tmp_path):
    pairs = "x4-bicubic-0123456789ab"
    settings = {"losses": {"mse": 1.0}, "train": f"{pairs}/train", "valid": f"{pairs}/valid"}
    run = RunFolder(tmp_path)
    run.begin(settings)
    run.checkpoints.save(1, {"a": np.zeros(3)}, {})
    for other, words in (
        ({"losses": {"l1": 2, "mse": 1.0}}, "losses: mse=1.0 then, l1=2 mse=1.0 now"),
        ({"train": "x4-bicubic-ba9876543210/train"}, "train: other photographs"),
        ({"valid": f"{pairs}/valid[:3]"}, r"valid: x4-bicubic/valid then, x4-bicubic/valid\[:3\] now"),
    ):
        with pytest.raises(InputError, match=words):
            run.begin({**settings, **other})


def own_model(activation: str) -> keras.Model:
    """A model of a user's own, whose layers have the names that Keras counts up."""
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, padding="same", activation=activation)(image)
    x = keras.layers.Conv2D(3, 3, padding="same")(x)
    return keras.Model(image, keras.layers.UpSampling2D(4)(x))


def test_own_model_is_known_by_its_architecture_and_not_by_its_names(samples, valid, tmp_path):
    def trainer(name, activation="relu", seed=0):
        keras.utils.set_random_seed(seed)
        return PreTrainer(own_model(activation), tmp_path / name, TrainOptions(**SMALL, ema=0.9, optimizer="muon"))

    whole = trainer("whole")
    whole.train(samples[0], valid, steps=4)
    trainer("run").train(samples[0], valid, steps=2)
    with pytest.raises(InputError, match=r"generator: .*fingerprint"):
        trainer("run", "tanh").train(samples[0], valid, steps=4)
    rest = trainer("run", seed=5)
    rest.train(samples[0], valid, steps=4)
    assert_same_weights(rest, whole)


def test_variables_in_checkpoints_are_named_by_path(samples, valid, tmp_path):
    trainer = pre_trainer(tmp_path / "run", ema=0.9)
    trainer.train(samples[0], valid, steps=2)
    _, arrays, _ = trainer.run.checkpoints.load()
    kernels = {name for name in arrays if "head_conv/kernel" in name}
    assert kernels == {
        "generator/head_conv/kernel",
        "generator_optimizer/head_conv/kernel/momentum",
        "generator_optimizer/head_conv/kernel/velocity",
        "average/head_conv/kernel",
    }
    assert {"generator_optimizer/iteration", "generator_optimizer/learning_rate"} <= set(arrays)


def test_schedules_length_is_a_setting(samples, valid, tmp_path):
    pre_trainer(tmp_path / "run", schedule="cosine").train(samples[0], valid, steps=2)
    with pytest.raises(InputError, match="steps: 2 then, 4 now"):
        pre_trainer(tmp_path / "run", schedule="cosine").train(samples[0], valid, steps=4)


def test_extend_goes_on_with_other_steps_and_nothing_else(samples, valid, tmp_path):
    def trainer(**options):
        return pre_trainer(tmp_path / "run", schedule="cosine", **options)

    trainer().train(samples[0], valid, steps=2)
    with pytest.raises(InputError, match=r"steps: 2 then, 4 now.*--extend"):
        trainer().train(samples[0], valid, steps=4)
    with pytest.raises(InputError, match="learning_rate"):
        trainer(learning_rate=1.0).train(samples[0], valid, steps=4, extend=True)
    history = trainer().train(samples[0], valid, steps=4, extend=True)
    assert [entry["learning_rate"] for entry in history[2:]] == pytest.approx([1e-4 / 2, 1e-4 * (2 - 2**0.5) / 4])
    assert len(trainer().train(samples[0], valid, steps=4)) == 4


def test_layers_that_do_not_train_stay_as_they_are_and_are_a_setting(samples, valid, tmp_path):
    generator = toy("srresnet", filters=4)
    head = next(layer for layer in generator.layers if layer.weights)
    head.trainable = False
    before = head.get_weights()
    PreTrainer(generator, tmp_path / "run", TrainOptions(**SMALL)).train(samples[0], valid, steps=2)
    for then, now in zip(before, load_model(tmp_path / "run" / "last.weights.h5").get_layer(head.name).get_weights()):
        np.testing.assert_array_equal(then, now)
    with pytest.raises(InputError, match=f"fixed: .*{head.name}.* then"):
        pre_trainer(tmp_path / "run").train(samples[0], valid, steps=4)


def test_failed_start_does_not_lock_the_folder(samples, valid, tmp_path):
    with pytest.raises(InputError, match="smaller crops"):
        pre_trainer(tmp_path / "run", patch_size=2000).train(samples[0], valid, steps=2)
    settings = {"learning_rate": 1.0}
    RunFolder(tmp_path / "run").begin(settings)  # as a process that was killed before its first step
    RunFolder(tmp_path / "run").checkpoints.save(0, {"generator/kernel": np.zeros(3)}, {})
    assert len(pre_trainer(tmp_path / "run").train(samples[0], valid, steps=2)) == 2


def test_finished_run_has_nothing_left_to_do(samples, valid, tmp_path, capsys):
    first = pre_trainer(tmp_path / "run")
    first.train(samples[0], valid, steps=3)
    again = pre_trainer(tmp_path / "run", seed=8)
    assert len(again.train(samples[0], valid, steps=2)) == 3
    assert "nothing is left" in capsys.readouterr().out
    assert_same_weights(first, again)


def test_folder_serves_one_training_at_a_time(samples, valid, tmp_path):
    with RunFolder(tmp_path / "run").locked(), pytest.raises(InputError, match="Another process is training"):
        pre_trainer(tmp_path / "run").train(samples[0], valid, steps=1)
    assert len(pre_trainer(tmp_path / "run").train(samples[0], valid, steps=1)) == 1
