"""Network interpolation (Wang et al. 2018, section 3.4): a model between two, weight by weight."""

import keras
import numpy as np

from srkit.classical import ClassicalModel
from srkit.errors import InputError
from srkit.models.config import architecture


def mix(model_a: keras.Model, model_b: keras.Model, strength: float) -> keras.Model:
    """Mixes two models of one architecture: each weight is `(1 - strength) * a + strength * b`.

    Between a model trained on pixels and a GAN's generator that started from it, the mixtures draw as much texture as
    their strength says, with fewer artefacts than a mixture of the two images has.

    ```python
    model = mix(load_model("srresnet-x4"), load_model("srgan-x4"), strength=0.7)
    ```

    Args:
        model_a: The model of strength 0.
        model_b: The model of strength 1.
        strength: The share of the second model, from 0 to 1.

    Returns:
        A new model. The two models are not changed.

    Raises:
        InputError: The models differ in architecture, or the strength is out of its range.
    """
    if not 0 <= strength <= 1:
        raise InputError(f"strength must lie from 0 to 1; received {strength}.")
    for model in (model_a, model_b):
        if isinstance(model, ClassicalModel):
            raise InputError(f"{model.name} cannot be mixed: it is no network.")
    if architecture(model_a) != architecture(model_b):
        raise InputError(
            f"{model_a.name} and {model_b.name} cannot be mixed: their architectures differ. "
            "Mix two models that were built with the same arguments."
        )
    mixed = keras.models.clone_model(model_a)
    pairs = zip(model_a.get_weights(), model_b.get_weights(), strict=True)
    mixed.set_weights([_between(a, b, strength) for a, b in pairs])
    if hasattr(model_a, "config"):
        mixed.config = dict(model_a.config)
    return mixed


def _between(a: np.ndarray, b: np.ndarray, strength: float) -> np.ndarray:
    """Weights that are no fractions, such as a counter, are the first model's."""
    if not np.issubdtype(a.dtype, np.floating):
        return a
    return (np.float32(1 - strength) * a + np.float32(strength) * b).astype(a.dtype)
