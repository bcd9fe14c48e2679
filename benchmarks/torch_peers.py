"""The training steps of benchmarks/speed.py in PyTorch, as usually written: channels last, bfloat16 by autocast."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, filters: int, batch_norm: bool):
        super().__init__()
        layers = [nn.Conv2d(filters, filters, 3, padding=1), nn.ReLU(), nn.Conv2d(filters, filters, 3, padding=1)]
        if batch_norm:
            layers[1:2] = [nn.BatchNorm2d(filters), nn.PReLU(filters)]
            layers.append(nn.BatchNorm2d(filters))
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


class Generator(nn.Module):
    """EDSR's baseline, or with batch norm and 9x9 ends SRResNet."""

    def __init__(self, srresnet: bool, filters: int = 64, num_blocks: int = 16):
        super().__init__()
        side = 9 if srresnet else 3
        activation = [nn.PReLU(filters)] if srresnet else []
        self.head = nn.Sequential(nn.Conv2d(3, filters, side, padding=side // 2), *activation)
        blocks = [ResidualBlock(filters, srresnet) for _ in range(num_blocks)]
        last = [nn.Conv2d(filters, filters, 3, padding=1), *([nn.BatchNorm2d(filters)] if srresnet else [])]
        self.body = nn.Sequential(*blocks, *last)
        upsampling = []
        for _ in range(2):
            upsampling += [nn.Conv2d(filters, 4 * filters, 3, padding=1), nn.PixelShuffle(2)]
            upsampling += [nn.PReLU(filters)] if srresnet else []
        self.tail = nn.Sequential(*upsampling, nn.Conv2d(filters, 3, side, padding=side // 2))
        self.activation = torch.tanh if srresnet else nn.Identity()

    def forward(self, lr):
        x = self.head(lr)
        return self.activation(self.tail(x + self.body(x)))


class Discriminator(nn.Sequential):
    def __init__(self, patch_size: int, filters: int = 64):
        layers, channels = [nn.Conv2d(3, filters, 3, padding=1), nn.LeakyReLU(0.2)], filters
        for multiple, stride in ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2)):
            layers += [nn.Conv2d(channels, multiple * filters, 3, stride, padding=1)]
            channels = multiple * filters
            layers += [nn.BatchNorm2d(channels), nn.LeakyReLU(0.2)]
        features = channels * (patch_size // 16) ** 2
        super().__init__(*layers, nn.Flatten(), nn.Linear(features, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1))


class VGG54(nn.Sequential):
    """VGG19 up to the fourth convolution of the fifth block."""

    def __init__(self):
        layers, channels = [], 3
        for block, (width, depth) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))):
            layers += [nn.MaxPool2d(2)] if block else []
            for _ in range(depth):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        super().__init__(*layers)
        self.requires_grad_(False)


def training_step(model: str, precision: str, batch: int, hr_px: int) -> Callable[[], None]:
    """A function that trains one step on random images."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")  # TF32 where the device has it, as with TensorFlow
    low = torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")

    def placed(part):
        return part.to(device, memory_format=torch.channels_last)

    lr, hr = (placed(torch.rand(batch, 3, side, side)) for side in (hr_px // 4, hr_px))
    generator = placed(Generator(model != "edsr"))
    adam = torch.optim.Adam(generator.parameters(), 1e-4)

    def pixel_step() -> None:
        adam.zero_grad()
        with low:
            sr = generator(lr)
        loss = (F.l1_loss if model == "edsr" else F.mse_loss)(sr.float(), hr)
        loss.backward()
        adam.step()
        loss.item()

    if model != "srgan":
        return pixel_step

    discriminator = placed(Discriminator(hr_px))
    vgg = placed(VGG54())
    d_adam = torch.optim.Adam(discriminator.parameters(), 1e-4)
    cross_entropy = F.binary_cross_entropy_with_logits

    def gan_step() -> None:
        with low:
            sr = generator(lr)
            logits = discriminator(hr), discriminator(sr.detach())
        d_loss = sum(
            cross_entropy(logit.float(), torch.full_like(logit, target, dtype=torch.float32))
            for logit, target in zip(logits, (1.0, 0.0))
        )
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()
        discriminator.requires_grad_(False)
        with low:
            with torch.no_grad():
                wanted = vgg(hr)
            content = F.mse_loss(vgg(sr).float(), wanted.float())
            logit = discriminator(sr)
        loss = content + 1e-3 * cross_entropy(logit.float(), torch.ones_like(logit, dtype=torch.float32))
        adam.zero_grad()
        loss.backward()
        adam.step()
        discriminator.requires_grad_(True)
        loss.item()

    return gan_step
