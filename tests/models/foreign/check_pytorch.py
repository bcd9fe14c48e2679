"""PyTorch's own files, and its own layers against those by which the layouts are tested.

A program of its own: PyTorch and TensorFlow, both with support for cards, crash in one process.
"""

import functools
import sys
from pathlib import Path

import numpy as np
import torch
from pytorch_like import Weights, bilinear, leaky_relu, nearest, pixel_shuffle, pixel_unshuffle

from srkit import InputError
from srkit.models.foreign.checkpoint import read_checkpoint

functional = torch.nn.functional


def files_are_read(zip_form, dtype, path):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.PReLU())
    optimizer = torch.optim.Adam(network.parameters())
    state = network.to(getattr(torch, dtype)).state_dict()
    state["view"] = state["0.weight"].permute(1, 0, 3, 2)
    state["parameter"] = torch.nn.Parameter(torch.ones(2))
    content = {"epoch": 1, "params": state, "optimizer": optimizer.state_dict(), "milestones": [1, (2.5, None)]}
    torch.save(content, path, _use_new_zipfile_serialization=zip_form)
    tensors = read_checkpoint(path).tensors
    assert tensors.keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(tensors[name], value.detach().float().numpy())


def whole_models_are_refused(zip_form, path):
    torch.save({"model": torch.nn.ReLU()}, path, _use_new_zipfile_serialization=zip_form)
    try:
        read_checkpoint(path)
    except InputError as error:
        assert "'torch.nn.modules.activation.ReLU'" in str(error)
    else:
        raise AssertionError("it was opened")


def layers_are_those_of_the_tests():
    weights, image = Weights(), np.random.default_rng(0).normal(size=(18, 6, 12))
    weights.conv("conv", 18, 5)
    weights.batch_norm("bn", 18)
    weights.slopes("prelu", 18)
    tensors = {name: torch.from_numpy(value).double() for name, value in weights.items()}
    x = torch.from_numpy(image)[None]
    norm = [tensors[f"bn.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
    conv = tensors["conv.weight"], tensors["conv.bias"]
    linear = functools.partial(functional.interpolate, x, mode="bilinear", align_corners=False)
    for ours, theirs in (
        (weights.apply_conv("conv", image), functional.conv2d(x, *conv, padding=1)),
        (weights.apply_batch_norm("bn", image), functional.batch_norm(x, *norm)),
        (weights.apply_prelu("prelu", image), functional.prelu(x, tensors["prelu.weight"])),
        (leaky_relu(image, 0.1), functional.leaky_relu(x, 0.1)),
        (pixel_shuffle(image, 3), functional.pixel_shuffle(x, 3)),
        (pixel_unshuffle(image, 2), functional.pixel_unshuffle(x, 2)),
        (nearest(image, 2), functional.interpolate(x, scale_factor=2, mode="nearest")),
        *((bilinear(image, scale), linear(scale_factor=scale)) for scale in (2, 3, 4)),
    ):
        np.testing.assert_allclose(ours, theirs[0].numpy(), atol=1e-10)


if __name__ == "__main__":
    for zip_form in (True, False):
        for dtype in ("float32", "float16", "bfloat16", "float64"):
            files_are_read(zip_form, dtype, Path(sys.argv[1]) / "a.pth")
        whole_models_are_refused(zip_form, Path(sys.argv[1]) / "b.pth")
    layers_are_those_of_the_tests()
