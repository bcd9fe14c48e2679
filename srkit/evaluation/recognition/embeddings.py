"""Networks that people have, as callables from faces to vectors.

Each takes a uint8 array of shape (batch, side, side, 3), RGB, and returns an array of shape (batch, numbers). The side
that a network expects is said with each; `verify_small_faces` takes it as `face_px`.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf

from srkit.errors import InputError
from srkit.evaluation.recognition.tfjs import read_tfjs
from srkit.models import fastest_precision
from srkit.models.precision import set_precision

Embedding = Callable[[np.ndarray], np.ndarray]  # from faces, uint8 (batch, side, side, 3), to (batch, numbers)


def keras_file(path: "str | os.PathLike", precision: str = "auto") -> Embedding:
    """A `.keras` file that takes RGB in [0, 255], with its normalisation inside.

    Args:
        path: Path of the file.
        precision: What it computes in: `"float32"`, `"mixed_bfloat16"`, or `"auto"`, the faster on this machine. Its
            last layers compute in float32 in any case.

    Raises:
        InputError: It cannot be read.
    """
    try:
        model = keras.models.load_model(path)
        set_precision(model, fastest_precision() if precision == "auto" else precision)
        # Traced once, for batches of all sizes.
        taken = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
        network = tf.function(lambda faces: model(faces, training=False), [taken], autograph=False)
        network.get_concrete_function()
    except Exception as error:  # Keras raises many kinds
        raise InputError(f"{path} cannot be read as a Keras model: {_reason(error)}") from None
    return lambda faces: network(tf.constant(faces, tf.float32)).numpy()


def keras_facenet(key: str = "20180402-114759") -> Embedding:
    """FaceNet of the package `keras-facenet`, which downloads the weights at first use. It takes faces of 160 px.

    Args:
        key: Which of the package's networks.

    Raises:
        InputError: The package is missing, or its weights cannot be had.
    """
    with _package("keras_facenet", "keras-facenet"):
        from keras_facenet import FaceNet
    try:
        network = FaceNet(key=key)
    except Exception as error:  # no network, or a Keras that is too new for the package
        raise InputError(f"The package keras-facenet could not load {key}: {_reason(error)}") from None
    return lambda faces: network.embeddings(list(faces))


def opencv_sface(path: "str | os.PathLike") -> Embedding:
    """OpenCV's `FaceRecognizerSF`, with the file `face_recognition_sface_2021dec.onnx`. It takes faces of 112 px.

    Args:
        path: Path of the ONNX file, from OpenCV's model zoo.

    Raises:
        InputError: It cannot be read.
    """
    _check_file(path)
    try:
        network = cv2.FaceRecognizerSF.create(os.fspath(path), "")
    except cv2.error as error:
        raise InputError(f"{path} cannot be read by OpenCV: {_reason(error)}") from None
    # OpenCV's images are BGR.
    return lambda faces: np.concatenate([network.feature(np.ascontiguousarray(face[..., ::-1])) for face in faces])


def onnx_file(path: "str | os.PathLike", mean: float = 127.5, deviation: float = 127.5) -> Embedding:
    """An ONNX file, run by the package `onnxruntime`; its side is in its description.

    Args:
        path: Path of the file. Its input is a batch of RGB faces, of shape (batch, 3, side, side) or
            (batch, side, side, 3); its first output are the vectors.
        mean: What is subtracted from the values in [0, 255].
        deviation: What they are then divided by.

    Raises:
        InputError: The package is missing, or the file cannot be read.
    """
    _check_file(path)
    with _package("onnxruntime", "onnxruntime"):
        import onnxruntime
    try:
        session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # its own kinds, one for each reason
        raise InputError(f"{path} cannot be read by onnxruntime: {_reason(error)}") from None
    given = session.get_inputs()[0]
    channels_first = given.shape[1] == 3

    def embed(faces: np.ndarray) -> np.ndarray:
        values = (faces - np.float32(mean)) / np.float32(deviation)
        return session.run(None, {given.name: values.transpose(0, 3, 1, 2) if channels_first else values})[0]

    return embed


def tfjs_file(path: "str | os.PathLike", mean: float = 127.5, deviation: float = 128.0) -> Embedding:
    """A graph model of TensorFlow.js.

    Args:
        path: Path of its `model.json`, beside which the files with weights lie.
        mean: What is subtracted from the values in [0, 255].
        deviation: What they are then divided by.

    Raises:
        InputError: It cannot be read.
    """
    _check_file(path)
    try:
        network = read_tfjs(Path(path))
    except Exception as error:  # of JSON, of missing weights, of operations that TensorFlow does not have
        raise InputError(f"{path} cannot be read as a graph model of TensorFlow.js: {_reason(error)}") from None

    def embed(faces: np.ndarray) -> np.ndarray:
        return network(tf.constant((faces - np.float32(mean)) / np.float32(deviation)))[0].numpy()

    return embed


def _check_file(path: "str | os.PathLike") -> None:
    if not Path(path).is_file():
        raise InputError(f"There is no file {path}.")


@contextlib.contextmanager
def _package(module: str, name: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise InputError(f"This needs the package {name}: pip install {name} ({error}).") from None


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
