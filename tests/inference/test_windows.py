import keras
import numpy as np
import pytest
from toys import repeating, toy

from srkit import upscale
from srkit.inference import predict
from srkit.inference.receptive_field import receptive_field_px


@pytest.mark.parametrize("sides", [(24, 32), (24, None)])
def test_model_for_one_size_gives_what_it_would_at_any_size(cat, sides):
    free, lr = toy("edsr", scale=2), cat[:70, :61]
    fixed = keras.models.clone_model(free, input_tensors=keras.Input((*sides, 3)))
    fixed.set_weights(free.get_weights())
    assert receptive_field_px(fixed) <= 24 // 3
    np.testing.assert_allclose(predict(fixed, lr), predict(free, lr), atol=1e-3)


@pytest.mark.parametrize("shape", [(16, 16), (7, 40), (1, 1), (45, 16)])
def test_smaller_images_and_larger_ones_pass_through_a_model_for_one_size(cat, shape):
    lr = cat[: shape[0], : shape[1]]
    sr = upscale(lr, repeating(sides=(16, 16)))
    np.testing.assert_array_equal(sr, lr.repeat(4, axis=0).repeat(4, axis=1))
    assert upscale(lr, repeating(sides=(16, 20)), ensemble=True).shape == sr.shape
