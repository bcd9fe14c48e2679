"""What a predictor does with models of all kinds, and that it leaves them as they came."""

import gc
import threading
import weakref

import keras
import numpy as np
import pytest
from toys import Applied, toy, with_operators

from srkit import load_model, models, upscale
from srkit.inference import predict, predictor_of, receptive_field_px
from srkit.models import computing_in
from srkit.models.precision import set_precision


def applied_whole(model: keras.Model, lr: np.ndarray) -> np.ndarray:
    return np.asarray(model(lr[None].astype(np.float32)))[0]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_operations_that_are_no_layers_work_everywhere(cat, tmp_path, precision):
    model, lr = with_operators(), cat[:60, :70]
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    whole = applied_whole(model, lr)
    tolerance = {"float32": 1e-3, "mixed_bfloat16": 5}[precision]
    np.testing.assert_allclose(predict(loaded, lr, precision=precision), whole, atol=tolerance)
    assert upscale(lr, loaded, precision="auto").shape == (120, 140, 3)
    assert receptive_field_px(model) == 2


def test_operations_that_are_no_layers_are_cut_into_exact_tiles(cat, monkeypatch):
    monkeypatch.setattr("srkit.inference.upscaling._SMALL_PX", 0)
    monkeypatch.setattr("srkit.inference.tiles._grid", lambda *_: (3, 4))
    model, lr = with_operators(), cat[:60, :70]
    np.testing.assert_allclose(predict(model, lr), applied_whole(model, lr), atol=1e-3)


def test_the_model_is_left_as_it_came(cat):
    model = toy("srresnet")
    set_precision(model, "mixed_bfloat16")
    weights, policies = model.get_weights(), [layer.dtype_policy.name for layer in model.layers]
    calls = [len(layer._inbound_nodes) for layer in model.layers]
    for precision in ("float32", "mixed_bfloat16"):
        predict(model, cat[:9, :9], precision=precision)
    assert [layer.dtype_policy.name for layer in model.layers] == policies
    assert [len(layer._inbound_nodes) for layer in model.layers] == calls
    for a, b in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_are_those_of_the_moment_in_every_precision(cat):
    """Layers of another precision than the model's have weights of their own, which are not used."""
    model, other, lr = toy("edsr"), toy("edsr"), cat[:20, :20]
    predict(model, lr, precision="mixed_bfloat16")
    model.set_weights(other.get_weights())
    for precision in ("float32", "mixed_bfloat16"):
        np.testing.assert_array_equal(predict(model, lr, precision=precision), predict(other, lr, precision=precision))


def test_precision_asked_for_is_meant_while_a_model_trains_in_another(cat):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, padding="same")(image)
    untraceable = keras.layers.UpSampling2D(2, interpolation="bilinear")(x)
    model = keras.Model(image, keras.layers.Conv2D(3, 3, padding="same")(untraceable))
    exact = predict(model, cat[:20, :20])
    with computing_in(model, "mixed_bfloat16"):
        np.testing.assert_array_equal(predict(model, cat[:20, :20]), exact)


def test_normalization_keeps_what_it_was_adapted_to(cat):
    normalize = keras.layers.Normalization()
    normalize.adapt(cat[None].astype(np.float32))
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(normalize(image))
    model = keras.Model(image, keras.layers.UpSampling2D(2)(keras.layers.Conv2D(3, 3, padding="same")(x)))
    exact = applied_whole(model, cat[:20, :20])
    set_precision(model, "mixed_bfloat16")
    np.testing.assert_allclose(predict(model, cat[:20, :20]), exact, atol=1e-4)


def test_layer_of_a_users_own_that_cannot_be_copied_computes_as_it_is(cat):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(image)
    model = keras.Model(image, keras.layers.UpSampling2D(2)(keras.layers.Conv2D(3, 3, padding="same")(Applied(abs)(x))))
    np.testing.assert_allclose(
        predict(model, cat[:20, :20], precision="mixed_bfloat16"), applied_whole(model, cat[:20, :20]), atol=10
    )


def test_model_is_freed_with_its_predictors(cat):
    model = toy("edsr")
    predict(model, cat[:9, :9], precision="mixed_bfloat16")
    freed = weakref.ref(model)
    del model
    gc.collect()
    assert freed() is None


def test_threads_upscale_at_once(cat):
    """Two models, each in both precisions, in four threads that start together, as alone."""
    lr = cat[:70, :80]
    keras.utils.set_random_seed(0)
    jobs = [(name, precision) for name in ("edsr", "srresnet") for precision in ("float32", "mixed_bfloat16")]
    networks = {name: toy(name) for name in ("edsr", "srresnet")}
    together, barrier = {}, threading.Barrier(len(jobs))

    def work(name: str, precision: str) -> None:
        barrier.wait()
        for _ in range(3):
            result = upscale(lr, networks[name], precision=precision)
            together.setdefault((name, precision), []).append(result)

    threads = [threading.Thread(target=work, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, precision in jobs:
        alone = keras.models.clone_model(networks[name])
        alone.set_weights(networks[name].get_weights())
        expected = upscale(lr, alone, precision=precision)
        assert len(together[name, precision]) == 3
        for result in together[name, precision]:
            np.testing.assert_array_equal(result, expected)
    assert predictor_of(networks["edsr"], "float32") is predictor_of(networks["edsr"], "float32")


def test_memory_that_other_threads_use_is_not_given_away():
    from srkit.inference.memory import _Allocator

    allocator = _Allocator()
    with allocator.taking(100):
        with allocator.taking(50):
            assert allocator.free() == 0
        assert allocator.free() == 50
    assert allocator.free() == 150


@pytest.mark.parametrize("name", models.MODELS)
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_grey_stays_grey(cat, name, precision):
    grey = np.repeat(cat[:40, :50, :1], 3, axis=2)
    model = toy(name)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.05 * np.random.default_rng(0).normal(size=weight.shape))
    assert np.ptp(applied_whole(model, grey), axis=2).max() > 1  # the model alone does not keep it
    for sr in (upscale(grey, model, precision=precision), predict(model, grey, precision=precision)):
        assert not np.ptp(sr, axis=2).any()
    luma = applied_whole(model, grey) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(predict(model, grey)[..., 0], luma, atol=1e-2)
    almost = grey.copy()
    almost[5, 5, 0] ^= 1
    assert np.ptp(upscale(almost, model), axis=2).any()
