"""Networks of other projects at a toy size: their weights under their names, and what they compute, in NumPy.

Each function gives the weights, and a function from an image (3, height, width) in [0, 255] to the enlarged one.
"""

import numpy as np
from pytorch_like import Weights, bilinear, leaky_relu, nearest, pixel_shuffle, pixel_unshuffle, relu

from srkit.models.layers import BicubicUpsampling

MEAN = 255 * np.array([0.4488, 0.4371, 0.4040])[:, None, None]
FILTERS = 8
STEPS = {1: [], 2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}


def edsr_of_authors(scale, value_range=255):
    weights = Weights()
    weights.conv("head.0", 3, FILTERS)
    for name in ("body.0.body.0", "body.0.body.2", "body.1.body.0", "body.1.body.2", "body.2"):
        weights.conv(name, FILTERS, FILTERS)
    for number, step in enumerate(STEPS[scale]):
        weights.conv(f"tail.0.{2 * number}", FILTERS, FILTERS * step**2)
    weights.conv("tail.1", FILTERS, 3)
    for sign, name in ((-1, "sub_mean"), (1, "add_mean")):
        weights[f"{name}.weight"] = np.eye(3, dtype=np.float32)[..., None, None]
        weights[f"{name}.bias"] = (sign * value_range / 255 * MEAN[:, 0, 0]).astype(np.float32)

    def run(image):
        conv = weights.apply_conv
        x = head = conv("head.0", conv("sub_mean", image * (value_range / 255)))
        for name in ("body.0", "body.1"):
            x = x + conv(f"{name}.body.2", relu(conv(f"{name}.body.0", x)))
        x = head + conv("body.2", x)
        for number, step in enumerate(STEPS[scale]):
            x = pixel_shuffle(conv(f"tail.0.{2 * number}", x), step)
        return conv("add_mean", conv("tail.1", x)) * (255 / value_range)

    return weights, run


def edsr_of_basicsr(scale):
    weights = Weights()
    weights.conv("conv_first", 3, FILTERS)
    for name in ("body.0.conv1", "body.0.conv2", "conv_after_body"):
        weights.conv(name, FILTERS, FILTERS)
    for number, step in enumerate(STEPS[scale]):
        weights.conv(f"upsample.{2 * number}", FILTERS, FILTERS * step**2)
    weights.conv("conv_last", FILTERS, 3)

    def run(image):
        conv = weights.apply_conv
        x = head = conv("conv_first", (image / 255 - MEAN / 255) * 255)
        x = x + conv("body.0.conv2", relu(conv("body.0.conv1", x)))
        x = head + conv("conv_after_body", x)
        for number, step in enumerate(STEPS[scale]):
            x = pixel_shuffle(conv(f"upsample.{2 * number}", x), step)
        return (conv("conv_last", x) / 255 + MEAN / 255) * 255

    return weights, run


def mdsr_of_authors(scale):
    order = (2, 3, 4)
    weights = Weights()
    weights.conv("head.0", 3, FILTERS)
    for number, of_scale in enumerate(order):
        for name in ("0.body.0", "0.body.2", "1.body.0", "1.body.2"):
            weights.conv(f"pre_process.{number}.{name}", FILTERS, FILTERS, 5)
        for place, step in enumerate(STEPS[of_scale]):
            weights.conv(f"upsample.{number}.{2 * place}", FILTERS, FILTERS * step**2)
    for name in ("body.0.body.0", "body.0.body.2", "body.1"):
        weights.conv(name, FILTERS, FILTERS)
    weights.conv("tail.0", FILTERS, 3)

    def run(image):
        conv, number = weights.apply_conv, order.index(scale)
        x = conv("head.0", image - MEAN)
        for block in (f"pre_process.{number}.0", f"pre_process.{number}.1"):
            x = x + conv(f"{block}.body.2", relu(conv(f"{block}.body.0", x)))
        skip = x
        x = x + conv("body.0.body.2", relu(conv("body.0.body.0", x)))
        x = skip + conv("body.1", x)
        for place, step in enumerate(STEPS[scale]):
            x = pixel_shuffle(conv(f"upsample.{number}.{2 * place}", x), step)
        return conv("tail.0", x) + MEAN

    return weights, run


_FIRST = ("model.0", "model.1.sub.{}.RDB{}.conv{}.0", "model.1.sub.2")
_ESRGAN = ("conv_first", "RRDB_trunk.{}.RDB{}.conv{}", "trunk_conv")
RRDB_NAMES = {
    "basicsr": ("conv_first", "body.{}.rdb{}.conv{}", "conv_body", ("conv_up1", "conv_up2"), "conv_hr", "conv_last"),
    "esrgan": (*_ESRGAN, ("upconv1", "upconv2"), "HRconv", "conv_last"),
    "esrgan x2": (*_ESRGAN, ("upconv1",), "HRconv", "conv_last"),
    "first": (*_FIRST, ("model.3", "model.6"), "model.8", "model.10"),
    "first x1": (*_FIRST, (), "model.2", "model.4"),
    "first x2": (*_FIRST, ("model.3",), "model.5", "model.7"),
}


def rrdb(names, unshuffle=1):
    first, dense, body, ups, hr, last = RRDB_NAMES[names]
    growth, weights = 4, Weights()
    weights.conv(first, 3 * unshuffle**2, FILTERS)
    for block in (0, 1):
        for number in (1, 2, 3):
            for layer in range(1, 6):
                inputs = FILTERS + (layer - 1) * growth
                weights.conv(dense.format(block, number, layer), inputs, FILTERS if layer == 5 else growth)
    for name in (body, *ups, hr):
        weights.conv(name, FILTERS, FILTERS)
    weights.conv(last, FILTERS, 3)

    def dense_block(x, block, number):
        grown = x
        for layer in range(1, 5):
            new = leaky_relu(weights.apply_conv(dense.format(block, number, layer), grown), 0.2)
            grown = np.concatenate([grown, new])
        return x + 0.2 * weights.apply_conv(dense.format(block, number, 5), grown)

    def run(image):
        conv = weights.apply_conv
        x = head = conv(first, pixel_unshuffle(image / 255, unshuffle))
        for block in (0, 1):
            inside = x
            for number in (1, 2, 3):
                inside = dense_block(inside, block, number)
            x = x + 0.2 * inside
        x = head + conv(body, x)
        for name in ups:
            x = leaky_relu(conv(name, nearest(x, 2)), 0.2)
        return conv(last, leaky_relu(conv(hr, x), 0.2)) * 255

    return weights, run


def msrresnet(scale, block="body.{}.conv{}", hr="conv_hr"):
    weights = Weights()
    weights.conv("conv_first", 3, FILTERS)
    for name in (block.format(0, 1), block.format(0, 2), block.format(1, 1), block.format(1, 2), hr):
        weights.conv(name, FILTERS, FILTERS)
    for number, step in enumerate(STEPS[scale], start=1):
        weights.conv(f"upconv{number}", FILTERS, FILTERS * step**2)
    weights.conv("conv_last", FILTERS, 3)

    def run(image):
        conv = weights.apply_conv
        x = leaky_relu(conv("conv_first", image / 255), 0.1)
        for number in (0, 1):
            x = x + conv(block.format(number, 2), relu(conv(block.format(number, 1), x)))
        for number, step in enumerate(STEPS[scale], start=1):
            x = leaky_relu(pixel_shuffle(conv(f"upconv{number}", x), step), 0.1)
        x = conv("conv_last", leaky_relu(conv(hr, x), 0.1))
        return (x + bilinear(image / 255, scale)) * 255

    return weights, run


def srgan(scale, names, first=0, bias=True, slopes=1):
    """Names of: head, its PReLU, a block's layers, body, its batch norm, an upsampling's layers, tail."""
    head, head_prelu, block, body, body_bn, up, tail = names
    weights, ups = Weights(), list(enumerate(STEPS[scale]))
    weights.conv(head, 3, FILTERS, 9)
    weights.slopes(head_prelu, slopes)
    blocks = [[name.format(number) for name in block] for number in (first, first + 1)]
    for conv1, bn1, prelu, conv2, bn2 in blocks:
        for conv, bn in ((conv1, bn1), (conv2, bn2)):
            weights.conv(conv, FILTERS, FILTERS, bias=bias)
            weights.batch_norm(bn, FILTERS)
        weights.slopes(prelu, slopes)
    weights.conv(body, FILTERS, FILTERS, bias=bias)
    weights.batch_norm(body_bn, FILTERS)
    for number, step in ups:
        weights.conv(up[0].format(number), FILTERS, FILTERS * step**2)
        weights.slopes(up[1].format(number), slopes)
    weights.conv(tail, FILTERS, 3, 9)

    def run(image):
        conv, norm, prelu = weights.apply_conv, weights.apply_batch_norm, weights.apply_prelu
        x = skip = prelu(head_prelu, conv(head, image / 255))
        for conv1, bn1, slope, conv2, bn2 in blocks:
            x = x + norm(bn2, conv(conv2, prelu(slope, norm(bn1, conv(conv1, x)))))
        x = skip + norm(body_bn, conv(body, x))
        for number, step in ups:
            x = prelu(up[1].format(number), pixel_shuffle(conv(up[0].format(number), x), step))
        return conv(tail, x)

    return weights, run


def srgan_with_tanh(scale):
    blocks = tuple(f"block{{}}.{name}" for name in ("conv1", "bn1", "prelu", "conv2", "bn2"))
    ups = ("block5.{}.conv", "block5.{}.prelu")
    names = ("block1.0", "block1.1", blocks, "block4.0", "block4.1", ups, f"block5.{len(STEPS[scale])}")
    weights, run = srgan(scale, names, first=2)
    return weights, lambda image: (np.tanh(run(image)) + 1) / 2 * 255


def srgan_clipped(scale, head="conv_block1", body="conv_block2", tail="conv_block3", slopes=1):
    blocks = tuple(f"trunk.{{}}.rcb.{number}" for number in range(5))
    ups = ("upsampling.{}.upsample_block.0", "upsampling.{}.upsample_block.2")
    names = (f"{head}.0", f"{head}.1", blocks, f"{body}.0", f"{body}.1", ups, tail)
    weights, run = srgan(scale, names, bias=False, slopes=slopes)
    return weights, lambda image: run(image).clip(0, 1) * 255


def compact(scale, activation="prelu"):
    weights = Weights()
    weights.conv("body.0", 3, FILTERS)
    for number in (2, 4):
        weights.conv(f"body.{number}", FILTERS, FILTERS)
    weights.conv("body.6", FILTERS, 3 * scale**2)
    if activation == "prelu":
        for number in (1, 3, 5):
            weights.slopes(f"body.{number}", FILTERS)

    def run(image):
        x = image / 255
        for number in (0, 2, 4):
            x = weights.apply_conv(f"body.{number}", x)
            x = weights.apply_prelu(f"body.{number + 1}", x) if activation == "prelu" else relu(x)
        return (pixel_shuffle(weights.apply_conv("body.6", x), scale) + nearest(image / 255, scale)) * 255

    return weights, run


def reparametrised(weights, name, inputs, filters):
    weights.conv(f"{name}.sk", inputs, filters, 1)
    weights.conv(f"{name}.conv.0", inputs, 2 * inputs, 1)
    weights.conv(f"{name}.conv.1", 2 * inputs, 2 * filters)
    weights.conv(f"{name}.conv.2", 2 * filters, filters, 1)
    weights.conv(f"{name}.eval_conv", inputs, filters)  # of an earlier moment of the training


def span(scale, normalized=True):
    weights = Weights()
    reparametrised(weights, "conv_1", 3, FILTERS)
    for block in (1, 2, 3):
        for conv in (1, 2, 3):
            reparametrised(weights, f"block_{block}.c{conv}_r", FILTERS, FILTERS)
    reparametrised(weights, "conv_2", FILTERS, FILTERS)
    weights.conv("conv_cat", 4 * FILTERS, FILTERS, 1)
    weights.conv("upsampler.0", FILTERS, 3 * scale**2)
    if normalized:  # for grey levels
        for name in ("conv_1.conv.0.weight", "conv_1.sk.weight"):
            weights[name] /= 255
    else:
        weights["no_norm"] = np.zeros(1, np.float32)

    def conv3(name, x):
        """The training form, whose image is padded before the first convolution."""
        inside = np.pad(x, [(0, 0), (1, 1), (1, 1)])
        for number in range(3):
            inside = weights.apply_conv(f"{name}.conv.{number}", inside)
        return inside[:, 1:-1, 1:-1] + weights.apply_conv(f"{name}.sk", x)

    def block(x, name):
        first = silu(conv3(f"{name}.c1_r", x))
        third = conv3(f"{name}.c3_r", silu(conv3(f"{name}.c2_r", first)))
        return (third + x) * (1 / (1 + np.exp(-third)) - 0.5), first

    def run(image):
        x = head = conv3("conv_1", image - MEAN if normalized else image / 255)
        results = []
        for number in (1, 2, 3):
            x, first = block(x, f"block_{number}")
            results.append(x)
        x = np.concatenate([head, conv3("conv_2", x), results[0], first])
        return pixel_shuffle(weights.apply_conv("upsampler.0", weights.apply_conv("conv_cat", x)), scale) * 255

    return weights, run


def early(names, kernel_sizes, widths, scale, channels, activation, bias=True):
    """A chain of convolutions: of the luma of an image, whose colours are interpolated, or of RGB."""
    weights, colours = Weights(), 1 if channels == "y" else 3
    is_espcn = activation is np.tanh
    widths = [colours, *widths, colours * scale**2 if is_espcn else colours]
    for name, size, inputs, filters in zip(names, kernel_sizes, widths, widths[1:]):
        weights.conv(name, inputs, filters, size, bias)

    def run(image):
        bicubic = interpolate_exactly(image, scale)
        x = image if is_espcn else bicubic
        x = (luma(x) if channels == "y" else x) / 255
        before = x
        for name in names[:-1]:
            x = activation(weights.apply_conv(name, x))
        x = weights.apply_conv(names[-1], x)
        x = pixel_shuffle(x, scale) if is_espcn else x + before if len(names) == 4 else x
        return bicubic + (x * 255 - luma(bicubic)) * 255 / 219 if channels == "y" else x * 255

    return weights, run


def luma(image):
    return 16 + np.tensordot([65.481, 128.553, 24.966], image, 1)[None] / 255


def interpolate_exactly(image, scale):
    return np.asarray(BicubicUpsampling(scale)(image.transpose(1, 2, 0)[None]))[0].transpose(2, 0, 1)


SRCNN = [("conv1", "conv2", "conv3"), ("features.0", "map.0", "reconstruction")]
ESPCN = [("first_part.0", "first_part.2", "last_part.0"), ("feature_maps.0", "feature_maps.2", "sub_pixel.0")]
VDSR = [
    ("input", "residual_layer.0.conv", "residual_layer.1.conv", "output"),
    ("conv1.0", "trunk.0.conv", "trunk.1.conv", "conv2"),
]


def silu(x):
    return x / (1 + np.exp(-x))


CASES = {
    **{f"edsr-authors-x{scale}": (edsr_of_authors, scale) for scale in (2, 3, 4)},
    "edsr-authors-range-1": (lambda scale: edsr_of_authors(scale, value_range=1), 2),
    **{f"edsr-basicsr-x{scale}": (edsr_of_basicsr, scale) for scale in (2, 3, 4)},
    **{f"mdsr-authors-x{scale}": (mdsr_of_authors, scale) for scale in (2, 3, 4)},
    "rrdb-basicsr": (lambda _: rrdb("basicsr"), 4),
    "rrdb-esrgan": (lambda _: rrdb("esrgan"), 4),
    "rrdb-first": (lambda _: rrdb("first"), 4),
    "rrdb-first-x2": (lambda _: rrdb("first x2"), 2),
    "rrdb-esrgan-x2": (lambda _: rrdb("esrgan x2"), 2),
    **{f"msrresnet-x{scale}": (msrresnet, scale) for scale in (2, 3, 4)},
    "msrresnet-mmsr": (lambda scale: msrresnet(scale, "recon_trunk.{}.conv{}", "HRconv"), 4),
    **{f"compact-x{scale}": (compact, scale) for scale in (1, 2, 3, 4)},
    "compact-relu": (lambda scale: compact(scale, "relu"), 4),
    "srcnn-y": (lambda scale: early(SRCNN[0], (9, 5, 5), (8, 4), scale, "y", relu), 4),
    "srcnn-rgb": (lambda scale: early(SRCNN[1], (9, 1, 5), (8, 4), scale, "rgb", relu), 4),
    "espcn-y": (lambda scale: early(ESPCN[0], (5, 3, 3), (8, 4), scale, "y", np.tanh), 3),
    "espcn-rgb": (lambda scale: early(ESPCN[1], (5, 3, 3), (8, 4), scale, "rgb", np.tanh), 2),
    "vdsr-y": (lambda scale: early(VDSR[0], (3, 3, 3, 3), (8, 8, 8), scale, "y", relu, bias=False), 4),
    "vdsr-rgb": (lambda scale: early(VDSR[1], (3, 3, 3, 3), (8, 8, 8), scale, "rgb", relu), 4),
    "span-x2": (span, 2),
    "span-without-mean": (lambda scale: span(scale, normalized=False), 4),
    "rrdb-unshuffle-x2": (lambda _: rrdb("basicsr", unshuffle=2), 2),
    "rrdb-unshuffle-x1": (lambda _: rrdb("basicsr", unshuffle=4), 1),
    "rrdb-first-x1": (lambda _: rrdb("first x1"), 1),
    **{f"srgan-tanh-x{scale}": (srgan_with_tanh, scale) for scale in (2, 4)},
    "srgan-clipped": (srgan_clipped, 4),
    "srgan-clipped-slopes": (lambda scale: srgan_clipped(scale, "conv1", "conv2", "conv3", slopes=FILTERS), 2),
}
