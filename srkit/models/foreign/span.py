"""The layout of SPAN, whose training form is merged."""

from dataclasses import dataclass

import numpy as np

from srkit.models.foreign.layout import Conv, Found, Part, Tensors, filters_of, has, names_of, side_of


@dataclass(frozen=True)
class WideConv:
    """A 3x3 convolution as SPAN trains it: 1x1, 3x3 and 1x1 one behind the other, plus a 1x1 beside them.

    The file also has what they were merged into at some moment of the training, `eval_conv`, which is not used.

    Attributes:
        name: What its tensors' names begin with.
        inputs: Number of channels of its input.
        filters: Number of channels of its output.
        expansion: How many times as wide it is in between.
        gain: What the kernel is multiplied by.
    """

    name: str
    inputs: int
    filters: int
    expansion: int
    gain: float = 1.0

    def _parts(self) -> list[Conv]:
        wide_in, wide_out = self.inputs * self.expansion, self.filters * self.expansion
        return [
            Conv(f"{self.name}.conv.0", self.inputs, wide_in, 1),
            Conv(f"{self.name}.conv.1", wide_in, wide_out),
            Conv(f"{self.name}.conv.2", wide_out, self.filters, 1),
            Conv(f"{self.name}.sk", self.inputs, self.filters, 1),
        ]

    def shapes(self, tensors: Tensors) -> dict[str, tuple[int, ...]]:
        return {name: shape for part in self._parts() for name, shape in part.shapes(tensors).items()}

    def weights(self, tensors: Tensors) -> list[np.ndarray]:
        parts = [part.weights(tensors) for part in self._parts()]
        (first, first_bias), (middle, bias), (last, last_bias), (beside, beside_bias) = (
            (kernel.astype(np.float64), offset.astype(np.float64)) for kernel, offset in parts
        )
        bias = np.einsum("yxio,i->o", middle, first_bias) + bias
        bias = bias @ last[0, 0] + last_bias + beside_bias
        kernel = np.einsum("ai,yxio,ob->yxab", first[0, 0], middle, last[0, 0])
        kernel[1, 1] += beside[0, 0]
        return [kernel * self.gain, bias]


def span_of_authors(tensors: Tensors) -> Found | None:
    """The project of SPAN's authors: `block_1.c1_r.sk`, `conv_cat`, `upsampler.0`."""
    blocks = [name.removesuffix(".c1_r.sk") for name in names_of(tensors, "block_{}.c1_r.sk", first=1)]
    if not (blocks and has(tensors, "conv_1.sk", "conv_1.conv.0", "conv_2.sk", "conv_cat", "upsampler.0")):
        return None
    filters, scale = filters_of(tensors, "conv_1.sk"), side_of(filters_of(tensors, "upsampler.0"), 3)
    expansion = filters_of(tensors, "conv_1.conv.0") // 3
    is_normalized = "no_norm" not in tensors  # as other programs mark networks that take the image in [0, 1]
    layers: dict[str, Part] = {
        "head_conv": WideConv("conv_1", 3, filters, expansion, gain=255 if is_normalized else 1),
        "body_conv": WideConv("conv_2", filters, filters, expansion),
        "concat_conv": Conv("conv_cat", 4 * filters, filters, 1),
        "upsample1_conv": Conv("upsampler.0", filters, 3 * scale**2, shuffle=scale),
    }
    for number, block in enumerate(blocks, start=1):
        for conv in (1, 2, 3):
            layers[f"block{number}_conv{conv}"] = WideConv(f"{block}.c{conv}_r", filters, filters, expansion)
    config = {"model": "span", "scale": scale, "filters": filters, "num_blocks": len(blocks), "expansion": 0}
    return Found(
        "SPAN's authors",
        {**config, "normalize": is_normalized},
        layers,
        notes=("range [0, 255] and DIV2K's mean, which the file does not say",) if is_normalized else (),
        unneeded=r".*\.eval_conv\.(weight|bias)|no_norm",
    )
