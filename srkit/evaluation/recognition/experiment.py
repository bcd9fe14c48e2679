"""The experiment: faces reduced to N px, enlarged again in several ways, and judged by an embedding."""

import os
from collections.abc import Callable, Sequence

import keras
import numpy as np
from PIL import Image
from tqdm import tqdm

from srkit.errors import InputError
from srkit.evaluation.recognition.embeddings import Embedding
from srkit.evaluation.recognition.lfw import FacePairs
from srkit.evaluation.recognition.verification import Verification, verify
from srkit.inference import upscale_stack
from srkit.models import at_scale, fastest_precision, load_model, scales_of
from srkit.progress import bar_stream

SIZES_PX = (20, 30, 40, 50, 60)
FULL_SIZE = "full size"

_BATCH_SIZE = 64

Method = str | os.PathLike | keras.Model


def verify_small_faces(
    pairs: FacePairs,
    embed: Embedding,
    sizes_px: Sequence[int] = SIZES_PX,
    methods: Sequence[Method] = ("bicubic", "edsr-x4", "srgan-x4"),
    face_px: int = 160,
    precision: str = "auto",
) -> dict[tuple[int | str, str], Verification]:
    """Verifies pairs of small faces, enlarged by several methods.

    Each face is reduced to a square of N px, by antialiased bicubic interpolation (Pillow's, a = -0.5, 8 bits). The
    method enlarges it, a network by its scale, and the same interpolation takes the result to the size that the
    embedding expects. Both faces of a pair are as small.

    Args:
        pairs: The pairs; see `read_pairs`.
        embed: Any callable from faces, a uint8 array of shape (batch, face_px, face_px, 3), RGB, to an array of shape
            (batch, numbers). See `keras_file` and its neighbours.
        sizes_px: The sides N of the small faces.
        methods: `"bicubic"`, or what `srkit.load_model` takes, or Keras models. Of a model for several scales the
            largest is taken.
        face_px: The side of the faces that the embedding takes.
        precision: What models compute in: `"float32"`, `"mixed_bfloat16"`, or `"auto"`, the faster on this machine. A
            grey level more or less in some pixels is of no matter here.

    Returns:
        For each `(size, method)` the verification, and for `("full size", "bicubic")` that of the faces as they are.

    Raises:
        InputError: A model cannot be read, or the embedding does not take such faces, or gives no vectors.

    ```python
    embed = lambda faces: faces.reshape(len(faces), -1).astype("float32")  # the pixels themselves
    results = verify_small_faces(pairs, embed, sizes_px=[20], methods=["bicubic", model])
    print(results[20, "bicubic"].accuracy)
    ```
    """
    precision = fastest_precision() if precision == "auto" else precision
    enlargers = {_name(method): _enlarger(method, precision) for method in methods}
    if len(enlargers) < len(methods):
        raise InputError(f"A method is given twice: {', '.join(map(_name, methods))}.")
    cells = [(FULL_SIZE, "bicubic"), *((size, name) for size in sizes_px for name in enlargers)]
    results = {}
    with tqdm(total=len(cells) * len(pairs.faces), unit="face", leave=False, file=bar_stream()) as progress:
        for size, name in cells:
            progress.set_description(f"{size}, {name}" if size == FULL_SIZE else f"{size} px, {name}")
            embeddings = []
            for start in range(0, len(pairs.faces), _BATCH_SIZE):
                faces = pairs.faces[start : start + _BATCH_SIZE]
                if size != FULL_SIZE:
                    faces = enlargers[name](resize(faces, size))
                embeddings.append(_embedded(embed, resize(faces, face_px)))
                progress.update(len(faces))
            results[size, name] = verify(np.concatenate(embeddings), pairs)
    return results


def resize(faces: np.ndarray, side_px: int) -> np.ndarray:
    """Resizes faces to squares, by antialiased bicubic interpolation (a = -0.5), in 8 bits.

    Args:
        faces: uint8 array of shape (faces, height, width, 3).
        side_px: The side of the squares.
    """
    size = (side_px, side_px)
    return np.stack([np.asarray(Image.fromarray(face).resize(size, Image.Resampling.BICUBIC)) for face in faces])


def _name(method: Method) -> str:
    return method.name if isinstance(method, keras.Model) else str(method)


def _enlarger(method: Method, precision: str) -> Callable[[np.ndarray], np.ndarray]:
    """From small faces to larger ones. Bicubic leaves them, since they are resized to the embedding's size anyway."""
    if method == "bicubic":
        return lambda faces: faces
    model = method if isinstance(method, keras.Model) else load_model(method)
    scales = scales_of(model)
    model = at_scale(model, max(scales)) if len(scales) > 1 else model
    return lambda faces: upscale_stack(faces, model, precision)


def _embedded(embed: Embedding, faces: np.ndarray) -> np.ndarray:
    vectors = np.asarray(embed(faces))
    if vectors.ndim != 2 or len(vectors) != len(faces):
        raise InputError(
            f"The embedding must turn {len(faces)} faces into an array of shape ({len(faces)}, numbers); it gave "
            f"{vectors.shape}."
        )
    return vectors
