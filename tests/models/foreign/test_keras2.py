"""Weights-only files of Keras 2 in the layout of krasserm/super-resolution, against its networks in NumPy."""

import h5py
import numpy as np
import pytest
from foreign_networks import FILTERS, MEAN, STEPS
from pytorch_like import Weights, relu

from srkit import InputError, load_model, models


def write(path, layers: dict[str, list[tuple[str, np.ndarray]]]):
    """Writes layers with their named weights, and layers without weights between them."""
    with h5py.File(path, "w") as file:
        names = [name for layer in layers for name in (layer, f"lambda_{layer}")]
        file.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group = file.create_group(name)
            weights = layers.get(name, [])
            group.attrs["weight_names"] = [f"{name}/{kind}:0".encode() for kind, _ in weights]
            for kind, value in weights:
                group[f"{name}/{kind}:0"] = value
    return path


def conv_of(weights: Weights, name: str) -> list[tuple[str, np.ndarray]]:
    return [("kernel", weights[f"{name}.weight"].transpose(2, 3, 1, 0)), ("bias", weights[f"{name}.bias"])]


def depth_to_space(image: np.ndarray, scale: int) -> np.ndarray:
    """TensorFlow's pixel shuffle: channel `(dy * scale + dx) * channels + c`."""
    channels, height, width = image.shape
    split = image.reshape(scale, scale, channels // scale**2, height, width)
    return split.transpose(2, 3, 0, 4, 1).reshape(-1, height * scale, width * scale)


def edsr(scale):
    weights, names = Weights(), ["head", "a", "b", "c", "d", "body", *[f"up{n}" for n, _ in enumerate(STEPS[scale])]]
    for name in (*names[:6],):
        weights.conv(name, 3 if name == "head" else FILTERS, FILTERS)
    for number, step in enumerate(STEPS[scale]):
        weights.conv(f"up{number}", FILTERS, FILTERS * step**2)
    weights.conv("tail", FILTERS, 3)

    def run(image):
        conv = weights.apply_conv
        x = head = conv("head", (image - MEAN) / 127.5)
        x = x + conv("b", relu(conv("a", x)))
        x = x + conv("d", relu(conv("c", x)))
        x = head + conv("body", x)
        for number, step in enumerate(STEPS[scale]):
            x = depth_to_space(conv(f"up{number}", x), step)
        return conv("tail", x) * 127.5 + MEAN

    return {name: conv_of(weights, name) for name in (*names, "tail")}, run


def wdsr(scale, block):
    weights, random = Weights(), np.random.default_rng(2)
    narrow = int(FILTERS * 0.8)
    convs = {
        "a": [("first", FILTERS, 4 * FILTERS, 3), ("last", 4 * FILTERS, FILTERS, 3)],
        "b": [("first", FILTERS, 6 * FILTERS, 1), ("mid", 6 * FILTERS, narrow, 1), ("last", narrow, FILTERS, 3)],
    }[block]
    weights.conv("head", 3, FILTERS)
    for number in (0, 1):
        for name, inputs, filters, size in convs:
            weights.conv(f"{name}{number}", inputs, filters, size)
    weights.conv("skip", 3, 3 * scale**2, 5)
    weights.conv("main", FILTERS, 3 * scale**2)
    layers = {}
    for name in [key.removesuffix(".weight") for key in weights if key.endswith(".weight")]:
        (_, kernel), bias = conv_of(weights, name)
        norm = np.sqrt(np.square(kernel).sum(axis=(0, 1, 2)))
        direction = kernel * random.uniform(0.5, 2, norm.shape)  # what weight normalisation divides by again
        layers[name] = [("g", norm), ("conv2d/kernel", direction), ("conv2d/bias", bias[1]), ("initialized", True)]

    def run(image):
        conv = weights.apply_conv
        image = (image - MEAN) / 127.5
        x = conv("head", image)
        for number in (0, 1):
            inside = relu(conv(f"first{number}", x))
            for name, *_ in convs[1:]:
                inside = conv(f"{name}{number}", inside)
            x = x + inside
        x = depth_to_space(conv("main", x), scale) + depth_to_space(conv("skip", image), scale)
        return x * 127.5 + MEAN

    return layers, run


@pytest.mark.filterwarnings("ignore:weights.h5")
@pytest.mark.parametrize(
    ("network", "scale"),
    [(edsr, 2), (edsr, 3), (edsr, 4), (lambda scale: wdsr(scale, "a"), 2), (lambda scale: wdsr(scale, "b"), 4)],
    ids=["edsr-x2", "edsr-x3", "edsr-x4", "wdsr-a-x2", "wdsr-b-x4"],
)
def test_the_model_computes_what_its_own_project_computes(network, scale, tmp_path):
    layers, run = network(scale)
    model = load_model(write(tmp_path / "weights.h5", layers))
    assert models.scale_of(model) == scale
    lr = np.random.default_rng(1).uniform(0, 255, (3, 8, 12))
    sr = np.asarray(model(lr.transpose(1, 2, 0)[None].astype(np.float32)))[0].transpose(2, 0, 1)
    assert np.abs(sr - run(lr)).max() < 1e-4 * 255


def test_generators_of_other_sizes_are_recognised(tmp_path):
    original = models.srresnet(scale=2, filters=4, num_blocks=3)
    layers = {
        layer.name: [(weight.name, np.asarray(weight)) for weight in layer.weights]
        for layer in original.layers
        if layer.weights
    }
    model = load_model(write(tmp_path / "weights.h5", layers))
    assert model.config == original.config
    for a, b in zip(model.get_weights(), original.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_that_are_not_in_the_file_are_refused(tmp_path):
    """HDF5 gives zeros for what was never written: a file of a kilobyte can say that it holds gigabytes."""
    path = write(tmp_path / "weights.h5", edsr(2)[0])
    with h5py.File(path, "a") as file:
        del file["head/head/kernel:0"]
        file["head"].create_dataset("head/kernel:0", (3, 3, 3, 10**9), "f4")
    with pytest.raises(InputError, match="larger than what is stored"):
        load_model(path)
