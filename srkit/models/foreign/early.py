"""Layouts of the first networks, SRCNN, ESPCN and VDSR, for RGB or for the Y channel."""

from srkit.models.foreign.layout import Conv, Found, Tensors, filters_of, has, names_of, numbered, side_of

_LUMA = "Y of BT.601 from 16 to 235, which the file does not say"
_ANY_SCALE = "x4, which the file does not say; for another scale: convert --scale"


def srcnn(tensors: Tensors) -> Found | None:
    """`conv1`, `conv2`, `conv3`; or `features.0`, `map.0`, `reconstruction`."""
    for names in (("conv1", "conv2", "conv3"), ("features.0", "map.0", "reconstruction")):
        if has(tensors, *names) and tensors[f"{names[0]}.weight"].shape[2] == 9:
            return _srcnn(tensors, names)
    return None


def espcn(tensors: Tensors) -> Found | None:
    """`first_part.0`, `first_part.2`, `last_part.0`; or `feature_maps.0`, `feature_maps.2`, `sub_pixel.0`."""
    for names in (("first_part.0", "first_part.2", "last_part.0"), ("feature_maps.0", "feature_maps.2", "sub_pixel.0")):
        if has(tensors, *names):
            return _espcn(tensors, names)
    return None


def vdsr(tensors: Tensors) -> Found | None:
    """`input`, `residual_layer.N.conv`, `output`; or `conv1.0`, `trunk.N.conv`, `conv2`."""
    for first, middle, last in (("input", "residual_layer.{}.conv", "output"), ("conv1.0", "trunk.{}.conv", "conv2")):
        if has(tensors, first, middle.format(0), last):
            return _vdsr(tensors, [first, *names_of(tensors, middle), last])
    return None


def _srcnn(tensors: Tensors, names: tuple[str, str, str]) -> Found:
    channels, arguments, notes = _channels(tensors, names[0])
    filters, kernel_size = filters_of(tensors, names[0]), tensors[f"{names[1]}.weight"].shape[2]
    half = -(-filters // 2)
    layers = {
        "conv1": Conv(names[0], channels, filters, 9),
        "conv2": Conv(names[1], filters, half, kernel_size),
        "conv3": Conv(names[2], half, channels, 5),
    }
    config = {"model": "srcnn", "scale": 4, "filters": filters, "kernel_size": kernel_size, **arguments}
    return Found("SRCNN's projects", config, layers, notes=(_ANY_SCALE, *notes), any_scale=True)


def _espcn(tensors: Tensors, names: tuple[str, str, str]) -> Found:
    channels, arguments, notes = _channels(tensors, names[0])
    filters, scale = filters_of(tensors, names[0]), side_of(filters_of(tensors, names[2]), channels)
    half = -(-filters // 2)
    layers = {
        "conv1": Conv(names[0], channels, filters, 5),
        "conv2": Conv(names[1], filters, half),
        "upsample1_conv": Conv(names[2], half, channels * scale**2, shuffle=scale),
    }
    return Found("ESPCN's projects", {"model": "espcn", "scale": scale, "filters": filters, **arguments}, layers, notes)


def _vdsr(tensors: Tensors, names: list[str]) -> Found:
    channels, arguments, notes = _channels(tensors, names[0])
    filters = filters_of(tensors, names[0])
    widths = [channels, *[filters] * (len(names) - 1), channels]
    bias = f"{names[0]}.bias" in tensors
    layers = numbered("conv{}", (Conv(name, *widths[n : n + 2], bias=bias) for n, name in enumerate(names)))
    config = {"model": "vdsr", "scale": 4, "filters": filters, "num_layers": len(names), **arguments}
    return Found("VDSR's projects", config, layers, notes=(_ANY_SCALE, *notes), any_scale=True)


def _channels(tensors: Tensors, first: str) -> tuple[int, dict[str, str], tuple[str, ...]]:
    """Number of channels of the image, the builder's argument, and what is assumed."""
    if tensors[f"{first}.weight"].shape[1] == 1:
        return 1, {"channels": "y"}, (_LUMA,)
    return 3, {"channels": "rgb"}, ()
