import json
import math
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
from toys import toy

from srkit import GanTrainer, InputError, PreTrainer, TrainingDiverged, data, load_model, losses, models
from srkit.cli.main import main
from srkit.image import read_image
from srkit.models.precision import fastest_precision
from srkit.training import trainer as trainer_module
from srkit.training import trainers as training
from srkit.training.optimizers import learning_rate_at
from srkit.training.run_folder import RunFolder, list_runs

DISTRIBUTED = {"precision": "float32", "schedule": "constant", "clip_norm": 0.5, "ema": 0.9, "learning_rate": 1e-4}
MSE_GAN = {"mse": 1.0, "adversarial": 1e-3}
SMALL = {"batch_size": 2, "patch_size": 32, "evaluate_every": 3, "checkpoint_every": 2}


def pre_trainer(run_dir, seed=0, **options) -> PreTrainer:
    keras.utils.set_random_seed(seed)
    return PreTrainer(toy("srresnet", filters=4), run_dir, **options)


def gan_trainer(run_dir, seed=0, losses=MSE_GAN, **options) -> GanTrainer:
    keras.utils.set_random_seed(seed)
    generator, discriminator = toy("srresnet", filters=4), models.discriminator(32, filters=4)
    return GanTrainer(generator, discriminator, run_dir, losses, **options)


TRAINERS = pytest.mark.parametrize("build", [pre_trainer, gan_trainer])


def all_weights(trainer) -> list[np.ndarray]:
    return [np.asarray(variable) for variable in trainer._state().values()]


def assert_same_weights(a, b) -> None:
    for left, right in zip(all_weights(a), all_weights(b), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.fixture
def valid(samples):
    return samples[1].take(1)


@TRAINERS
def test_run_folder_has_everything(build, samples, valid, tmp_path, capsys):
    history = build(tmp_path / "run").train(samples[0], valid, steps=7, **SMALL)
    assert [entry["step"] for entry in history] == [1, 2, 3, 4, 5, 6, 7]
    assert [entry["step"] for entry in history if "psnr" in entry] == [3, 6, 7]
    assert {"psnr", "ssim", "bicubic_psnr", "bicubic_ssim", "score", "learning_rate"} <= set(history[-1])
    run = tmp_path / "run"
    for name in ("best", "last"):
        weights = load_model(run / f"{name}.weights.h5")
        assert weights.config == {
            "model": "srresnet",
            "scale": 4,
            "filters": 4,
            "num_blocks": 1,
            "upsampling": "subpixel",
        }
    assert list(run.glob("tensorboard/events*"))
    strip = read_image(run / "pictures" / "step-000000007-0.png")
    columns = 5 if build is gan_trainer else 4
    assert strip.shape[1] == columns * (192 + 4)
    assert "Y, border 4" in capsys.readouterr().out
    if build is gan_trainer:
        assert {"d_hr", "d_sr", "valid_content_loss"} <= set(history[-1])
        assert load_model(run / "discriminator.weights.h5").name == "discriminator"


@TRAINERS
def test_resumed_run_ends_with_the_same_weights(build, samples, valid, tmp_path):
    whole = build(tmp_path / "whole", schedule="constant")
    whole.train(samples[0], valid, steps=6, **SMALL)
    build(tmp_path / "parts", schedule="constant").train(samples[0], valid, steps=4, **SMALL)
    rest = build(tmp_path / "parts", seed=99, schedule="constant")  # its own initial weights must not matter
    history = rest.train(samples[0], valid, steps=6, **SMALL)
    assert_same_weights(whole, rest)
    assert [entry["step"] for entry in history] == [1, 2, 3, 4, 5, 6]
    assert [entry.get("d_loss", entry.get("loss")) for entry in history] == [
        entry.get("d_loss", entry.get("loss")) for entry in whole.history
    ]
    assert rest.best_score == whole.best_score


CHILD = """
import sys
sys.path[:0] = sys.argv[1].split("|")
from test_training import SMALL, gan_trainer, pre_trainer
from srkit import data
train, valid = data.samples(num_images=4, cache_dir=sys.argv[3])
build = {"pre_trainer": pre_trainer, "gan_trainer": gan_trainer}[sys.argv[4]]
build(sys.argv[2], schedule="constant").train(train, valid.take(1), steps=10**6, **{**SMALL, "evaluate_every": 1000})
"""

KILLS = int(os.environ.get("SRKIT_KILLS", 1))  # at random moments, in turn, of one training


def newest_checkpoint(run: Path) -> int:
    return max((int(path.stem[5:]) for path in run.glob("checkpoints/*.npz")), default=0)


def start_child(build, run, store) -> subprocess.Popen:
    here, before = Path(__file__).parent, newest_checkpoint(run)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, f"{here}|{here.parent}", run, store, build.__name__], stderr=subprocess.DEVNULL
    )
    while newest_checkpoint(run) < before + 6:
        assert child.poll() is None
        time.sleep(0.02)
    return child


@TRAINERS
def test_killed_run_goes_on_as_if_nothing_had_happened(build, tmp_path):
    store, run = tmp_path / "cache", tmp_path / "killed"
    for _ in range(KILLS):
        child = start_child(build, run, store)
        time.sleep(random.uniform(0, 0.5))
        child.kill()
        child.wait()
    step, *_ = RunFolder(run).load_checkpoint()
    train, valid = data.samples(num_images=4, cache_dir=store)
    options = {**SMALL, "evaluate_every": 1000}
    whole = build(tmp_path / "whole", schedule="constant")
    resumed = build(run, seed=5, schedule="constant")
    for trainer in (resumed, whole):
        history = trainer.train(train, valid.take(1), steps=step + 3, **options)
        assert [entry["step"] for entry in history] == list(range(1, step + 4))
    assert_same_weights(resumed, whole)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one child")
def test_ctrl_c_leaves_a_checkpoint_of_the_last_step(tmp_path):
    run = tmp_path / "run"
    child = start_child(pre_trainer, run, tmp_path / "cache")
    child.send_signal(signal.SIGINT)
    assert child.wait(60) != 0
    step, *_ = RunFolder(run).load_checkpoint()
    assert [entry["step"] for entry in RunFolder(run).history()] == list(range(1, step + 1))


def test_damaged_checkpoint_is_passed_over(samples, valid, tmp_path):
    whole = pre_trainer(tmp_path / "run")
    whole.train(samples[0], valid, steps=4, **SMALL)
    newest = sorted((tmp_path / "run" / "checkpoints").iterdir())[-1]
    for damaged in (newest.read_bytes()[:-500], newest.read_bytes()[:5000] + b"\0" * 99 + newest.read_bytes()[5099:]):
        newest.write_bytes(damaged)
        with pytest.warns(UserWarning, match="damaged"):
            step, *_ = RunFolder(tmp_path / "run").load_checkpoint()
        assert step < 4
    with pytest.warns(UserWarning, match="damaged"):
        again = pre_trainer(tmp_path / "run", seed=7)
        history = again.train(samples[0], valid, steps=4, **SMALL)
    assert [entry["step"] for entry in history] == [1, 2, 3, 4]
    assert_same_weights(whole, again)


def test_checkpoint_after_damaged_ones_is_kept(tmp_path):
    run = RunFolder(tmp_path)
    for step in (2, 4, 6):
        run.save_checkpoint(step, {"a": np.zeros(3)}, {"steps": 9})
    assert [path.name for path in run._checkpoint_paths()] == ["step-000000004.npz", "step-000000006.npz"]
    for path in run._checkpoint_paths():
        path.write_bytes(b"")
    run.save_checkpoint(1, {"a": np.zeros(3)}, {"steps": 9})
    assert run.load_checkpoint()[0] == run.status().step == 1


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("")])
def test_checkpoints_without_settings_are_not_deleted(samples, valid, tmp_path, damage):
    pre_trainer(tmp_path / "run").train(samples[0], valid, steps=2, **SMALL)
    damage(tmp_path / "run" / "settings.json")
    with pytest.raises(InputError, match=r"settings\.json"):
        pre_trainer(tmp_path / "run").train(samples[0], valid, steps=4, **SMALL)
    assert RunFolder(tmp_path / "run").load_checkpoint()[0] == 2


def test_full_disk_keeps_the_checkpoint_before(samples, valid, tmp_path, monkeypatch):
    pre_trainer(tmp_path / "run").train(samples[0], valid, steps=2, **SMALL)

    def full(file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(InputError, match=r"No space left on device.*make room"):
        pre_trainer(tmp_path / "run").train(samples[0], valid, steps=4, **SMALL)
    assert RunFolder(tmp_path / "run").load_checkpoint()[0] == 2


def test_other_settings_are_refused_and_named(samples, valid, tmp_path):
    pre_trainer(tmp_path / "run").train(samples[0], valid, steps=2, **SMALL)
    with pytest.raises(InputError, match=r"learning_rate: 0\.0001 then, 0\.001 now"):
        pre_trainer(tmp_path / "run", learning_rate=1e-3).train(samples[0], valid, steps=4, **SMALL)
    with pytest.raises(InputError, match="seed: 0 then, 3 now"):
        pre_trainer(tmp_path / "run").train(samples[0], valid, steps=4, seed=3, **SMALL)


def test_schedules_length_is_a_setting(samples, valid, tmp_path):
    pre_trainer(tmp_path / "run", schedule="cosine").train(samples[0], valid, steps=2, **SMALL)
    with pytest.raises(InputError, match="steps: 2 then, 4 now"):
        pre_trainer(tmp_path / "run", schedule="cosine").train(samples[0], valid, steps=4, **SMALL)


def test_layers_that_do_not_train_stay_as_they_are_and_are_a_setting(samples, valid, tmp_path):
    generator = toy("srresnet", filters=4)
    head = next(layer for layer in generator.layers if layer.weights)
    head.trainable = False
    before = head.get_weights()
    PreTrainer(generator, tmp_path / "run").train(samples[0], valid, steps=2, **SMALL)
    for then, now in zip(before, load_model(tmp_path / "run" / "last.weights.h5").get_layer(head.name).get_weights()):
        np.testing.assert_array_equal(then, now)
    with pytest.raises(InputError, match=f"fixed: .*{head.name}.* then"):
        pre_trainer(tmp_path / "run").train(samples[0], valid, steps=4, **SMALL)


def test_failed_start_does_not_lock_the_folder(samples, valid, tmp_path):
    with pytest.raises(InputError, match="smaller crops"):
        pre_trainer(tmp_path / "run").train(samples[0], valid, steps=2, patch_size=2000)
    settings = {"learning_rate": 1.0}
    RunFolder(tmp_path / "run").begin(settings)  # as a process that was killed before its first step
    RunFolder(tmp_path / "run").save_checkpoint(0, {"generator-0": np.zeros(3)}, {})
    assert len(pre_trainer(tmp_path / "run").train(samples[0], valid, steps=2, **SMALL)) == 2


def test_pretraining_on_vgg_features_with_total_variation(samples, valid, tmp_path, vgg_weights):
    """SRResNet-VGG22 of the SRGAN paper: with both weights at work, from one start, on one batch."""
    lr, hr = next(iter(samples[0].batches(2, 32)))
    values = {}
    for weights in ({"vgg22": 1.0}, {"vgg22": 1.0, "total_variation": 2e-8}):
        options = {"losses": weights, "vgg_weights": vgg_weights, "precision": "float32"}
        trainer = pre_trainer(tmp_path / str(len(weights)), **options)
        sr = trainer.generator(lr, training=True)
        values[len(weights)] = float(trainer._run_step(lr, hr)["loss"])
    assert values[2] - values[1] == pytest.approx(2e-8 * float(losses.total_variation(hr, sr)), rel=0.05)
    history = trainer.train(samples[0], valid, steps=2, **SMALL)
    assert history[-1]["score"] == -history[-1]["valid_content_loss"]


def test_vgg_content_loss_trains_in_bfloat16(samples, valid, tmp_path, vgg_weights):
    keras.utils.set_random_seed(0)
    generator, discriminator = toy("srresnet", filters=4), models.discriminator(32, filters=4)
    options = {"vgg_weights": vgg_weights, "precision": "mixed_bfloat16"}
    trainer = GanTrainer(generator, discriminator, tmp_path / "run", **options)
    history = trainer.train(samples[0], valid, steps=2, **SMALL)
    last = history[-1]
    assert last["vgg54"] > 0
    assert last["g_loss"] == pytest.approx(last["vgg54"] + 1e-3 * last["adversarial"], rel=1e-5)


def test_finished_run_has_nothing_left_to_do(samples, valid, tmp_path, capsys):
    first = pre_trainer(tmp_path / "run")
    first.train(samples[0], valid, steps=3, **SMALL)
    again = pre_trainer(tmp_path / "run", seed=8)
    assert len(again.train(samples[0], valid, steps=2, **SMALL)) == 3
    assert "nothing is left" in capsys.readouterr().out
    assert_same_weights(first, again)


@pytest.mark.parametrize("evaluate_every", [1, 100])
def test_nan_stops_with_the_last_good_weights(samples, valid, tmp_path, evaluate_every):
    trainer = pre_trainer(tmp_path / "run", learning_rate=1e30, losses={"l1": 1})
    options = {**SMALL, "checkpoint_every": 100, "evaluate_every": evaluate_every}
    with pytest.raises(TrainingDiverged, match="lower learning rate"):
        trainer.train(samples[0], valid, steps=50, **options)
    assert not list((tmp_path / "run").glob("*.weights.h5"))
    assert all(np.isfinite(array).all() for array in all_weights(trainer))
    step, arrays, _ = RunFolder(tmp_path / "run").load_checkpoint()
    assert step == trainer.step
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_training_learns(samples, valid, tmp_path):
    keras.utils.set_random_seed(0)
    trainer = PreTrainer(models.edsr(filters=8, num_blocks=1), tmp_path / "run", losses={"l1": 1}, learning_rate=3e-3)
    options = {**SMALL, "batch_size": 4, "evaluate_every": 100, "checkpoint_every": 1000}
    history = trainer.train(samples[0], valid, steps=200, **options)
    scores = [entry["psnr"] for entry in history if "psnr" in entry]
    assert scores[1] > scores[0] > 20


@pytest.mark.parametrize("weights", [{}, {"colour": 0.5, "checkerboard": 0.1, "spectrum": 0.2}])
def test_one_gan_step_is_the_papers(samples, tmp_path, weights):
    """The discriminator is updated first, on SR of the old generator; the generator then against the new one."""
    import tensorflow as tf

    from srkit import losses

    trainer = gan_trainer(tmp_path / "run", losses={"mse": 1, "adversarial": 0.1, **weights}, precision="float32")
    generator, discriminator = toy("srresnet", filters=4), models.discriminator(32, filters=4)
    generator.set_weights(trainer.generator.get_weights())
    discriminator.set_weights(trainer.discriminator.get_weights())
    lr, hr = next(iter(samples[0].batches(2, 32)))
    trainer._run_step(lr, hr)

    game, sr = losses.Vanilla(), generator(lr, training=True)
    adam = keras.optimizers.Adam(1e-4)
    with tf.GradientTape() as tape:
        loss = game.discriminator(discriminator(hr, training=True), discriminator(sr, training=True))
    adam.apply(tape.gradient(loss, discriminator.trainable_variables), discriminator.trainable_variables)
    adam = keras.optimizers.Adam(1e-4)
    with tf.GradientTape() as tape:
        sr = generator(lr, training=True)
        logits = discriminator(sr, training=True)
        adversarial = game.generator(logits, logits)
        loss = losses.mse(hr, sr) + 0.1 * adversarial
        loss += weights.get("colour", 0) * losses.colour(hr, sr, 4)
        loss += weights.get("checkerboard", 0) * losses.checkerboard(hr, sr, 4)
        loss += weights.get("spectrum", 0) * losses.spectrum(hr, sr)
    adam.apply(tape.gradient(loss, generator.trainable_variables), generator.trainable_variables)
    for mine, expected in (
        *zip(trainer.generator.trainable_variables, generator.trainable_variables),
        *zip(trainer.discriminator.trainable_variables, discriminator.trainable_variables),
    ):
        np.testing.assert_allclose(mine, expected, atol=2e-5)


def test_frozen_batch_norm_trains_on_the_images_that_the_generator_makes(samples, tmp_path):
    trainer = gan_trainer(tmp_path / "run", precision="float32", freeze_batch_norm=True)
    generator = trainer.generator
    norms = [layer for layer in generator.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [np.array(weight) for layer in norms for weight in layer.weights]
    head = np.array(generator.layers[2].kernel)
    lr, hr = next(iter(samples[0].batches(2, 32)))
    trainer._run_step(lr, hr)
    np.testing.assert_array_equal(before, [np.array(weight) for layer in norms for weight in layer.weights])
    assert not np.array_equal(head, generator.layers[2].kernel)
    np.testing.assert_array_equal(generator(lr, training=True), generator(lr, training=False))


@TRAINERS
def test_bfloat16_keeps_weights_and_output_in_float32(build, samples, valid, tmp_path):
    trainer = build(tmp_path / "run", precision="mixed_bfloat16")
    history = trainer.train(samples[0], valid, steps=2, **SMALL)
    assert trainer.generator.layers[3].compute_dtype == "bfloat16"
    assert {variable.dtype for variable in trainer.generator.trainable_variables} == {"float32"}
    assert trainer.generator(np.zeros((1, 8, 8, 3))).dtype == "float32"
    assert math.isfinite(history[-1]["psnr"])


def test_learning_rates():
    at = learning_rate_at
    assert [at(step, 10, 1e-4, "halves") for step in (0, 4, 5, 9)] == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5])
    assert [at(step, 10, 1e-4, "cosine") for step in (0, 5, 10)] == pytest.approx([1e-4, 5e-5, 0])
    assert [at(step, 10, 1.0, "step") for step in (0, 1, 2, 5, 9)] == [1, 1, 0.5, 0.25, 0.0625]
    assert [at(step, 10, 1.0, warmup_steps=4) for step in (0, 1, 3, 4)] == [0.25, 0.5, 1, 1]
    assert at(1, 10, 1.0, "cosine", warmup_steps=2) == at(1, 10, 1.0, "cosine")
    assert at(7, 10, 1e-4) == 1e-4


def test_what_does_not_fit_is_refused(samples, valid, tmp_path, cat):
    keras.utils.set_random_seed(0)
    x2 = PreTrainer(models.edsr(2, filters=4, num_blocks=1), tmp_path / "x2")
    with pytest.raises(InputError, match="2 times"):
        x2.train(*samples, steps=1)
    with pytest.raises(InputError, match="32 px"):
        gan_trainer(tmp_path / "gan").train(*samples, steps=1, patch_size=96)
    with pytest.raises(InputError, match="loss 'l2'"):
        pre_trainer(tmp_path / "pre", losses={"l2": 1})
    with pytest.raises(InputError, match="schedule"):
        pre_trainer(tmp_path / "pre", schedule="linear")
    with pytest.raises(InputError, match="ema must be"):
        pre_trainer(tmp_path / "pre", ema=1.0)
    with pytest.raises(InputError, match="clip_norm above 0"):
        pre_trainer(tmp_path / "pre", clip_norm=-1.0)
    with pytest.raises(InputError, match="evaluate_every must be at least 1"):
        pre_trainer(tmp_path / "pre").train(*samples, steps=1, evaluate_every=0)
    with pytest.raises(InputError, match="not a super-resolution model"):
        PreTrainer(models.discriminator(32, 4), tmp_path / "no")


def test_settings_are_plain_json(samples, valid, tmp_path):
    gan_trainer(tmp_path / "run").train(samples[0], valid, steps=1, **SMALL)
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["model"] == {
        "model": "srresnet", "scale": 4, "filters": 4, "num_blocks": 1, "upsampling": "subpixel",
    }  # fmt: skip


def test_average_follows_the_weights_and_is_what_is_saved(samples, valid, tmp_path):
    trainer = pre_trainer(tmp_path / "run", ema=0.2, schedule="constant")
    expected = [np.array(variable) for variable in trainer.generator.variables]

    def follow(event, trainer):
        if event == "step":
            decay = min(0.2, (1 + trainer.step) / (10 + trainer.step))  # the warm-up ends in the second step
            for average, variable in zip(expected, trainer.generator.variables):
                average += (1 - decay) * (np.asarray(variable) - average)

    trainer.train(samples[0], valid, steps=3, callbacks=[follow], **SMALL)
    saved = load_model(tmp_path / "run" / "last.weights.h5")
    for average, mine, theirs in zip(expected, trainer.generator.variables, saved.variables):
        np.testing.assert_allclose(mine, average, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(mine, theirs)


def test_average_does_not_touch_the_training(samples, valid, tmp_path):
    plain, averaged = (pre_trainer(tmp_path / str(ema), ema=ema) for ema in (0.0, 0.9))
    losses = [trainer.train(samples[0], valid, steps=6, **SMALL) for trainer in (plain, averaged)]
    assert [entry["loss"] for entry in losses[0]] == [entry["loss"] for entry in losses[1]]
    assert losses[0][-1]["psnr"] != losses[1][-1]["psnr"]
    parts = pre_trainer(tmp_path / "parts", ema=0.9)
    parts.train(samples[0], valid, steps=4, **SMALL)
    parts = pre_trainer(tmp_path / "parts", seed=3, ema=0.9)
    parts.train(samples[0], valid, steps=6, **SMALL)
    assert_same_weights(parts, averaged)


def test_clipping_bounds_the_first_step(samples, tmp_path):
    """Adam's first moment after one step is a tenth of the gradient."""
    lr, hr = next(iter(samples[0].batches(2, 32)))
    norms = {}
    for clip_norm in (None, 1e-3, 1e6):
        trainer = pre_trainer(tmp_path / "run", clip_norm=clip_norm, precision="float32")
        trainer._run_step(lr, hr)
        moments = trainer._optimizers["generator"].variables[2::2]
        norms[clip_norm] = 10 * math.sqrt(sum(float(np.sum(np.square(moment))) for moment in moments))
    assert norms[1e6] == pytest.approx(norms[None], rel=1e-4) and norms[None] > 0.01
    assert norms[1e-3] == pytest.approx(1e-3, rel=1e-3)


def test_patience_stops_early_and_stays_stopped(samples, valid, tmp_path, capsys):
    options = {**SMALL, "evaluate_every": 1, "patience": 2}
    trainer = pre_trainer(tmp_path / "run", learning_rate=1e-12, precision="float32")
    trainer._validation_score = lambda valid, scores: {"score": 1.0}  # the first one is the best
    assert len(trainer.train(samples[0], valid, steps=50, **options)) == 3
    assert "stopped early" in capsys.readouterr().out
    assert len(pre_trainer(tmp_path / "run", learning_rate=1e-12).train(samples[0], valid, steps=50, **options)) == 3


def test_callbacks_hear_of_each_event_in_order(samples, valid, tmp_path):
    heard = []
    trainer = pre_trainer(tmp_path / "run")
    options = {**SMALL, "evaluate_every": 2}
    trainer.train(
        samples[0], valid, 3, callbacks=[lambda event, trainer: heard.append((event, trainer.step))], **options
    )
    steps = [("step", 1), ("step", 2), ("validation", 2), ("step", 3), ("validation", 3)]
    assert heard == [("start", 0), *steps, ("end", 3)]
    assert trainer.entry == trainer.history[-1]


def test_extend_goes_on_with_other_steps_and_nothing_else(samples, valid, tmp_path):
    def trainer(**options):
        return pre_trainer(tmp_path / "run", schedule="cosine", **options)

    trainer().train(samples[0], valid, steps=2, **SMALL)
    with pytest.raises(InputError, match=r"steps: 2 then, 4 now.*--extend"):
        trainer().train(samples[0], valid, steps=4, **SMALL)
    with pytest.raises(InputError, match="learning_rate"):
        trainer(learning_rate=1.0).train(samples[0], valid, steps=4, extend=True, **SMALL)
    history = trainer().train(samples[0], valid, steps=4, extend=True, **SMALL)
    assert [entry["learning_rate"] for entry in history[2:]] == [
        learning_rate_at(step, 4, 1e-4, "cosine") for step in (2, 3)
    ]
    assert len(trainer().train(samples[0], valid, steps=4, **SMALL)) == 4


def test_folder_serves_one_training_at_a_time(samples, valid, tmp_path):
    with RunFolder(tmp_path / "run").locked(), pytest.raises(InputError, match="Another process is training"):
        pre_trainer(tmp_path / "run").train(samples[0], valid, steps=1, **SMALL)
    assert len(pre_trainer(tmp_path / "run").train(samples[0], valid, steps=1, **SMALL)) == 1


def test_runs_are_listed_with_their_state(samples, valid, tmp_path, capsys):
    pre_trainer(tmp_path / "runs" / "done").train(samples[0], valid, steps=2, **SMALL)

    def interrupt(event, trainer):
        if event == "step" and trainer.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gan_trainer(tmp_path / "runs" / "nested" / "gan").train(
            samples[0], valid, steps=9, callbacks=[interrupt], **SMALL
        )
    gan, pre = sorted(list_runs(tmp_path / "runs"), key=lambda run: run.trainer)
    assert (gan.trainer, gan.step, gan.steps, gan.state) == ("GanTrainer", 3, 9, "stopped")
    assert (pre.trainer, pre.step, pre.steps, pre.state) == ("PreTrainer", 2, 2, "finished")
    assert pre.scores["psnr"] > 0
    with RunFolder(pre.path).locked():
        assert RunFolder(pre.path).status().state == "running"
    assert main(["runs", str(tmp_path / "runs")]) == 0
    out = capsys.readouterr().out
    assert "3 of 9" in out and "finished" in out
    assert main(["runs", str(tmp_path / "none")]) == 1


def test_lost_games_are_noticed(samples, valid, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_COLLAPSED_STEPS", 4)
    monkeypatch.setattr(training, "_COLLAPSED_LOSS", 1e9)
    with pytest.warns(UserWarning, match=r"below .* for 4 steps \(step 4\)") as warned:
        gan_trainer(tmp_path / "run", schedule="constant").train(samples[0], valid, steps=3, **SMALL)
        gan_trainer(tmp_path / "run", schedule="constant").train(samples[0], valid, steps=7, **SMALL)
    assert sum("below" in str(warning.message) for warning in warned) == 1  # counted over the restart, said once
    assert any("grey levels from LR's" in str(warning.message) for warning in warned)  # random weights' colours


def test_precision_is_found_out_once_and_kept_by_the_run(samples, valid, tmp_path, monkeypatch):
    assert fastest_precision() in {"float32", "mixed_bfloat16"}
    for found in ("mixed_bfloat16", "float32"):
        monkeypatch.setattr(trainer_module, "fastest_precision", lambda found=found: found)
        trainer = pre_trainer(tmp_path / "run")
        trainer.train(samples[0], valid, steps=2, **SMALL)
        assert trainer.precision == trainer.run.settings["precision"] == "mixed_bfloat16"
    assert pre_trainer(tmp_path / "other").precision == "float32"


def test_content_networks_weights_are_a_setting(samples, valid, tmp_path, vgg_weights):
    options = {"losses": {"vgg22": 1, "adversarial": 1e-3}, "vgg_weights": vgg_weights}
    keras.utils.set_random_seed(0)
    trainer = GanTrainer(toy("srresnet", filters=4), models.discriminator(32, 4), tmp_path, **options)
    assert trainer._settings["networks"] == {"vgg22": losses.VGG22(vgg_weights).fingerprint}
    assert losses.VGG22(vgg_weights).fingerprint != losses.VGG54(vgg_weights).fingerprint


def test_model_for_several_scales_is_trained_on_all_by_turns(tmp_path, capsys):
    parts = [data.samples(num_images=4, scale=scale, cache_dir=tmp_path / "cache") for scale in (2, 3, 4)]
    train, valid = (data.MultiScalePairs(*part) for part in zip(*parts))
    options = {**SMALL, "patch_size": 48}

    def trainer(name, seed=0):
        keras.utils.set_random_seed(seed)
        return PreTrainer(models.mdsr(filters=4, num_blocks=1), tmp_path / name, precision="float32")

    sizes = [lr.shape[1] for lr, _ in train.batches(2, 48, stop=12)]
    assert set(sizes) == {24, 16, 12}
    whole = trainer("whole")
    start = whole.generator.get_weights()
    history = whole.train(train, valid.take(1), steps=6, **options)
    assert {"psnr_x2", "psnr_x3", "psnr_x4"} <= set(history[-1])
    assert history[-1]["psnr"] == pytest.approx(np.mean([history[-1][f"psnr_x{scale}"] for scale in (2, 3, 4)]))
    assert all(not np.array_equal(old, new) for old, new in zip(start, whole.generator.get_weights()))
    trainer("parts").train(train, valid.take(1), steps=4, **options)
    parts = trainer("parts", seed=9)
    parts.train(train, valid.take(1), steps=6, **options)
    assert_same_weights(whole, parts)
    assert load_model(tmp_path / "whole" / "best.weights.h5").config["model"] == "mdsr"
    assert len(list((tmp_path / "whole" / "pictures").glob("step-000000006-0-x?.png"))) == 3
    with pytest.raises(InputError, match=r"enlarges 2, 3, 4 times.*of scale 4"):
        trainer("other").train(*data.samples(num_images=4, cache_dir=tmp_path / "cache"), steps=1)
