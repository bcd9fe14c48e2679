"""Scores by the protocol of the papers: whole images, Y channel, as many pixels cut from the border as the scale."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from srkit import images, metrics, resize
from srkit.errors import InputError
from srkit.inference import scale_of, upscale
from srkit.weights import load_model


def benchmark(data: "str | os.PathLike", scale: int, model: "str | os.PathLike" = "bicubic") -> dict:
    """Scores a model on a folder of HR images.

    LR is made with the bicubic kernel (see `srkit.resize.downscale`) from HR cropped to a multiple of the scale. PSNR
    and SSIM (Wang's 11x11 Gaussian window) are taken on the 8-bit BT.601 Y channel, with `scale` pixels cut from each
    border.

    Args:
        data: The folder; every image in it is an HR image.
        scale: 2, 3, 4 or 8.
        model: `"bicubic"`, or what `srkit.load_model` takes.

    Returns:
        `{"protocol": text, "images": [{"name", "psnr", "ssim"}, …], "mean": {"psnr", "ssim"}}`.

    Raises:
        InputError: The folder holds no image, or the model has another scale.
    """
    paths = images.list_images(data)
    if not paths:
        raise InputError(f"There is no image in {data}.")
    reconstruct = _reconstruction(model, scale)
    scores = []
    for path in tqdm(paths, desc=f"{model} x{scale}", unit="image", leave=False):
        hr = images.crop_to_multiple(images.read(path), scale)
        sr = reconstruct(resize.downscale(hr, scale))
        psnr, ssim = (metric(hr, sr, border=scale, luma=True) for metric in (metrics.psnr, metrics.ssim))
        scores.append({"name": path.relative_to(data).as_posix(), "psnr": psnr, "ssim": ssim})
    return {
        "protocol": f"x{scale}, bicubic kernel, Y channel (BT.601, 8 bits), border {scale} px",
        "images": scores,
        "mean": {name: float(np.mean([score[name] for score in scores])) for name in ("psnr", "ssim")},
    }


def report(result: dict) -> str:
    """The table of a result of `benchmark`, for a terminal."""
    rows = [*result["images"], {"name": "mean", **result["mean"]}]
    width = max(len(row["name"]) for row in rows)
    lines = [f"{row['name']:{width}}  {row['psnr']:6.2f} dB  {row['ssim']:.4f}" for row in rows]
    return "\n".join([*lines, result["protocol"]])


def write_json(result: dict, path: "str | os.PathLike") -> None:
    """Writes a result of `benchmark` as JSON."""
    text = json.dumps(result, indent=2) + "\n"
    images.write_atomically(Path(path), lambda file: file.write(text.encode()))


def _reconstruction(model: "str | os.PathLike", scale: int) -> Callable[[np.ndarray], np.ndarray]:
    if model == "bicubic":
        return lambda lr: resize.upscale(lr, scale)
    loaded = load_model(model)
    if scale_of(loaded) != scale:
        raise InputError(f"{model} enlarges {scale_of(loaded)} times; asked: {scale}.")
    return lambda lr: upscale(lr, loaded)
