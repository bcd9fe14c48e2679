"""Muon, an optimizer that needs a fraction of Adam's steps."""

import keras
from keras import ops

_MOMENTUM = 0.95
_STEP_RMS = 0.2  # of an update at learning rate 1: what Adam's come to, so that both take the same learning rates
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_IMAGE_CHANNELS = 3


@keras.saving.register_keras_serializable("srkit")
class Muon(keras.optimizers.Adam):
    """Muon for the convolutions between features, Adam for all other weights.

    The momentum of a kernel, as a matrix of `height * width * channels in` rows and `channels out` columns, is replaced
    by the nearest matrix with orthogonal rows or columns: every direction then learns at the same pace (Jordan et al.
    2024, "Muon: An optimizer for hidden layers in neural networks"). The update is scaled to the size of Adam's (Liu et
    al. 2025, "Muon is scalable for LLM training", section 2.2).

    Args:
        learning_rate: As for Adam; 1e-3 suits EDSR.
        compute_dtype: Type in which matrices are made orthogonal. `"bfloat16"` suffices.
        options: Arguments of `keras.optimizers.Adam`.

    Example:
        ```python
        trainer = PreTrainer(model, "runs/edsr", TrainOptions(optimizer=Muon(1e-3, beta_2=0.99)))
        ```
    """

    def __init__(self, learning_rate: float = 1e-3, compute_dtype: str = "float32", **options):
        super().__init__(learning_rate, **options)
        self.compute_dtype = compute_dtype

    def build(self, variables):
        """Makes the optimizer's variables: a momentum for each weight, and what Adam needs besides for its own."""
        if self.built:
            return
        super(keras.optimizers.Adam, self).build(variables)
        self._momentums = [self.add_variable_from_reference(variable, name="momentum") for variable in variables]
        self._velocities = self._slots_of_adam(variables, "velocity")
        if self.amsgrad:
            self._velocity_hats = self._slots_of_adam(variables, "velocity_hat")

    def _slots_of_adam(self, variables, name: str) -> list:
        return [
            None if _between_features(variable) else self.add_variable_from_reference(variable, name=name)
            for variable in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        if not _between_features(variable):
            super().update_step(gradient, variable, learning_rate)
            return
        momentum = self._momentums[self._get_variable_index(variable)]
        self.assign(momentum, _MOMENTUM * momentum + gradient)
        ahead = gradient + _MOMENTUM * momentum  # Nesterov's
        matrix = ops.reshape(ahead, (-1, ahead.shape[-1]))
        update = ops.cast(orthogonal(ops.cast(matrix, self.compute_dtype)), variable.dtype)
        size = ops.cast(learning_rate, variable.dtype) * _STEP_RMS * max(matrix.shape) ** 0.5
        self.assign_sub(variable, size * ops.reshape(update, variable.shape))

    def get_config(self):
        return {**super().get_config(), "compute_dtype": self.compute_dtype}


def orthogonal(matrix):
    """The nearest matrix with orthogonal rows or columns, roughly: singular values of 0.7 to 1.2 in place of 1.

    Five Newton-Schulz iterations of fifth order, without a singular value decomposition.

    Args:
        matrix: Tensor of shape (rows, columns), of any scale.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if tall else matrix
    x = x / (ops.norm(x) + 1e-7)
    a, b, c = _NEWTON_SCHULZ
    for _ in range(_ITERATIONS):
        gram = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * gram + c * ops.matmul(gram, gram), x)
    return ops.transpose(x) if tall else x


def _between_features(variable) -> bool:
    """Whether it is the kernel of a convolution that neither takes nor makes an image."""
    return len(variable.shape) == 4 and min(variable.shape[2:]) > _IMAGE_CHANNELS
