import keras
import numpy as np
import pytest
from toys import toy, with_operators

from srkit import models
from srkit.models import computing_in
from srkit.models.precision import set_precision

LR = np.random.default_rng(0).uniform(0, 255, (1, 8, 9, 3)).astype("float32")


def policies(model) -> list[str]:
    return [layer.dtype_policy.name for layer in model.layers]


@pytest.mark.parametrize("build", [lambda: toy("srresnet"), lambda: models.mdsr(4, 1), with_operators])
def test_model_computes_in_a_precision_for_a_block_only(build):
    model = build()
    set_precision(model, "float32")
    model.layers[-1].dtype_policy = "mixed_bfloat16"  # something of the caller's own
    before, exact = policies(model), keras.tree.flatten(model(LR))[0]
    with pytest.raises(ZeroDivisionError), computing_in(model, "mixed_bfloat16"):
        assert "mixed_bfloat16" in policies(model)[:-1] and policies(model)[-1] == "float32"
        assert not np.array_equal(keras.tree.flatten(model(LR))[0], exact)
        1 / 0  # noqa: B018
    assert policies(model) == before
    np.testing.assert_array_equal(keras.tree.flatten(model(LR))[0], exact)


def test_last_layers_of_a_model_stay_float32():
    model = toy("edsr")
    set_precision(model, "mixed_bfloat16")
    exact = {layer.name for layer in model.layers if layer.dtype_policy.name == "float32"}
    assert exact == {"sr", "tail_conv"}


def test_model_that_is_program_code_is_left_as_it_is():
    class Doubled(keras.Model):
        def __init__(self):
            super().__init__()
            self.upsample = keras.layers.UpSampling2D(2)

        def call(self, inputs):
            return self.upsample(inputs)

    model = Doubled()
    with computing_in(model, "mixed_bfloat16"):
        assert model(LR).dtype == "float32"
