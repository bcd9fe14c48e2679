import json
import math

import keras
import numpy as np
import pytest
from small_trainers import QUIET, SMALL, TRAINERS, all_weights, assert_same_weights, gan_trainer, pre_trainer
from toys import Applied, with_operators

from srkit import InputError, PreTrainer, TrainingDiverged, data, load_model, losses, models
from srkit.image import read_image
from srkit.inference import predict
from srkit.models.precision import fastest_precision
from srkit.training import Callback, TrainOptions
from srkit.training import trainer as trainer_module

pytestmark = pytest.mark.filterwarnings(QUIET)


@TRAINERS
def test_run_folder_has_everything(build, samples, valid, tmp_path, capsys):
    trainer = build(tmp_path / "run")
    history = trainer.train(samples[0], valid, steps=7)
    assert [entry["step"] for entry in history] == [1, 2, 3, 4, 5, 6, 7]
    assert [entry["step"] for entry in history if "psnr" in entry] == [3, 6, 7]
    assert {"psnr", "ssim", "bicubic_psnr", "bicubic_ssim", "score", "learning_rate", "mse"} <= set(history[-1])
    run = tmp_path / "run"
    for name in ("best", "last"):
        assert load_model(run / f"{name}.weights.h5").config == trainer.generator.config
    assert list(run.glob("tensorboard/events*"))
    strip = read_image(run / "pictures" / "step-000000007-0.png")
    columns = 5 if build is gan_trainer else 4
    assert strip.shape[1] == columns * (192 + 4)
    assert "Y, border 4" in capsys.readouterr().out
    if build is gan_trainer:
        assert {"d_hr", "d_sr", "valid_content_loss", "adversarial"} <= set(history[-1])
        assert load_model(run / "discriminator.weights.h5").name == "discriminator"


@pytest.mark.parametrize("evaluate_every", [1, 100])
def test_nan_stops_with_the_last_good_weights(samples, valid, tmp_path, evaluate_every):
    options = {"checkpoint_every": 100, "evaluate_every": evaluate_every}
    trainer = pre_trainer(tmp_path / "run", learning_rate=1e30, losses={"l1": 1}, **options)
    with pytest.raises(TrainingDiverged, match="lower learning rate"):
        trainer.train(samples[0], valid, steps=50)
    assert not list((tmp_path / "run").glob("*.weights.h5"))
    assert all(np.isfinite(array).all() for array in all_weights(trainer))
    step, arrays, _ = trainer.run.checkpoints.load()
    assert step == trainer.step
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_training_learns(samples, valid, tmp_path):
    keras.utils.set_random_seed(0)
    options = {**SMALL, "batch_size": 4, "evaluate_every": 100, "checkpoint_every": 1000}
    options = TrainOptions(losses={"l1": 1}, learning_rate=3e-3, **options)
    trainer = PreTrainer(models.edsr(filters=8, num_blocks=1), tmp_path / "run", options)
    history = trainer.train(samples[0], valid, steps=200)
    scores = [entry["psnr"] for entry in history if "psnr" in entry]
    assert scores[1] > scores[0] > 20


@TRAINERS
def test_bfloat16_is_for_the_training_only(build, samples, valid, tmp_path):
    trainer = build(tmp_path / "run", precision="mixed_bfloat16")
    lr, hr = next(iter(samples[0].batches(2, 32)))
    graph = trainer.train_step.get_concrete_function(lr, hr).graph
    computed = {operation.inputs[0].dtype.name for operation in graph.get_operations() if operation.type == "Conv2D"}
    assert "bfloat16" in computed
    history = trainer.train(samples[0], valid, steps=2)
    for model in trainer.models.values():
        assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert {variable.dtype for variable in trainer.generator.trainable_variables} == {"float32"}
    assert trainer.generator(np.zeros((1, 8, 8, 3))).dtype == "float32"
    assert math.isfinite(history[-1]["psnr"])


def test_callers_model_is_left_as_it_came_also_after_an_error(samples, valid, tmp_path):
    class Fail(Callback):
        def on_step_end(self, trainer):
            raise RuntimeError("mine")

    trainer = gan_trainer(tmp_path / "run", precision="mixed_bfloat16", freeze_batch_norm=True)
    models = trainer.models.values()
    before = [(layer.trainable, layer.dtype_policy.name) for model in models for layer in model.layers]
    with pytest.raises(RuntimeError, match="mine"):
        trainer.train(samples[0], valid, steps=2, callbacks=[Fail()])
    assert before == [(layer.trainable, layer.dtype_policy.name) for model in models for layer in model.layers]


def test_what_does_not_fit_is_refused(samples, valid, tmp_path):
    keras.utils.set_random_seed(0)
    x2 = PreTrainer(models.edsr(2, filters=4, num_blocks=1), tmp_path / "x2")
    with pytest.raises(InputError, match="upscales x2, but `train` has x4 pairs"):
        x2.train(*samples, steps=1)
    with pytest.raises(InputError, match="32 px"):
        gan_trainer(tmp_path / "gan", patch_size=96)
    with pytest.raises(InputError, match="loss 'l2'"):
        pre_trainer(tmp_path / "pre", losses={"l2": 1})
    with pytest.raises(InputError, match="loss 'adversarial'"):
        pre_trainer(tmp_path / "pre", losses={"adversarial": 1})
    with pytest.raises(InputError, match="steps must be at least 1"):
        pre_trainer(tmp_path / "pre").train(*samples, steps=0)
    with pytest.raises(InputError, match="not a super-resolution model"):
        PreTrainer(models.discriminator(32, 4), tmp_path / "no")


def test_settings_are_plain_json(samples, valid, tmp_path):
    trainer = gan_trainer(tmp_path / "run")
    trainer.train(samples[0], valid, steps=1)
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["generator"] == trainer.generator.config
    assert settings["losses"] == {"mse": 1.0, "adversarial": 1e-3}
    assert not {"evaluate_every", "checkpoint_every", "patience", "vgg_weights"} & set(settings)


def test_average_follows_the_weights_and_is_what_is_saved(samples, valid, tmp_path):
    trainer = pre_trainer(tmp_path / "run", ema=0.2)
    expected = [np.array(variable) for variable in trainer.generator.variables]

    class Follow(Callback):
        def on_step_end(self, trainer):
            decay = min(0.2, (1 + trainer.step) / (10 + trainer.step))  # the warm-up ends in the second step
            for average, variable in zip(expected, trainer.generator.variables):
                average += (1 - decay) * (np.asarray(variable) - average)

    trainer.train(samples[0], valid, steps=3, callbacks=[Follow()])
    saved = load_model(tmp_path / "run" / "last.weights.h5")
    for average, mine, theirs in zip(expected, trainer.generator.variables, saved.variables):
        np.testing.assert_allclose(mine, average, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(mine, theirs)


def test_average_does_not_touch_the_training(samples, valid, tmp_path):
    plain, averaged = (pre_trainer(tmp_path / str(ema), ema=ema) for ema in (0.0, 0.9))
    losses = [trainer.train(samples[0], valid, steps=6) for trainer in (plain, averaged)]
    assert [entry["loss"] for entry in losses[0]] == [entry["loss"] for entry in losses[1]]
    assert losses[0][-1]["psnr"] != losses[1][-1]["psnr"]
    parts = pre_trainer(tmp_path / "parts", ema=0.9)
    parts.train(samples[0], valid, steps=4)
    parts = pre_trainer(tmp_path / "parts", seed=3, ema=0.9)
    parts.train(samples[0], valid, steps=6)
    assert_same_weights(parts, averaged)


def test_precision_is_found_out_once_and_kept_by_the_run(samples, valid, tmp_path, monkeypatch):
    assert fastest_precision() in {"float32", "mixed_bfloat16"}
    for found in ("mixed_bfloat16", "float32"):
        monkeypatch.setattr(trainer_module, "fastest_precision", lambda found=found: found)
        trainer = pre_trainer(tmp_path / "run")
        trainer.train(samples[0], valid, steps=2)
        assert trainer.precision == trainer.run.settings["precision"] == "mixed_bfloat16"
    assert pre_trainer(tmp_path / "other").precision == "float32"


def test_content_networks_weights_are_a_setting(samples, valid, tmp_path, vgg_weights):
    options = {"losses": {"vgg22": 1, "adversarial": 1e-3}, "vgg_weights": vgg_weights}
    trainer = gan_trainer(tmp_path / "run", **options)
    trainer.train(samples[0], valid, steps=1)
    assert trainer.run.settings["networks"] == {"vgg22": losses.VGG22(vgg_weights).fingerprint}
    assert losses.VGG22(vgg_weights).fingerprint != losses.VGG54(vgg_weights).fingerprint


def test_model_for_several_scales_is_trained_on_all_by_turns(tmp_path):
    parts = [data.samples(num_images=4, scale=scale, cache_dir=tmp_path / "cache") for scale in (2, 3, 4)]
    train, valid = (data.MultiScalePairs(*part) for part in zip(*parts))
    options = TrainOptions(**{**SMALL, "patch_size": 48}, precision="float32")

    def trainer(name, seed=0):
        keras.utils.set_random_seed(seed)
        return PreTrainer(models.mdsr(filters=4, num_blocks=1), tmp_path / name, options)

    sizes = [lr.shape[1] for lr, _ in train.batches(2, 48, stop=12)]
    assert set(sizes) == {24, 16, 12}
    whole = trainer("whole")
    start = whole.generator.get_weights()
    history = whole.train(train, valid.take(1), steps=6)
    assert {"psnr_x2", "psnr_x3", "psnr_x4"} <= set(history[-1])
    assert history[-1]["psnr"] == pytest.approx(np.mean([history[-1][f"psnr_x{scale}"] for scale in (2, 3, 4)]))
    assert all(not np.array_equal(old, new) for old, new in zip(start, whole.generator.get_weights()))
    trainer("parts").train(train, valid.take(1), steps=4)
    parts = trainer("parts", seed=9)
    parts.train(train, valid.take(1), steps=6)
    assert_same_weights(whole, parts)
    assert load_model(tmp_path / "whole" / "best.weights.h5").config["model"] == "mdsr"
    assert len(list((tmp_path / "whole" / "pictures").glob("step-000000006-0-x?.png"))) == 3
    with pytest.raises(InputError, match=r"upscales x2, x3, x4.*has x4 pairs"):
        trainer("other").train(*data.samples(num_images=4, cache_dir=tmp_path / "cache"), steps=1)


def test_model_with_operations_that_are_no_layers_trains(samples, valid, tmp_path):
    model = with_operators(4)
    options = TrainOptions(**SMALL, losses={"l1": 1}, precision="mixed_bfloat16")
    PreTrainer(model, tmp_path, options).train(samples[0], valid, steps=2)
    history = PreTrainer(model, tmp_path, options).train(samples[0], valid, steps=4, extend=True)
    assert [entry["step"] for entry in history] == [1, 2, 3, 4] and math.isfinite(history[-1]["psnr"])
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    other = with_operators(4, activation="tanh")
    with pytest.raises(InputError, match="fingerprint"):
        PreTrainer(other, tmp_path, options).train(samples[0], valid, steps=4)


def test_run_of_a_model_of_ones_own_saves_it_whole(samples, valid, tmp_path):
    model = with_operators(4)
    PreTrainer(model, tmp_path, TrainOptions(**SMALL, precision="mixed_bfloat16")).train(samples[0], valid, steps=2)
    lr = valid[0][0]
    for source in (tmp_path, tmp_path / "best.keras", tmp_path / "last.keras"):
        np.testing.assert_allclose(predict(load_model(source), lr), predict(model, lr), atol=1e-3)


def test_run_goes_on_where_keras_cannot_save_the_model(samples, valid, tmp_path):
    image = keras.Input((None, None, 3))
    model = keras.Model(image, Applied(lambda x: x)(keras.layers.UpSampling2D(4)(keras.layers.Conv2D(3, 1)(image))))
    trainer = PreTrainer(model, tmp_path, TrainOptions(**{**SMALL, "evaluate_every": 1}))
    with pytest.warns(UserWarning, match="cannot be saved as a .keras file") as warned:
        trainer.train(samples[0], valid, steps=2)
    assert sum("cannot be saved" in str(warning.message) for warning in warned) == 1
    assert (tmp_path / "best.weights.h5").is_file()
    assert not list(tmp_path.glob("*.keras"))
