"""Layouts of SRResNet and SRGAN's generator, and of BasicSR's MSRResNet."""

from srkit.models.foreign.layout import (
    BatchNorm,
    Conv,
    Found,
    Part,
    Slopes,
    Tensors,
    filters_of,
    has,
    names_of,
    numbered,
    upsampler,
)


def msrresnet_of_basicsr(tensors: Tensors) -> Found | None:
    """BasicSR's MSRResNet: `conv_first`, `body.N.conv1`, `upconv1`, `conv_hr`."""
    return _msrresnet(tensors, "BasicSR", "body.{}.conv{}", "conv_hr")


def msrresnet_of_mmsr(tensors: Tensors) -> Found | None:
    """MSRResNet of BasicSR's predecessor MMSR: `recon_trunk.N.conv1`, `HRconv`."""
    return _msrresnet(tensors, "MMSR", "recon_trunk.{}.conv{}", "HRconv")


def srgan_with_tanh(tensors: Tensors) -> Found | None:
    """SRGAN in many PyTorch projects: `block1.0`, `block2.conv1` …, `block8.0.conv`; it ends in (tanh + 1) / 2."""
    blocks = [name.removesuffix(".conv1") for name in names_of(tensors, "block{}.conv1", first=2)]
    body, tail = (f"block{len(blocks) + number}" for number in (2, 3))
    ups = [name.removesuffix(".conv") for name in names_of(tensors, f"{tail}.{{}}.conv")]
    last = f"{tail}.{len(ups)}"
    if not (blocks and ups and has(tensors, "block1.0", f"{body}.0", last)):
        return None
    modules = [[f"{block}.{name}" for name in ("conv1", "bn1", "prelu", "conv2", "bn2")] for block in blocks]
    ups = [(f"{up}.conv", f"{up}.prelu") for up in ups]
    config, layers = _srresnet(tensors, "block1", modules, body, ups)
    layers["tail_conv"] = Conv(last, config["filters"], 3, kernel_size=9)
    return Found("leftthomas/SRGAN and projects like it", config, layers)


def srgan_clipped(tensors: Tensors) -> Found | None:
    """Lornatang's SRGAN-PyTorch: `conv_block1.0` or `conv1.0`, `trunk.N.rcb.M`; it ends in a convolution, clipped."""
    prefix = "conv_block" if has(tensors, "conv_block1.0") else "conv"
    blocks = [name.removesuffix(".0") for name in names_of(tensors, "trunk.{}.rcb.0")]
    ups = [name.removesuffix(".0") for name in names_of(tensors, "upsampling.{}.upsample_block.0")]
    if not (blocks and ups and has(tensors, f"{prefix}1.0", f"{prefix}2.0", f"{prefix}3", "trunk.0.rcb.3")):
        return None
    modules = [[f"{block}.{number}" for number in range(5)] for block in blocks]
    ups = [(f"{up}.0", f"{up}.2") for up in ups]
    config, layers = _srresnet(tensors, f"{prefix}1", modules, f"{prefix}2", ups)
    # Ours ends in a range of [-1, 1].
    layers["tail_conv"] = Conv(f"{prefix}3", config["filters"], 3, kernel_size=9, gain_out=2, offset_out=-1)
    return Found("Lornatang/SRGAN-PyTorch", {**config, "tail_activation": "linear"}, layers)


def _srresnet(tensors: Tensors, head: str, blocks: list[list[str]], body: str, ups: list[tuple[str, str]]):
    """The config and the layers but for the last one, of names of modules.

    Args:
        tensors: The file's tensors.
        head: The name before those of the first convolution, `.0`, and its PReLU, `.1`.
        blocks: Of each block the names of convolution, batch norm, PReLU, convolution and batch norm.
        body: The name before those of the convolution behind the blocks, `.0`, and its batch norm, `.1`.
        ups: The names of convolution and PReLU of each upsampling.
    """
    filters = filters_of(tensors, f"{head}.0")
    scale, convolutions = upsampler(tensors, [name for name, _ in ups], filters)
    bias = f"{body}.0.bias" in tensors  # a batch norm makes it needless
    layers: dict[str, Part] = {
        "head_conv": Conv(f"{head}.0", 3, filters, kernel_size=9),
        "head_prelu": Slopes(f"{head}.1", filters),
        "body_conv": Conv(f"{body}.0", filters, filters, bias=bias),
        "body_bn": BatchNorm(f"{body}.1", filters),
        **numbered("upsample{}_conv", convolutions),
        **numbered("upsample{}_prelu", (Slopes(name, filters) for _, name in ups)),
    }
    for number, (conv1, bn1, prelu, conv2, bn2) in enumerate(blocks, start=1):
        layers |= {
            f"block{number}_conv1": Conv(conv1, filters, filters, bias=bias),
            f"block{number}_bn1": BatchNorm(bn1, filters),
            f"block{number}_prelu": Slopes(prelu, filters),
            f"block{number}_conv2": Conv(conv2, filters, filters, bias=bias),
            f"block{number}_bn2": BatchNorm(bn2, filters),
        }
    return {"model": "srresnet", "scale": scale, "filters": filters, "num_blocks": len(blocks)}, layers


def _msrresnet(tensors: Tensors, whose: str, block: str, hr: str) -> Found | None:
    if not has(tensors, "conv_first", block.format(0, 1), "upconv1", hr, "conv_last"):
        return None
    filters, num_blocks = filters_of(tensors, "conv_first"), len(names_of(tensors, block.format("{}", 1)))
    scale, convolutions = upsampler(tensors, names_of(tensors, "upconv{}", first=1), filters)
    layers = {
        "head_conv": Conv("conv_first", 3, filters),
        **{
            f"block{number + 1}_conv{conv}": Conv(block.format(number, conv), filters, filters)
            for number in range(num_blocks)
            for conv in (1, 2)
        },
        **numbered("upsample{}_conv", convolutions),
        "hr_conv": Conv(hr, filters, filters),
        "tail_conv": Conv("conv_last", filters, 3),
    }
    return Found(whose, {"model": "msrresnet", "scale": scale, "filters": filters, "num_blocks": num_blocks}, layers)
