"""One contract for all generators, at toy sizes; and what is special about each at its published size."""

import keras
import numpy as np
import pytest
from toys import scales, toy

from srkit import InputError, models
from srkit.image import interpolate
from srkit.models.architectures.edsr import DIV2K_MEAN_RGB
from srkit.models.layers import (
    BatchNormalization,
    BicubicUpsampling,
    BilinearUpsampling,
    Dirac,
    PReLU,
    WeightedAverage,
    WideConv2D,
)
from srkit.models.precision import set_precision
from srkit.models.subpixel import PixelShuffle, PixelUnshuffle, SubPixelConv2D, SubPixelPReLU

TOYS = {
    **{f"{name}-x{scale}": (name, {"scale": scale}) for name in models.MODELS for scale in (3, 4)},
    "srresnet-resize": ("srresnet", {"upsampling": "resize"}),
    "edsr-resize": ("edsr", {"upsampling": "resize"}),
    **{f"edsr-direct-x{scale}": ("edsr", {"scale": scale, "upsampling": "direct"}) for scale in (2, 3, 4)},
    **{f"{name}-y": (name, {"channels": "y"}) for name in ("srcnn", "espcn")},
    "vdsr-y": ("vdsr", {"channels": "y", "num_layers": 2}),
    "edsr-scaled": ("edsr", {"residual_scaling": 0.1}),
    "rrdb-x1": ("rrdb", {"scale": 1}),
    "rrdb-unshuffle-x2": ("rrdb", {"scale": 2, "unshuffle": 2}),
    "rrdb-unshuffle-x1": ("rrdb", {"scale": 1, "unshuffle": 4}),
    "span-plain": ("span", {"expansion": 0, "normalize": False}),
    "compact-relu": ("compact", {"activation": "relu"}),
    "compact-leaky-relu-x1": ("compact", {"scale": 1, "activation": "leaky_relu"}),
}

EDSR_FULL = {"filters": 256, "num_blocks": 32, "residual_scaling": 0.1}
PUBLISHED_COUNTS = [
    (models.srresnet, {}, 1_554_883),
    (models.edsr, {"scale": 2}, 1_369_859),
    (models.edsr, {"scale": 3}, 1_554_499),
    (models.edsr, {"scale": 4}, 1_517_571),
    (models.edsr, {"scale": 2, **EDSR_FULL}, 40_729_603),
    (models.edsr, {"scale": 3, **EDSR_FULL}, 43_680_003),
    (models.edsr, {"scale": 4, **EDSR_FULL}, 43_089_923),
    (models.mdsr, {}, 3_227_203),
    (models.mdsr, {"num_blocks": 80}, 7_953_987),
    (models.rrdb, {}, 16_697_987),
    (models.rrdb, {"scale": 2, "unshuffle": 2}, 16_703_171),
    (models.rrdb, {"num_blocks": 6}, 4_467_779),
    (models.span, {}, 1_840_488),
    (models.span, {"expansion": 0}, 426_288),
    (models.wdsr, {"num_blocks": 32}, 606_992),
    (models.msrresnet, {}, 1_517_571),
    (models.compact, {}, 621_424),
    (models.compact, {"num_convs": 32}, 1_213_296),
    (models.srcnn, {}, 69_251),
    (models.srcnn, {"channels": "y"}, 57_281),
    (models.srcnn, {"kernel_size": 1}, 20_099),
    (models.espcn, {}, 37_200),
    (models.espcn, {"channels": "y"}, 24_752),
    (models.vdsr, {}, 668_227),
    (models.vdsr, {"channels": "y"}, 665_921),
    (models.drcn, {}, 1_784_339),
]


@pytest.fixture(params=TOYS)
def toy_model(request):
    name, arguments = TOYS[request.param]
    keras.utils.set_random_seed(0)
    return toy(name, **arguments), arguments.get("scale", 4)


@pytest.fixture
def lr():
    return np.random.default_rng(0).uniform(0, 255, (2, 7, 9, 3)).astype(np.float32)


@pytest.mark.parametrize("name, scale", [(name, scale) for name in models.MODELS for scale in scales(name)])
def test_output_is_scale_times_as_large_for_odd_sizes(name, scale, lr):
    check_size(toy(name, scale), scale, lr)


@pytest.mark.parametrize("scale", scales("edsr"))
def test_output_of_the_direct_upsampler_is_as_large(scale, lr):
    check_size(toy("edsr", scale, upsampling="direct"), scale, lr)


def check_size(model, scale, lr):
    sr = np.asarray(model(lr))
    assert sr.shape == (2, 7 * scale, 9 * scale, 3)
    assert np.isfinite(sr).all()
    assert model(lr[:, :1, :1]).shape == (2, scale, scale, 3)


def test_gradient_reaches_every_weight(toy_model, lr):
    """After one step: what starts as a mean of equal things (DRCN's) is told apart from then on."""
    import tensorflow as tf

    model, _ = toy_model
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square((model(lr, training=True) - 100.0) / 127.5))
        gradients = tape.gradient(loss, model.trainable_weights)
        for weight, gradient in zip(model.trainable_weights, gradients):
            assert gradient is not None, weight.path
            weight.assign(weight - 0.01 * gradient)
    for weight, gradient in zip(model.trainable_weights, gradients):
        assert np.abs(gradient).max() > 0, weight.path


def test_keras_file_gives_the_same_output(toy_model, lr, tmp_path):
    model, _ = toy_model
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")  # in safe mode
    np.testing.assert_array_equal(loaded(lr), model(lr))


def test_bfloat16_leaves_the_pixels_their_digits(toy_model, lr):
    """In mixed precision the features have few digits; the image is float32, and near the one of float32."""
    model, _ = toy_model
    exact = np.asarray(model(lr))
    set_precision(model, "mixed_bfloat16")
    mixed = np.asarray(model(lr))
    assert mixed.dtype == np.float32
    assert not np.array_equal(mixed, exact)
    assert np.abs(mixed - exact).max() < 0.03 * 255
    as_bfloat16 = np.asarray(keras.ops.cast(keras.ops.cast(mixed, "bfloat16"), "float32"))
    assert (mixed == as_bfloat16).mean() < 0.05


@pytest.mark.parametrize(
    "name, scale", [(name, scale) for name in ("srresnet", "edsr", "espcn", "mdsr") for scale in scales(name)]
)
def test_subpixel_convolutions_start_as_nearest_resize(name, scale):
    """ICNR: without it a new network draws a checkerboard."""
    layers = toy(name, scale).layers
    expand = [layer for layer in layers if "upsample" in layer.name and layer.name.endswith("_conv")]
    assert expand
    for layer in expand:
        step = scale if name == "espcn" or scale == 3 else 2
        kernel = np.asarray(layer.kernel)
        phases = kernel.reshape(*kernel.shape[:3], step**2, -1)
        np.testing.assert_array_equal(phases, np.broadcast_to(phases[:, :, :, :1], phases.shape))


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_direct_upsampler_starts_without_a_checkerboard(scale):
    model = toy("edsr", scale, upsampling="direct")
    phases = np.asarray(model.get_layer("upsample1_conv").kernel).reshape(3, 3, 8, scale**2, 3)
    np.testing.assert_array_equal(phases, np.broadcast_to(phases[:, :, :, :1], phases.shape))


@pytest.mark.parametrize("build, arguments, count", PUBLISHED_COUNTS)
def test_published_parameter_counts(build, arguments, count):
    assert build(**arguments).count_params() == count


@pytest.mark.parametrize("name", models.MODELS)
def test_unknown_arguments_are_refused(name):
    with pytest.raises(InputError, match="5"):
        toy(name, 5)
    with pytest.raises(TypeError):
        models.MODELS[name](num_block=3)


def test_unknown_activation_is_refused():
    with pytest.raises(InputError, match="leaky_relu"):
        models.compact(activation="tanh")


def test_unshuffled_scale_that_cannot_be_reached_is_refused():
    with pytest.raises(InputError, match="scale times unshuffle"):
        models.rrdb(3, unshuffle=4)


@pytest.mark.parametrize("build", [models.srresnet, models.edsr])
def test_unknown_upsampling_is_refused(build):
    with pytest.raises(InputError, match="subpixel"):
        build(upsampling="bilinear")


@pytest.mark.parametrize(
    "name, kernel", [("vdsr", "bicubic"), ("drcn", "bicubic"), ("msrresnet", "bilinear"), ("compact", "nearest")]
)
def test_residual_networks_of_zero_weights_interpolate(name, kernel, cat):
    model = toy(name, 3)
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    assert np.abs(np.asarray(model(cat[None, :20, :30]))[0] - interpolate(cat[:20, :30], 3, kernel)).max() < 0.51


def test_scales_of_mdsr_share_their_weights(lr):
    model = models.mdsr(filters=4, num_blocks=1)
    assert models.scales_of(model) == (2, 3, 4)
    outputs = model(lr)
    parts = {scale: models.at_scale(model, scale) for scale in (2, 3, 4)}
    for scale, part in parts.items():
        assert models.scale_of(part) == scale
        np.testing.assert_array_equal(part(lr), outputs[f"x{scale}"])
        assert models.at_scale(model, scale) is part
    of_parts = {id(variable) for part in parts.values() for variable in part.trainable_variables}
    assert of_parts == {id(variable) for variable in model.trainable_variables}
    shared = set.intersection(*({layer.name for layer in part.layers if layer.weights} for part in parts.values()))
    assert shared == {"head_conv", "block1_conv1", "block1_conv2", "body_conv", "tail_conv"}


def test_scales_that_are_not_there_are_refused():
    model = models.mdsr(filters=4, num_blocks=1)
    with pytest.raises(InputError, match="scales 2, 3, 4; received 8"):
        models.at_scale(model, 8)
    with pytest.raises(InputError, match="one scale only, x3"):
        models.at_scale(models.at_scale(model, 3), 3)
    with pytest.raises(InputError, match="scales 2, 3, 4: choose one"):
        models.scale_of(model)


def test_keras_file_of_mdsr_keeps_all_scales(lr, tmp_path):
    model = models.mdsr(filters=4, num_blocks=1)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for name, sr in model(lr).items():
        np.testing.assert_array_equal(loaded(lr)[name], sr)
    np.testing.assert_array_equal(models.at_scale(loaded, 3)(lr), model(lr)["x3"])


def test_edsr_of_zero_weights_gives_the_mean_colour():
    model = toy("edsr")
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    np.testing.assert_allclose(model(np.zeros((1, 4, 4, 3)))[0, 0, 0], DIV2K_MEAN_RGB, rtol=1e-5)


def test_srresnet_stays_within_the_range_of_pixels(lr):
    model = toy("srresnet")
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


@pytest.mark.parametrize("scale", [2, 4])
def test_pixel_unshuffle_is_the_inverse_of_the_shuffle(scale):
    image = np.random.default_rng(0).normal(size=(1, 2 * scale, 3 * scale, 5)).astype(np.float32)
    unshuffled = PixelUnshuffle(scale)(image)
    assert unshuffled.shape == (1, 2, 3, 5 * scale**2)
    np.testing.assert_array_equal(PixelShuffle(scale)(unshuffled), image)


def test_pixel_unshuffle_mirrors_what_is_missing(cat):
    image = cat[None, :5, :1].astype(np.float32)
    around = PixelShuffle(4)(PixelUnshuffle(4)(image))
    np.testing.assert_array_equal(around, np.pad(image, [(0, 0), (0, 3), (0, 3), (0, 0)], mode="reflect"))


def test_wide_convolution_is_its_four_convolutions():
    """Computed one after the other, on an image with a border of zeros."""
    features = np.random.default_rng(0).normal(size=(1, 5, 6, 4)).astype(np.float32)
    layer = WideConv2D(7, expansion=2)
    layer.build(features.shape)
    layer.set_weights([np.random.default_rng(1).normal(size=weight.shape) for weight in layer.weights])
    expand, expand_bias, middle, middle_bias, project, project_bias, skip, skip_bias = layer.weights
    x = np.pad(features, [(0, 0), (1, 1), (1, 1), (0, 0)])
    for kernel, bias in ((expand, expand_bias), (middle, middle_bias), (project, project_bias)):
        x = keras.ops.conv(x, kernel, padding="valid") + bias
    expected = x + keras.ops.conv(features, skip) + skip_bias
    np.testing.assert_allclose(layer(features), expected, rtol=1e-4, atol=1e-4)


def test_merged_span_is_the_same_function(lr):
    model = toy("span")
    for weight in model.weights:
        weight.assign(weight + 0.1 * np.random.default_rng(0).normal(size=weight.shape))
    plain = models.merged(model)
    assert plain.config == {**model.config, "expansion": 0} and plain.count_params() < model.count_params()
    np.testing.assert_allclose(plain(lr), model(lr), rtol=1e-5, atol=255 * 1e-4)
    with pytest.raises(InputError, match="only models that span built"):
        models.merged(toy("edsr"))


def test_subpixel_prelu_is_shuffle_then_prelu():
    features = np.random.default_rng(0).normal(size=(1, 5, 6, 16)).astype(np.float32)
    layer = SubPixelPReLU(2, alpha_initializer="uniform")
    result = PixelShuffle(2)(layer(features))
    shuffled = PixelShuffle(2)(features)
    plain = keras.layers.PReLU(shared_axes=[1, 2])
    plain.build(shuffled.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(result, plain(shuffled), atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("shape", [(40, 31), (1, 1), (1, 7), (2, 3), (3, 1)])
@pytest.mark.parametrize("layer, kernel", [(BicubicUpsampling, "bicubic"), (BilinearUpsampling, "bilinear")])
def test_interpolating_layer_is_interpolate_before_rounding(scale, shape, layer, kernel, cat):
    lr = cat[: shape[0], : shape[1]]
    sr = np.asarray(layer(scale, dtype="mixed_bfloat16")(lr[None]))[0]
    assert np.abs(np.clip(sr, 0, 255) - interpolate(lr, scale, kernel)).max() <= 0.5 + 1e-3


def test_weighted_average_by_hand():
    layer = WeightedAverage()
    inputs = [np.full((1, 2, 2, 3), value, np.float32) for value in (1, 3)]
    np.testing.assert_allclose(layer(inputs), 2)
    layer.logits.assign([0, np.log(3)])
    np.testing.assert_allclose(layer(inputs), 2.5, rtol=1e-6)


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_dirac_convolution_is_the_identity(kernel_size, cat):
    layer = keras.layers.Conv2D(3, kernel_size, padding="same", kernel_initializer=Dirac())
    np.testing.assert_array_equal(layer(cat[None].astype(np.float32))[0], cat)


def test_discriminator_judges_crops_of_its_size():
    model = models.discriminator(patch_size=32, filters=4)
    assert model(np.zeros((2, 32, 32, 3))).shape == (2, 1)
    assert "sigmoid" not in str(model.get_config())
    with pytest.raises(InputError, match="16"):
        models.discriminator(patch_size=100)


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
