"""How papers score: which border is cut, and which channel is taken."""

from collections.abc import Callable
from dataclasses import dataclass

from srkit.errors import check_choice

CHANNELS = ("y", "rgb")
_CHANNEL_NAMES = {"y": "Y channel (BT.601, 8 bits)", "rgb": "RGB"}


@dataclass(frozen=True)
class Protocol:
    """What of an image is scored.

    Attributes:
        border: Number of pixels that are cut from each side.
        channel: `"y"` or `"rgb"`. Perceptual metrics take RGB always.

    >>> str(Protocol(border=4, channel="y"))
    'Y channel (BT.601, 8 bits), border 4 px'
    """

    border: int
    channel: str = "y"

    def __post_init__(self):
        check_choice("channel", self.channel, CHANNELS)

    def __str__(self) -> str:
        return f"{_CHANNEL_NAMES[self.channel]}, border {self.border} px"


# For each protocol, the border in pixels at a scale. To add a protocol: a line here.
PROTOCOLS: dict[str, Callable[[int], int]] = {
    "edsr": lambda scale: scale,
    "srgan": lambda scale: 4,
    "div2k": lambda scale: scale + 6,
}


def get_protocol(name: str, scale: int, channel: str = "y") -> Protocol:
    """The protocol of that name at a scale.

    Args:
        name: `"edsr"` cuts as many pixels as the scale (Lim et al. 2017), `"srgan"` 4 (Ledig et al. 2017),
            `"div2k"` 6 more than the scale: with RGB, what EDSR's authors score DIV2K by.
        scale: HR side / LR side.
        channel: `"y"` or `"rgb"`.

    Raises:
        InputError: There is no such protocol or channel.
    """
    check_choice("protocol", name, tuple(PROTOCOLS))
    return Protocol(PROTOCOLS[name](scale), channel)
