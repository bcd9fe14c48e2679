"""The formats that models can be exported to."""

from srkit.errors import InputError, check_choice

FORMATS = {"savedmodel": "", "tflite": ".tflite", "onnx": ".onnx", "keras": ".keras"}  # with the ends of their names
PRECISIONS = ("float32", "half", "int8")
REFUSED = {
    "tfjs": "TensorFlow.js has a converter that pins TensorFlow 2.19 and protobuf 5, which do not go with the others "
    "here. In a browser, ONNX Runtime Web computes --format onnx."
}


def check_format(format: str, path: str, precision: str, uint8: bool) -> None:
    """Raises an InputError unless a format is known, and the path's end and the options are ones that it has."""
    if format in REFUSED:
        raise InputError(f"{format} cannot be written: {REFUSED[format]}")
    check_choice("format", format, tuple(FORMATS))
    check_choice("precision", precision, PRECISIONS)
    if not path.endswith(FORMATS[format]):
        raise InputError(f"A file of the format {format} has a name that ends in {FORMATS[format]}; received {path}.")
    if precision != "float32" and format != "tflite":
        raise InputError(f"{precision} is for the format tflite only; received {format}. Leave it out.")
    if uint8 and format == "keras":
        raise InputError("Models of Keras take float32 images: leave uint8 out, or choose another format.")
