"""Reading a cache of aligned HR/LR pairs.

A cache is a folder with the decoded pixels of all HR images in one file (`hr.bin`), those of all LR images in another
(`lr.bin`), and `index.json`, which says where each photograph begins. A crop is read through memory maps, without any
decoding, whatever the size of its photograph. `srkit.data.cache_builder` writes caches;
`srkit.data.folders` says where they lie.
"""

import hashlib
import json
from pathlib import Path

import numpy as np


class Cache:
    """A finished cache. Pixels are read when they are asked for.

    Args:
        path: The cache's folder.

    Attributes:
        scale: HR side / LR side.
        names: The photographs' names.
        skipped: The names of photographs that were left out, each with the reason.
        fingerprint: A text that changes with the pixels. The same photographs on another machine have the same.
    """

    def __init__(self, path: Path):
        index = json.loads((path / "index.json").read_text(encoding="utf-8"))
        self.scale: int = index["scale"]
        self.skipped: dict[str, str] = index["skipped"]
        self._entries = index["pairs"]
        self.names: list[str] = [entry["name"] for entry in self._entries]
        content = [self.scale, index["kernel"], [entry["digest"] for entry in self._entries]]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        self.fingerprint = f"x{self.scale}-{index['kernel']}-{digest}"
        if self._entries:
            # As plain arrays: slices of a memmap object take several times as long to make.
            self._hr, self._lr = (
                np.asarray(np.memmap(path / name, np.uint8, mode="r")) for name in ("hr.bin", "lr.bin")
            )

    def hr_shape(self, index: int) -> tuple[int, int, int]:
        """The shape of an HR image."""
        return (*self._entries[index]["hr_size"], 3)

    def pair(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The pair `(lr, hr)` of a photograph: read-only views of the memory maps."""
        entry = self._entries[index]
        height, width = entry["hr_size"]
        area = height * width * 3
        lr = self._lr[entry["lr_offset"] : entry["lr_offset"] + area // self.scale**2]
        hr = self._hr[entry["hr_offset"] : entry["hr_offset"] + area]
        return lr.reshape(height // self.scale, width // self.scale, 3), hr.reshape(height, width, 3)
