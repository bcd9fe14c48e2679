"""What srkit needs of Keras' settings: the environment variable KERAS_BACKEND, and the file ~/.keras/keras.json."""

import os

from srkit.errors import InputError


def check_settings() -> None:
    """Raises an InputError if Keras builds layers that srkit's models and losses cannot work with.

    They need float32 weights, and images as (height, width, channels). Any backend will do.
    """
    import keras

    settings = {"image_data_format": keras.config.image_data_format(), "floatx": keras.config.floatx()}
    for name, needed in {"image_data_format": "channels_last", "floatx": "float32"}.items():
        if settings[name] != needed:
            raise InputError(
                f'srkit needs Keras\' setting "{name}" to be "{needed}"; received "{settings[name]}". Change it in '
                f'~/.keras/keras.json, or call keras.config.set_{name}("{needed}") first.'
            )


def check_tensorflow() -> None:
    """Raises an InputError if Keras does not compute by TensorFlow, which training and upscaling need.

    Models and losses run on any backend.
    """
    backend = os.environ.get("KERAS_BACKEND")  # before Keras is imported: the backend may not be installed
    if not backend:
        import keras

        backend = keras.config.backend()
    if backend != "tensorflow":
        raise InputError(
            f"Training and upscaling need Keras' backend to be tensorflow; received {backend}. Set the environment "
            'variable KERAS_BACKEND=tensorflow, or "backend" in ~/.keras/keras.json, before Keras is imported.'
        )
    check_settings()
