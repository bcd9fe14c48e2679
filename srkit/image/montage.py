"""Pictures made of several images."""

import cv2
import numpy as np

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_NAME_HEIGHT_PX, _GAP_PX = 24, 4


def side_by_side(columns: dict[str, np.ndarray]) -> np.ndarray:
    """Sets images of one height side by side, each below its name.

    Args:
        columns: Name to uint8 RGB image.

    Returns:
        One uint8 RGB image, white around the names and between the columns.

    ```python
    write_image("compared.png", side_by_side({"bicubic": interpolate(lr, 4), "SR": sr, "HR": hr}))
    ```
    """
    parts = []
    for name, image in columns.items():
        part = cv2.copyMakeBorder(image, _NAME_HEIGHT_PX, 0, 0, _GAP_PX, cv2.BORDER_CONSTANT, value=_WHITE)
        cv2.putText(part, name, (2, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _BLACK, 1, cv2.LINE_AA)
        parts.append(part)
    return np.concatenate(parts, axis=1)
