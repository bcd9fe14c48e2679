import numpy as np
import pytest
from toys import toy, with_operators

from srkit import InputError, load_model, models, save_weights
from srkit.models import mix

LR = np.random.default_rng(0).uniform(0, 255, (1, 8, 9, 3)).astype("float32")
BUILDERS = [lambda: toy("srresnet"), lambda: models.at_scale(models.mdsr(4, 1), 3), with_operators]


@pytest.mark.parametrize("build", BUILDERS)
def test_ends_of_a_mixture_are_the_two_models(build):
    a, b = build(), build()
    for strength, end in ((0, a), (1, b)):
        np.testing.assert_array_equal(mix(a, b, strength)(LR), end(LR))
    mixed = mix(a, b, 0.25)
    for between, first, second in zip(mixed.get_weights(), a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(between, 0.75 * first + 0.25 * second, rtol=1e-5, atol=1e-7)


def test_mixture_is_a_model_of_its_own(tmp_path):
    a, b = toy("srresnet"), toy("srresnet")
    before = a.get_weights()
    mixed = mix(a, b, 0.5)
    mixed.get_layer("tail_conv").bias.assign([1, 2, 3])
    for weight, old in zip(a.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    save_weights(mixed, tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(load_model(tmp_path / "m.weights.h5")(LR), mixed(LR))


def test_model_without_a_config_mixes_with_one_of_its_architecture(tmp_path):
    a = toy("edsr")
    a.save(tmp_path / "a.keras")
    np.testing.assert_allclose(mix(load_model(tmp_path / "a.keras"), a, 0.5)(LR), a(LR), atol=1e-3)


@pytest.mark.parametrize("other", [("edsr", 2), ("edsr", 4, {"filters": 4}), ("espcn", 4)])
def test_models_of_two_architectures_are_refused(other):
    name, scale, *arguments = other
    with pytest.raises(InputError, match="architectures differ"):
        mix(toy("edsr"), toy(name, scale, **(arguments[0] if arguments else {})), 0.5)


@pytest.mark.parametrize("strength", [-0.1, 1.5])
def test_strength_out_of_range_is_refused(strength):
    with pytest.raises(InputError, match="from 0 to 1"):
        mix(toy("edsr"), toy("edsr"), strength)
