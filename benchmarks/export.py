"""Whether exported presets compute in their own runtimes what the kit does.

python benchmarks/export.py [PRESET …]

Prints for each preset and format (SavedModel in TensorFlow, TFLite in float32, half and 8 bits in LiteRT, ONNX in ONNX
Runtime) the size of the file and the largest difference in grey levels, after rounding, from what the kit makes of a
photograph's middle of 61x47 px; and for 8 bits what they cost in dB. It needs `[test]` and `ai-edge-litert`.
"""

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import onnxruntime
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from skimage import data as photographs

import srkit
from srkit.image import centre_crop, to_uint8
from srkit.inference import predict
from srkit.models.presets import GENERATORS, PRESETS

FORMATS = (("savedmodel", "float32"), ("onnx", "float32"), *(("tflite", name) for name in ("float32", "half", "int8")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", metavar="PRESET", help="default: all that are networks")
    networks = [name for name in GENERATORS if PRESETS[name].config["model"] != "a-plus"]
    lr = centre_crop(photographs.chelsea(), 47, 61)
    with tempfile.TemporaryDirectory() as folder:
        for name in parser.parse_args().presets or networks:
            sr = to_uint8(predict(srkit.load_model(name), lr)).astype(int)
            for format, precision in FORMATS:
                path = Path(folder) / f"{name}-{precision}{'' if format == 'savedmodel' else '.' + format}"
                card = srkit.export(name, path, format, precision=precision)
                levels = np.abs(to_uint8(computed(path, lr)) - sr).max()
                cost = f"{card['psnr_float32_db'] - card['psnr_db']:8.2f} dB lost" if precision == "int8" else ""
                print(
                    f"{name:15} {format:11} {precision:8} {size(path) / 1e6:6.2f} MB {levels:4} levels{cost}",
                    flush=True,
                )


def computed(path: Path, lr: np.ndarray) -> np.ndarray:
    batch = lr[None].astype(np.float32)
    if path.suffix == ".tflite":
        return Interpreter(str(path)).get_signature_runner()(lr=batch)["sr"][0]
    if path.suffix == ".onnx":
        return onnxruntime.InferenceSession(path).run(["sr"], {"lr": batch})[0][0]
    return tf.saved_model.load(str(path)).signatures["serving_default"](lr=tf.constant(batch))["sr"][0].numpy()


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


if __name__ == "__main__":
    main()
