import subprocess
import sys

import keras
import pytest
from toys import Applied, toy, with_operators

from srkit import InputError, models
from srkit.models import build_from_config, fingerprint
from srkit.models.config import architecture
from srkit.models.precision import set_precision


def own_model(activation="relu", divisor=255.0, **options) -> keras.Model:
    """Its layers have names that Keras makes up."""
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation=activation, **options)(image / divisor)
    inner = keras.Sequential([keras.Input((None, None, 4)), keras.layers.Conv2D(3, 3, padding="same")])
    return keras.Model(image, keras.layers.UpSampling2D(2)(inner(x)))


def test_names_precision_and_start_do_not_count():
    others = own_model(name="mine"), own_model(), own_model(kernel_initializer="zeros")
    set_precision(others[1], "mixed_bfloat16")
    assert {fingerprint(model) for model in others} == {fingerprint(own_model())}


def test_what_a_model_computes_counts():
    others = own_model("tanh"), own_model(divisor=127.5), own_model(dilation_rate=2), with_operators()
    assert len({fingerprint(model) for model in (own_model(), *others)}) == 5


def test_fingerprint_is_the_same_in_another_process():
    code = "import toys; from srkit.models import fingerprint; print(fingerprint(toys.with_operators()))"
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"], capture_output=True, text=True
    )
    assert result.stdout.split()[-1] == fingerprint(with_operators())


def test_built_again_from_its_config():
    for model in (toy("drcn", 3), models.at_scale(models.mdsr(4, 1), 3), models.discriminator(32, 4)):
        again = build_from_config(model.config)
        assert fingerprint(again) == fingerprint(model) and architecture(again) == architecture(model)
    assert fingerprint(toy("edsr", 2)) != fingerprint(toy("edsr", 3))
    with pytest.raises(InputError, match="does not have"):
        build_from_config({"model": "edsr2"})


def test_layer_that_keras_cannot_save_has_a_fingerprint():
    image = keras.Input((None, None, 3))
    assert fingerprint(keras.Model(image, Applied(abs)(image)))
