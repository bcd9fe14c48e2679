"""A+: adjusted anchored neighbourhood regression (Timofte, De Smet and Van Gool 2014)."""

import numpy as np

from srkit.classical.ksvd import nearest_atoms
from srkit.classical.method import ClassicalModel
from srkit.classical.windows import SIDE, SMALLEST_PX, average, from_blocks, gradients, project
from srkit.image import interpolate

_Y_OF_RGB = np.float32([65.481, 128.553, 24.966]) / 255**2
_RGB_OF_Y = np.float32(255**2 / 219)


class APlus(ClassicalModel):
    """A+ (Timofte et al. 2014): a linear map from gradients to missing detail, another one for each kind of place.

    The brightness is enlarged by bicubic interpolation. Each window of 3x3 LR px is described by its gradients, reduced
    to their principal components. The anchor that is most like it, of 1,024, has the linear map that predicts what the
    interpolation lacks there. Where windows overlap, the mean counts. Colours are interpolated.

    ```python
    model = srkit.load_model("a-plus-x2")
    sr = srkit.upscale("photo.jpg", model)
    ```

    Args:
        scale: HR side / LR side.
        num_components: Number of principal components.
        num_anchors: Number of anchors.
    """

    radius_px = 5  # windows reach 2 LR px around, their differences one more, and the interpolation two more

    def __init__(self, scale: int, num_components: int, num_anchors: int = 1024):
        self.scale = scale
        self.config = {
            "model": "a-plus",
            "scale": scale,
            "num_components": num_components,
            "num_anchors": num_anchors,
        }
        num_values = (SIDE * scale) ** 2
        shapes = {
            "basis": (4 * num_values, num_components),
            "anchors": (num_anchors, num_components),
            "maps": (num_anchors, num_components, num_values),
        }
        self.weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        # The windows' detail twice, their features three times, gradients twice, and images of the size of the result.
        self.bytes_per_px = 4 * (2 * num_values + 3 * num_components + (2 * 4 + 12) * scale**2)

    def __call__(self, lr: np.ndarray) -> np.ndarray:
        enlarged = interpolate(np.ascontiguousarray(lr, np.float32), self.scale)
        if min(lr.shape[:2]) < SMALLEST_PX:
            return enlarged
        # More Y, and Cb and Cr as they are, is as much more of red, green and blue.
        return enlarged + _RGB_OF_Y * self._detail(luma(enlarged))[..., None]

    def _detail(self, enlarged: np.ndarray) -> np.ndarray:
        """What the interpolated brightness lacks; zero at the edges, where there are no windows."""
        height, width = (side // self.scale for side in enlarged.shape)
        features = project(gradients(enlarged, self.scale), self.weights["basis"])
        found = self._regress(features.reshape(-1, features.shape[2]))
        return from_blocks(average(found.reshape(*features.shape[:2], -1), height, width), self.scale)

    def _regress(self, features: np.ndarray) -> np.ndarray:
        """The detail of each window: all windows of one anchor in one product."""
        anchors, maps = self.weights["anchors"], self.weights["maps"]
        nearest = nearest_atoms(features, anchors)
        order = np.argsort(nearest, kind="stable")
        ends = np.cumsum(np.bincount(nearest, minlength=len(anchors)))
        found = np.empty((len(features), maps.shape[2]), np.float32)
        for members, anchor_map in zip(np.split(order, ends[:-1]), maps, strict=True):
            if len(members):
                found[members] = features[members] @ anchor_map
        return found


def luma(image: np.ndarray) -> np.ndarray:
    """The brightness that A+ works on: Y of ITU-R BT.601 in studio range, divided by 255, without its offset.

    Args:
        image: Array of shape (height, width, 3), RGB in [0, 255].

    Returns:
        float32 array of shape (height, width).
    """
    return image.astype(np.float32, copy=False) @ _Y_OF_RGB
