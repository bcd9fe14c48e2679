"""One contract for all generators, at toy sizes; and what is special about each at its published size."""

import keras
import numpy as np
import pytest

from srkit import InputError, models
from srkit.layers import BatchNormalization, PixelShuffle, PReLU, SubPixelConv2D, SubPixelPReLU
from srkit.models.edsr import DIV2K_MEAN_RGB

TOY = {"filters": 8, "num_blocks": 2}
TOYS = {
    **{
        f"{name}-x{scale}": (build, {**TOY, "scale": scale})
        for name, build in models.MODELS.items()
        for scale in (2, 3, 4, 8)
    },
    "srresnet-resize": (models.srresnet, {**TOY, "upsampling": "resize"}),
    "edsr-resize": (models.edsr, {**TOY, "upsampling": "resize"}),
    "edsr-scaled": (models.edsr, {**TOY, "residual_scaling": 0.1}),
}

PUBLISHED_COUNTS = [
    (models.srresnet, {}, 1_554_883),
    (models.edsr, {"scale": 2}, 1_369_859),
    (models.edsr, {"scale": 3}, 1_554_499),
    (models.edsr, {"scale": 4}, 1_517_571),
    (models.edsr, {"filters": 256, "num_blocks": 32, "residual_scaling": 0.1}, 43_089_923),
]


@pytest.fixture(params=TOYS)
def toy(request):
    build, arguments = TOYS[request.param]
    keras.utils.set_random_seed(0)
    return build(**arguments), arguments.get("scale", 4)


@pytest.fixture
def lr():
    return np.random.default_rng(0).uniform(0, 255, (2, 7, 9, 3)).astype(np.float32)


def test_output_is_scale_times_as_large_for_odd_sizes(toy, lr):
    model, scale = toy
    sr = np.asarray(model(lr))
    assert sr.shape == (2, 7 * scale, 9 * scale, 3)
    assert np.isfinite(sr).all()
    assert model(lr[:, :1, :1]).shape == (2, scale, scale, 3)


def test_gradient_reaches_every_weight(toy, lr):
    import tensorflow as tf

    model, _ = toy
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(lr, training=True) - 100.0))
    for weight, gradient in zip(model.trainable_weights, tape.gradient(loss, model.trainable_weights)):
        assert gradient is not None and np.abs(gradient).max() > 0, weight.path


def test_keras_file_gives_the_same_output(toy, lr, tmp_path):
    model, _ = toy
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")  # in safe mode
    np.testing.assert_array_equal(loaded(lr), model(lr))


def test_subpixel_convolutions_start_as_nearest_resize(toy, request):
    """ICNR: without it a new network draws a checkerboard."""
    model, scale = toy
    expand = [layer for layer in model.layers if layer.name.startswith("upsample") and layer.name.endswith("_conv")]
    assert expand
    for layer in expand if "resize" not in request.node.name else ():
        step = 3 if scale == 3 else 2
        phases = np.asarray(layer.kernel).reshape(3, 3, 8, step**2, 8)
        np.testing.assert_array_equal(phases, np.broadcast_to(phases[:, :, :, :1], phases.shape))


@pytest.mark.parametrize("build, arguments, count", PUBLISHED_COUNTS)
def test_published_parameter_counts(build, arguments, count):
    assert build(**arguments).count_params() == count


@pytest.mark.parametrize("build", models.MODELS.values())
def test_unknown_arguments_are_refused(build):
    with pytest.raises(InputError, match="scale 5"):
        build(scale=5)
    with pytest.raises(InputError, match="subpixel"):
        build(upsampling="bilinear")
    with pytest.raises(TypeError):
        build(num_block=3)


def test_edsr_of_zero_weights_gives_the_mean_colour():
    model = models.edsr(**TOY)
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    np.testing.assert_allclose(model(np.zeros((1, 4, 4, 3)))[0, 0, 0], DIV2K_MEAN_RGB, rtol=1e-5)


def test_srresnet_stays_within_the_range_of_pixels(lr):
    model = models.srresnet(**TOY)
    sr = np.asarray(model(lr * 50))
    assert sr.min() >= 0 and sr.max() <= 255


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kernel_size", [3, 5, 9])
def test_subpixel_convolution_is_shuffle_then_convolution(scale, kernel_size):
    features = np.random.default_rng(0).normal(size=(1, 5, 6, 4 * scale**2)).astype(np.float32)
    layer = SubPixelConv2D(3, kernel_size, scale)
    result = layer(features)
    plain = keras.layers.Conv2D(3, kernel_size, padding="same")
    shuffled = PixelShuffle(scale)(features)
    plain.build(shuffled.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(result, plain(shuffled), atol=1e-5)


def test_subpixel_prelu_is_shuffle_then_prelu():
    features = np.random.default_rng(0).normal(size=(1, 5, 6, 16)).astype(np.float32)
    layer = SubPixelPReLU(2, alpha_initializer="uniform")
    result = PixelShuffle(2)(layer(features))
    shuffled = PixelShuffle(2)(features)
    plain = keras.layers.PReLU(shared_axes=[1, 2])
    plain.build(shuffled.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(result, plain(shuffled), atol=1e-6)


def test_discriminator_judges_crops_of_its_size():
    model = models.discriminator(hr_size=32, filters=4)
    assert model(np.zeros((2, 32, 32, 3))).shape == (2, 1)
    assert "sigmoid" not in str(model.get_config())
    with pytest.raises(InputError, match="16"):
        models.discriminator(hr_size=100)


def run_twice(layer, inputs):
    """Output, gradients (of a sum of squares) and weights after two training calls."""
    import tensorflow as tf

    inputs = tf.constant(inputs)
    options = {"training": True} if isinstance(layer, keras.layers.BatchNormalization) else {}
    for _ in range(2):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, **options)
            loss = tf.reduce_sum(outputs**2 * (1 + tf.cos(inputs)))
    gradients = tape.gradient(loss, [inputs, *layer.trainable_weights])
    return [outputs, *gradients, *layer.non_trainable_weights]


@pytest.mark.parametrize(
    "ours, keras_own",
    [
        (BatchNormalization(momentum=0.8), keras.layers.BatchNormalization(momentum=0.8)),
        (PReLU(alpha_initializer="uniform"), keras.layers.PReLU(alpha_initializer="uniform", shared_axes=[1, 2])),
    ],
)
def test_faster_layers_are_the_same_functions_as_those_of_keras(ours, keras_own):
    inputs = np.random.default_rng(0).normal(2, 3, (2, 5, 7, 4)).astype("float32")
    for layer in (ours, keras_own):
        layer.build(inputs.shape)
    ours.set_weights([weight + 0.25 for weight in ours.get_weights()])
    keras_own.set_weights(ours.get_weights())
    for mine, expected in zip(run_twice(ours, inputs), run_twice(keras_own, inputs)):
        np.testing.assert_allclose(mine, expected, rtol=2e-4, atol=2e-4)


def test_float32_tail_behind_bfloat16_layers_is_exact_and_its_gradients_nearly():
    import tensorflow as tf

    inputs = tf.cast(np.random.default_rng(0).normal(size=(2, 6, 6, 16)), tf.bfloat16)
    layer = SubPixelConv2D(3, 5, 2, dtype="float32")
    results = []
    for x in (inputs, tf.cast(inputs, tf.float32)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
            loss = tf.reduce_mean(outputs**2)
        results.append([outputs, *tape.gradient(loss, [x, layer.kernel.value])])
    np.testing.assert_array_equal(results[0][0], results[1][0])
    for mine, expected in zip(results[0][1:], results[1][1:]):
        np.testing.assert_allclose(tf.cast(mine, tf.float32), expected, atol=0.02 * np.abs(expected).max())
