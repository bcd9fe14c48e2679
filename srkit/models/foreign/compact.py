"""The layout of SRVGGNetCompact, Real-ESRGAN's small generator."""

from srkit.models.foreign.layout import Conv, Found, Slopes, Tensors, filters_of, names_of, side_of


def compact_of_real_esrgan(tensors: Tensors) -> Found | None:
    """Real-ESRGAN and BasicSR: `body.0`, `body.2` …, with the slopes of PReLUs in `body.1`, `body.3` …"""
    names = names_of(tensors, "body.{}", step=2)
    if len(names) < 2:
        return None
    filters, scale = filters_of(tensors, names[0]), side_of(filters_of(tensors, names[-1]), 3)
    activation = "prelu" if "body.1.weight" in tensors else "relu"
    layers = {"upsample1_conv": Conv(names[-1], filters, 3 * scale**2, shuffle=scale)}
    for number, name in enumerate(names[:-1]):
        layer = f"body{number}" if number else "head"
        layers[f"{layer}_conv"] = Conv(name, filters if number else 3, filters)
        if activation == "prelu":
            layers[f"{layer}_prelu"] = Slopes(f"body.{2 * number + 1}", filters)
    config = {"model": "compact", "scale": scale, "filters": filters, "num_convs": len(names) - 2}
    note = "ReLU, not leaky ReLU, which the file does not tell apart"
    return Found(
        "Real-ESRGAN", {**config, "activation": activation}, layers, notes=() if activation == "prelu" else (note,)
    )
