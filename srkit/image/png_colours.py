"""The colours that PNG files give without an ICC profile: chunks gAMA, cHRM and cICP (PNG specification, 4.3)."""

import os
import struct
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms

_DISPLAY_GAMMA = 2.2
_LIKELY_GAMMAS = 0.1, 5.0  # what lies outside is damage
_TOLERANCE = 0.05  # of the exponent: less is not seen, and is rounding in many files
# x and y of white, red, green and blue.
_SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_CICP_PRIMARIES = {  # by their code in ITU-T H.273
    1: _SRGB,
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),  # BT.2020
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),  # Display P3
}
_CICP_GAMMAS = {4: 1 / 2.2, 8: 1.0} | dict.fromkeys((1, 6, 13, 14, 15), 1 / _DISPLAY_GAMMA)
_D50 = np.array([0.9642, 1.0, 0.8249])  # white of ICC profiles
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


class PngColours(NamedTuple):
    """What the pixels of a PNG file mean.

    Attributes:
        exponent: The pixels, from 0 to 1, have sRGB's brightness after they were raised to this power.
        profile: An ICC profile of the primaries; None for those of sRGB.
        remarks: What became of the file's colours, a phrase each.
    """

    exponent: float = 1.0
    profile: bytes | None = None
    remarks: tuple[str, ...] = ()

    def applied(self, pixels: np.ndarray) -> np.ndarray:
        """The uint8 or uint16 pixels with the brightness of sRGB."""
        if self.exponent == 1:
            return pixels
        most = np.iinfo(pixels.dtype).max
        table = np.rint(most * np.linspace(0, 1, most + 1) ** self.exponent).astype(pixels.dtype)
        return table[pixels]


def read_png_colours(image: Image.Image, path: "str | os.PathLike") -> PngColours:
    """Reads the colours of an opened image file. Those of other formats, and of PNG with an ICC profile, are none.

    Args:
        image: The image.
        path: Its path.
    """
    if image.format != "PNG":
        return PngColours()
    if cicp := _read_chunk(path, b"cICP")[:2]:
        primaries, gamma = _CICP_PRIMARIES.get(cicp[0]), _CICP_GAMMAS.get(cicp[-1])
        if primaries and gamma:
            return _colours(gamma, primaries)
        return PngColours(remarks=("its colour space (cICP) is not known and was left out: colours may differ",))
    if "icc_profile" in image.info or "srgb" in image.info:
        return PngColours()
    return _colours(image.info.get("gamma"), image.info.get("chromaticity"))


def _colours(gamma: float | None, primaries: tuple[float, ...] | None) -> PngColours:
    exponent, profile, remarks = 1.0, None, ()
    if gamma is not None and _LIKELY_GAMMAS[0] <= gamma <= _LIKELY_GAMMAS[1]:
        exponent = 1 / (_DISPLAY_GAMMA * gamma)
    if abs(exponent - 1) < _TOLERANCE:
        exponent = 1.0
    else:
        remarks = ("its gamma (gAMA) became that of sRGB",)
    if primaries and not np.allclose(primaries, _SRGB, atol=0.003):
        profile = _profile(primaries)
        if profile is None:
            remarks += ("its primaries (cHRM) are damaged and were left out",)
    return PngColours(exponent, profile, remarks)


def _profile(primaries: tuple[float, ...]) -> bytes | None:
    """The ICC profile of sRGB with other primaries and white; None for those that span no colours."""
    xy = np.array(primaries).reshape(4, 2)
    if (xy[:, 1] <= 0).any():
        return None
    white, *colours = np.column_stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]])
    colours = np.array(colours).T
    if abs(np.linalg.det(colours)) < 1e-6 or (_BRADFORD @ white <= 0).any():
        return None
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / (_BRADFORD @ white)) @ _BRADFORD
    matrix = adaptation @ (colours * np.linalg.solve(colours, white))
    if np.abs(matrix).max() > 8:
        return None
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    values = {b"rXYZ": matrix[:, 0], b"gXYZ": matrix[:, 1], b"bXYZ": matrix[:, 2], b"chad": adaptation.ravel()}
    for index in range(struct.unpack_from(">I", profile, 128)[0]):
        tag, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if tag in values:
            fixed = np.rint(values[tag] * 65536).astype(">i4").tobytes()
            profile[offset + 8 : offset + 8 + len(fixed)] = fixed
        elif tag == b"chrm":  # the primaries once more
            profile[offset + 12 : offset + size] = np.rint(xy[1:] * 65536).astype(">u4").tobytes()
        elif tag == b"desc":  # in UTF-16; as long as before
            old, new = ("sRGB built-in".encode("utf-16-be"), "PNG's colours".encode("utf-16-be"))
            profile[offset : offset + size] = profile[offset : offset + size].replace(old, new)
    return bytes(profile)


def _read_chunk(path: "str | os.PathLike", wanted: bytes) -> bytes:
    """The content of a chunk that stands before the pixels; empty if there is none."""
    with open(path, "rb") as file:
        file.seek(8)
        while len(header := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", header)
            if kind == wanted:
                return file.read(length)
            if kind in (b"IDAT", b"IEND"):
                break
            file.seek(length + 4, os.SEEK_CUR)
    return b""
