"""Training steps of benchmarks/speed.py in JAX: srkit's own models and losses under Keras' other backend."""

import functools
import os
from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras

from srkit import models
from srkit.losses import LOSSES
from srkit.models.precision import set_precision


def training_step(model: str, precision: str, batch: int, hr_px: int) -> Callable[[], None]:
    """A function that trains EDSR or SRResNet one step on random images, compiled as a whole."""
    network = models.MODELS[model]()
    set_precision(network, {"bfloat16": "mixed_bfloat16"}.get(precision, precision))
    content = LOSSES["l1" if model == "edsr" else "mse"]
    optimizer = keras.optimizers.Adam(1e-4)
    optimizer.build(network.trainable_variables)
    lr, hr = (255 * jax.random.uniform(jax.random.key(0), (batch, side, side, 3)) for side in (hr_px // 4, hr_px))

    def loss(trainable: list, fixed: list):
        sr, fixed = network.stateless_call(trainable, fixed, lr, training=True)
        return content(hr, sr), fixed

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state: tuple):
        trainable, fixed, slots = state
        (value, fixed), gradients = jax.value_and_grad(loss, has_aux=True)(trainable, fixed)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return (trainable, fixed, slots), value

    kinds = network.trainable_variables, network.non_trainable_variables, optimizer.variables
    state = [tuple([jax.numpy.array(variable.value) for variable in variables] for variables in kinds)]

    def step() -> None:
        state[0], value = update(state[0])
        float(value)

    return step
