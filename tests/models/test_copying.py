import numpy as np
import pytest
from toys import toy

from srkit import InputError, save_weights
from srkit.models import start_from


def kernels(model) -> dict[str, np.ndarray]:
    return {layer.name: np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")}


@pytest.mark.parametrize("scale, upsampler", [(3, ["upsample1_conv"]), (4, ["upsample1_conv", "upsample2_conv"])])
def test_larger_scales_start_from_x2(scale, upsampler, tmp_path):
    source, model = toy("edsr", 2), toy("edsr", scale)
    save_weights(source, tmp_path / "x2.weights.h5")
    before = kernels(model)
    start = start_from(model, tmp_path / "x2.weights.h5")
    assert start.new == upsampler
    assert sorted(start.copied + start.new) == sorted(before)
    for name, kernel in kernels(model).items():
        np.testing.assert_array_equal(kernel, before[name] if name in upsampler else kernels(source)[name])


def test_start_at_the_same_scale_copies_the_upsampler():
    source, model = toy("srresnet"), toy("srresnet", num_blocks=2)
    start = start_from(model, source)
    assert {name.split("_")[0] for name in start.new} == {"block2"}
    np.testing.assert_array_equal(kernels(model)["upsample2_conv"], kernels(source)["upsample2_conv"])


def test_start_that_fits_nowhere_is_refused():
    model = toy("edsr", 3)
    before = model.get_weights()
    with pytest.raises(InputError, match="edsr cannot start from espcn"):
        start_from(model, toy("espcn", 3))
    with pytest.raises(InputError, match="edsr cannot start from edsr"):
        start_from(model, toy("edsr", 2, filters=4))
    with pytest.raises(InputError, match="There is no model"):
        start_from(model, "nowhere.h5")
    for a, b in zip(model.get_weights(), before):
        np.testing.assert_array_equal(a, b)
