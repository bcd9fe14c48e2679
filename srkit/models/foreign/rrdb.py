"""Layouts of RRDBNet, ESRGAN's generator, under three kinds of names."""

from srkit.models.foreign.layout import Conv, Found, Tensors, filters_of, has, names_of, numbered, side_of


def rrdb_of_basicsr(tensors: Tensors) -> Found | None:
    """BasicSR and Real-ESRGAN: `body.N.rdb1.conv1`, `conv_up1`."""
    ends = ("conv_first", "conv_body", *names_of(tensors, "conv_up{}", first=1), "conv_hr", "conv_last")
    return _rrdb(tensors, "BasicSR and Real-ESRGAN", "body.{}.rdb{}.conv{}", ends)


def rrdb_of_esrgan(tensors: Tensors) -> Found | None:
    """ESRGAN, BSRGAN and RealSR: `RRDB_trunk.N.RDB1.conv1`, `upconv1`."""
    ends = ("conv_first", "trunk_conv", *names_of(tensors, "upconv{}", first=1), "HRconv", "conv_last")
    return _rrdb(tensors, "ESRGAN", "RRDB_trunk.{}.RDB{}.conv{}", ends)


def rrdb_of_first_esrgan(tensors: Tensors) -> Found | None:
    """ESRGAN's first names: `model.0`, `model.1.sub.N.RDB1.conv1.0`, then every third module is an upsampling."""
    upsamples = names_of(tensors, "model.{}", first=3, step=3)
    hr, last = (f"model.{3 * len(upsamples) + place}" for place in (2, 4))
    body = f"model.1.sub.{len(names_of(tensors, 'model.1.sub.{}.RDB1.conv1.0'))}"
    return _rrdb(
        tensors, "ESRGAN's first version", "model.1.sub.{}.RDB{}.conv{}.0", ("model.0", body, *upsamples, hr, last)
    )


def _rrdb(tensors: Tensors, whose: str, dense: str, ends: tuple[str, ...]) -> Found | None:
    """The network under one kind of names.

    Args:
        tensors: The file's tensors.
        whose: Whose names they are.
        dense: The name of a convolution in a dense block; `{}` stands for the numbers of block, dense block and layer.
        ends: The names of the first convolution, the body's last, those of the upsampler, and the two at the end.
    """
    first, body, *upsamples, hr, last = ends
    if not has(tensors, first, body, hr, last, dense.format(0, 1, 1)):
        return None
    filters, inputs = tensors[f"{first}.weight"].shape[:2]
    growth, num_blocks = filters_of(tensors, dense.format(0, 1, 1)), len(names_of(tensors, dense.format("{}", 1, 1)))
    unshuffle = side_of(inputs, 3)
    layers = {
        "head_conv": Conv(first, 3 * unshuffle**2, filters, unshuffle=unshuffle),
        "body_conv": Conv(body, filters, filters),
        **numbered("upsample{}_conv", (Conv(name, filters, filters) for name in upsamples)),
        "hr_conv": Conv(hr, filters, filters),
        "tail_conv": Conv(last, filters, 3),
    }
    for block in range(num_blocks):
        for number in (1, 2, 3):
            for conv in (1, 2, 3, 4, 5):
                inputs, outputs = filters + (conv - 1) * growth, filters if conv == 5 else growth
                part = Conv(dense.format(block, number, conv), inputs, outputs)
                layers[f"block{block + 1}_dense{number}_conv{conv}"] = part
    config = {"model": "rrdb", "scale": 2 ** len(upsamples) // unshuffle, "filters": filters}
    config |= {"num_blocks": num_blocks, "growth_filters": growth}
    return Found(whose, config | ({"unshuffle": unshuffle} if unshuffle > 1 else {}), layers)
