"""PyTorch without PyTorch, for the tests: a writer of its files, and what its layers compute, in NumPy."""

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

BFLOAT16 = "bfloat16"
_STORAGES = {"float32": "Float", "float16": "Half", "float64": "Double", BFLOAT16: "BFloat16", "int64": "Long"}
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


class Writer:
    """Writes values as instructions of a pickle, and collects the numbers of arrays.

    Args:
        dtype: How floats are stored: float32, float16, float64 or bfloat16.
        older: Whether for the form before PyTorch 1.6.
    """

    def __init__(self, dtype: str = "float32", older: bool = False):
        self.dtype = dtype
        self.older = older
        self.storages: list[bytes] = []
        self.sizes: list[int] = []

    def pickle(self, value) -> bytes:
        return b"\x80\x02" + self._value(value) + b"."

    def _value(self, value) -> bytes:
        if isinstance(value, Mapping):
            items = b"".join(self._value(key) + self._value(item) for key, item in value.items())
            return b"ccollections\nOrderedDict\n)R(" + items + b"u}b"
        if isinstance(value, tuple | list):
            items = b"".join(map(self._value, value))
            return b"(" + items + b"t" if isinstance(value, tuple) else b"](" + items + b"e"
        if isinstance(value, np.ndarray):
            return self._array(value)
        return pickle.dumps(value, protocol=2)[2:-1]  # without its beginning and end

    def _array(self, value: np.ndarray) -> bytes:
        dtype = self.dtype if value.dtype.kind == "f" else str(value.dtype)
        if dtype == BFLOAT16:
            data = (np.ascontiguousarray(value, np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
        else:
            data = value.astype(dtype).tobytes()
        strides = tuple(stride // value.itemsize for stride in np.zeros(value.shape, value.dtype).strides)
        return self.tensor(data, dtype, value.size, 0, value.shape, strides)

    def tensor(self, data: bytes, dtype: str, size: int, offset: int, shape: tuple, strides: tuple) -> bytes:
        key = self._value(str(len(self.storages)))
        self.storages.append(data)
        self.sizes.append(size)
        kind = f"ctorch\n{_STORAGES[dtype]}Storage\n".encode()
        persistent = b"(" + self._value("storage") + kind + key + self._value("cpu") + self._value(size)
        persistent += (b"N" if self.older else b"") + b"tQ"
        arguments = b"".join(map(self._value, (offset, shape, strides, False, {})))
        return b"ctorch._utils\n_rebuild_tensor_v2\n(" + persistent + arguments + b"tR"


def save(value, path: Path, dtype: str = "float32", older: bool = False) -> Path:
    """Writes what `torch.save` writes: containers and NumPy arrays, in the zip form or in the older one."""
    writer = Writer(dtype, older)
    content = writer.pickle(value)
    path.write_bytes(older_form(content, writer) if older else zip_form(content, writer))
    return path


def zip_form(content: bytes, writer: Writer) -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/byteorder", "little")
        for key, data in enumerate(writer.storages):
            archive.writestr(f"archive/data/{key}", data)
        archive.writestr("archive/version", "3\n")
    return result.getvalue()


def older_form(content: bytes, writer: Writer) -> bytes:
    system = {"protocol_version": VERSION, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    heads = [pickle.dumps(value, protocol=2) for value in (MAGIC, VERSION, system)]
    keys = pickle.dumps([str(key) for key in range(len(writer.storages))], protocol=2)
    numbers = (struct.pack("<q", size) + data for size, data in zip(writer.sizes, writer.storages, strict=True))
    return b"".join([*heads, content, keys, *numbers])


class Weights(dict):
    """Random weights under PyTorch's names, and its layers by these names; images are (channels, height, width)."""

    def __init__(self, seed: int = 0):
        super().__init__()
        self.random = np.random.default_rng(seed)

    def conv(self, name: str, inputs: int, filters: int, kernel_size: int = 3, bias: bool = True) -> None:
        spread = (inputs * kernel_size**2) ** -0.5
        self._add(f"{name}.weight", spread, filters, inputs, kernel_size, kernel_size)
        if bias:
            self._add(f"{name}.bias", 0.1, filters)

    def batch_norm(self, name: str, channels: int) -> None:
        for kind in ("weight", "bias", "running_mean"):
            self._add(f"{name}.{kind}", 0.5, channels)
        self[f"{name}.running_var"] = self.random.uniform(1e-4, 2, channels).astype(np.float32)
        self[f"{name}.num_batches_tracked"] = np.array(7)

    def slopes(self, name: str, count: int = 1) -> None:
        self._add(f"{name}.weight", 0.3, count)

    def _add(self, name: str, spread: float, *shape: int) -> None:
        self[name] = self.random.normal(0, spread, shape).astype(np.float32)

    def apply_conv(self, name: str, image: np.ndarray) -> np.ndarray:
        kernel = self[f"{name}.weight"].astype(np.float64)
        bias = self.get(f"{name}.bias", np.zeros(len(kernel)))
        return conv2d(image, kernel) + bias[:, None, None]

    def apply_batch_norm(self, name: str, image: np.ndarray) -> np.ndarray:
        kinds = ("weight", "bias", "running_mean", "running_var")
        scale, offset, mean, variance = (self[f"{name}.{kind}"][:, None, None].astype(np.float64) for kind in kinds)
        return (image - mean) / np.sqrt(variance + 1e-5) * scale + offset

    def apply_prelu(self, name: str, image: np.ndarray) -> np.ndarray:
        return leaky_relu(image, self[f"{name}.weight"][:, None, None])


def conv2d(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """A convolution with a kernel (filters, inputs, height, width) that keeps the size, with zeros around."""
    radius = kernel.shape[-1] // 2
    padded = np.pad(image, [(0, 0), (radius, radius), (radius, radius)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(1, 2))
    return np.einsum("chwij,fcij->fhw", windows, kernel)


def pixel_shuffle(image: np.ndarray, scale: int) -> np.ndarray:
    """Channel `c * scale² + dy * scale + dx` becomes channel `c` of the pixel (dy, dx) in its block."""
    channels, height, width = image.shape
    split = image.reshape(channels // scale**2, scale, scale, height, width)
    return split.transpose(0, 3, 1, 4, 2).reshape(-1, height * scale, width * scale)


def pixel_unshuffle(image: np.ndarray, scale: int) -> np.ndarray:
    channels, height, width = image.shape
    split = image.reshape(channels, height // scale, scale, width // scale, scale)
    return split.transpose(0, 2, 4, 1, 3).reshape(-1, height // scale, width // scale)


def nearest(image: np.ndarray, scale: int) -> np.ndarray:
    return image.repeat(scale, axis=1).repeat(scale, axis=2)


def bilinear(image: np.ndarray, scale: int) -> np.ndarray:
    """As `interpolate(mode="bilinear", align_corners=False)`."""
    for axis in (1, 2):
        length = image.shape[axis]
        places = ((np.arange(length * scale) + 0.5) / scale - 0.5).clip(0)
        before = places.astype(int)
        after = np.minimum(before + 1, length - 1)
        share = (places - before).reshape([-1 if number == axis else 1 for number in range(3)])
        image = image.take(before, axis) * (1 - share) + image.take(after, axis) * share
    return image


def leaky_relu(image: np.ndarray, slope) -> np.ndarray:
    return np.where(image > 0, image, slope * image)


def relu(image: np.ndarray) -> np.ndarray:
    return image.clip(0)
