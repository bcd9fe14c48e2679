"""TFLite: in float32, with weights in float16, or in 8 bits, for which ranges are measured on photographs."""

import tempfile
import warnings

import numpy as np
import tensorflow as tf

from srkit.data import samples
from srkit.evaluation import psnr
from srkit.image import centre_crop, to_uint8

_SIDE_PX = 32  # of the LR crops; TFLite measures the ranges on them with slow loops


def converted(module: tf.Module, precision: str) -> bytes:
    """A module of `frozen` as the content of a TFLite file.

    Args:
        module: The module.
        precision: `"float32"`, or `"half"` for weights in float16.
    """
    converter = _converter(module)
    if precision == "half":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def quantized(module: tf.Module, scale: int) -> tuple[bytes, dict[str, float]]:
    """A module of `frozen` as the content of a TFLite file with weights and features in 8 bits, and what it costs.

    Args:
        module: The module.
        scale: The model's scale.

    Returns:
        The content, and PSNR in dB (RGB, LR by the bicubic kernel) of the module, `psnr_float32_db`, and of the file,
        `psnr_db`, on sample photographs that were not calibrated on.
    """
    train, valid = _samples(scale)
    dtype = module.upscale.input_signature[0].dtype.as_numpy_dtype
    converter = _converter(module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([lr[None].astype(dtype)] for lr, _ in train)
    content = converter.convert()
    runner = _runner(content)
    scores = []
    for lr, hr in valid:
        batch = lr[None].astype(dtype)
        srs = module.upscale(tf.constant(batch))["sr"].numpy(), runner(lr=batch)["sr"]
        scores.append([psnr(hr, to_uint8(sr[0].astype(np.float32)), border=scale) for sr in srs])
    exact, coarse = np.mean(scores, axis=0)
    return content, {"psnr_float32_db": round(float(exact), 3), "psnr_db": round(float(coarse), 3)}


def _converter(module: tf.Module) -> tf.lite.TFLiteConverter:
    return tf.lite.TFLiteConverter.from_concrete_functions([module.upscale.get_concrete_function()], module)


def _samples(scale: int) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """The middles of the sample photographs as pairs of LR and HR: those to calibrate on, and those to try it on."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # on Windows, the cache is still open
        return [
            [
                (centre_crop(lr, _SIDE_PX, _SIDE_PX), centre_crop(hr, _SIDE_PX * scale, _SIDE_PX * scale))
                for lr, hr in map(pairs.__getitem__, range(len(pairs)))
            ]
            for pairs in samples(scale=scale, cache_dir=folder)
        ]


def _runner(content: bytes):
    with warnings.catch_warnings():  # that the interpreter will go from TensorFlow one day
        warnings.simplefilter("ignore")
        return tf.lite.Interpreter(model_content=content).get_signature_runner()
