"""Layouts of EDSR and MDSR."""

import numpy as np

from srkit.models.architectures.edsr import DIV2K_MEAN_RGB
from srkit.models.foreign.layout import Conv, Found, Tensors, filters_of, has, names_of, numbered, upsampler

_WIDE = 256  # filters of the full EDSR, whose residuals are scaled by 0.1
_MEANS = r"(sub_mean|add_mean)\.(weight|bias)"


def edsr_of_authors(tensors: Tensors) -> Found | None:
    """The PyTorch project of EDSR's authors: `head.0`, `body.N.body.M`, `tail`; the mean colour is in `sub_mean`."""
    if not has(tensors, "head.0", "body.0.body.0", "tail.0.0", "tail.1") or has(tensors, "pre_process.0.0.body.0"):
        return None
    filters, num_blocks = filters_of(tensors, "head.0"), len(names_of(tensors, "body.{}.body.0"))
    scale, convolutions = upsampler(tensors, names_of(tensors, "tail.0.{}", step=2), filters)
    value_range = _value_range(tensors)
    if value_range is None:
        return None
    layers = {
        "head_conv": Conv("head.0", 3, filters, gain=value_range / 2),
        **_blocks("body.{}.body.0", "body.{}.body.2", filters, num_blocks),
        "body_conv": Conv(f"body.{num_blocks}", filters, filters),
        **numbered("upsample{}_conv", convolutions),
        "tail_conv": Conv("tail.1", filters, 3, gain_out=2 / value_range),
    }
    return _edsr("EDSR's authors", scale, filters, num_blocks, layers)


def edsr_of_basicsr(tensors: Tensors) -> Found | None:
    """BasicSR's EDSR: `conv_first`, `body.N.conv1`, `conv_after_body`, `upsample.N`; the mean is in its code."""
    if not has(tensors, "conv_first", "body.0.conv1", "conv_after_body", "upsample.0", "conv_last"):
        return None
    filters, num_blocks = filters_of(tensors, "conv_first"), len(names_of(tensors, "body.{}.conv1"))
    scale, convolutions = upsampler(tensors, names_of(tensors, "upsample.{}", step=2), filters)
    layers = {
        "head_conv": Conv("conv_first", 3, filters, gain=127.5),
        **_blocks("body.{}.conv1", "body.{}.conv2", filters, num_blocks),
        "body_conv": Conv("conv_after_body", filters, filters),
        **numbered("upsample{}_conv", convolutions),
        "tail_conv": Conv("conv_last", filters, 3, gain_out=1 / 127.5),
    }
    return _edsr("BasicSR", scale, filters, num_blocks, layers)


def mdsr_of_authors(tensors: Tensors) -> Found | None:
    """MDSR in the PyTorch project of its authors: as EDSR, with `pre_process.S` and `upsample.S` for each scale."""
    if not has(tensors, "head.0", "pre_process.0.0.body.0", "body.0.body.0", "tail.0"):
        return None
    filters, num_blocks = filters_of(tensors, "head.0"), len(names_of(tensors, "body.{}.body.0"))
    value_range = _value_range(tensors)
    num_scales = len(names_of(tensors, "pre_process.{}.0.body.0"))
    chains = [names_of(tensors, f"upsample.{number}.{{}}", step=2) for number in range(num_scales)]
    upsamplers = [upsampler(tensors, names, filters) for names in chains]
    if value_range is None or sorted(scale for scale, _ in upsamplers) != [2, 3, 4]:
        return None
    layers = {
        "head_conv": Conv("head.0", 3, filters, gain=value_range / 2),
        **_blocks("body.{}.body.0", "body.{}.body.2", filters, num_blocks),
        "body_conv": Conv(f"body.{num_blocks}", filters, filters),
        "tail_conv": Conv("tail.0", filters, 3, gain_out=2 / value_range),
    }
    for number, (scale, convolutions) in enumerate(upsamplers):
        for block in (0, 1):
            for layer, name in ((1, "body.0"), (2, "body.2")):
                part = Conv(f"pre_process.{number}.{block}.{name}", filters, filters, kernel_size=5)
                layers[f"x{scale}_block{block + 1}_conv{layer}"] = part
        layers |= numbered(f"x{scale}_upsample{{}}_conv", convolutions)
    config = {"model": "mdsr", "filters": filters, "num_blocks": num_blocks}
    return Found("EDSR's authors", config, layers, unneeded=_MEANS)


def _edsr(names: str, scale: int, filters: int, num_blocks: int, layers: dict) -> Found:
    scaling = 0.1 if filters >= _WIDE else 1.0
    config = {"model": "edsr", "scale": scale, "filters": filters, "num_blocks": num_blocks}
    note = f"residual scaling {scaling:g}, which the file does not say: 0.1 from {_WIDE} filters, as published"
    return Found(names, {**config, "residual_scaling": scaling}, layers, notes=(note,), unneeded=_MEANS)


def _blocks(conv1: str, conv2: str, filters: int, num_blocks: int) -> dict[str, Conv]:
    layers = {}
    for number in range(num_blocks):
        layers[f"block{number + 1}_conv1"] = Conv(conv1.format(number), filters, filters)
        layers[f"block{number + 1}_conv2"] = Conv(conv2.format(number), filters, filters)
    return layers


def _value_range(tensors: Tensors) -> float | None:
    """The largest value of an image, 255 or 1, as `sub_mean` tells; None if it subtracts another mean than DIV2K's."""
    if "sub_mean.bias" not in tensors:
        return 255.0
    mean, weight = tensors["sub_mean.bias"], tensors.get("sub_mean.weight")
    if mean.shape != (3,) or weight is None or weight.shape != (3, 3, 1, 1):
        return None
    value_range = -255 * float(mean.sum()) / sum(DIV2K_MEAN_RGB)
    means = -255 * mean / np.array(DIV2K_MEAN_RGB)
    is_div2k = np.allclose(means, value_range, rtol=1e-3) and np.allclose(weight[..., 0, 0], np.eye(3), atol=1e-3)
    return round(value_range, 1) if is_div2k and value_range > 0.5 else None
