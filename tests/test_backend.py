import keras
import numpy as np
import pytest

from srkit import InputError, PreTrainer, cli, models, upscale
from srkit.losses import WeightedLosses


@pytest.fixture(params=[("image_data_format", "channels_first"), ("floatx", "float16"), ("floatx", "float64")])
def setting(request):
    """A setting of Keras that does not suit, while the test lasts."""
    name, value = request.param
    before = getattr(keras.config, name)()
    getattr(keras.config, f"set_{name}")(value)
    yield name
    getattr(keras.config, f"set_{name}")(before)


def test_settings_that_do_not_suit_are_told_before_anything_is_built(setting, tmp_path):
    for attempt in (
        lambda: models.edsr(2, filters=4, num_blocks=1),
        lambda: models.discriminator(32),
        lambda: WeightedLosses({"l1": 1}),
        lambda: upscale(np.zeros((8, 8, 3), np.uint8)),
    ):
        with pytest.raises(InputError, match=rf'"{setting}" to be .* Change it in ~/\.keras/keras\.json'):
            attempt()


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_training_and_upscaling_say_that_they_need_tensorflow(backend, monkeypatch, tmp_path, capsys):
    model = models.edsr(2, filters=4, num_blocks=1)
    monkeypatch.setenv("KERAS_BACKEND", backend)
    for attempt in (lambda: upscale(np.zeros((8, 8, 3), np.uint8), model), lambda: PreTrainer(model, tmp_path)):
        with pytest.raises(InputError, match=f"need Keras' backend to be tensorflow; received {backend}"):
            attempt()
    for words in (
        ["upscale", "a.png"],
        ["benchmark", "--data", "a"],
        ["train", "pre", "--steps=1", "--data=a", "--run=b"],
    ):
        assert cli.main(words) == 1
        error = capsys.readouterr().err
        assert "need Keras' backend to be tensorflow" in error and len(error.splitlines()) == 1
