"""PatchMatch (Barnes et al. 2009) over affine transforms: for each patch of a larger image its like in smaller ones."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

PATCH = 5  # side of a patch in px
_REST = PATCH // 2
_OFFSETS = np.stack(np.meshgrid(*[np.arange(-_REST, _REST + 1, dtype=np.float32)] * 2), axis=-1).reshape(-1, 2)  # x, y
_WEIGHTS = np.exp(-np.square(_OFFSETS).sum(axis=1) / (2 * 3**2))
_WEIGHTS /= _WEIGHTS.sum()
# A patch in one row has 25 times red, green and blue; these matrices give the three means, and the weighted ones.
_MEANS = np.tile(np.eye(3, dtype=np.float32), (PATCH**2, 1)) / PATCH**2
_WEIGHTED_MEANS = _MEANS * PATCH**2 * np.repeat(_WEIGHTS, 3)[:, None]
_MOST_BIAS = 0.25
_LARGEST_SCALE = 8
_MARGIN = 3  # px of zeros around each level in an atlas
_CHUNK = 8192  # of patches


@dataclass
class Field:
    """The affine transform of each patch, from an offset in the patch to a place in the large image's grid of px.

    Attributes:
        centre: float32 array of shape (rows, columns, 2): x and y of the source's centre.
        matrix: float32 array of shape (rows, columns, 2, 2).
        cost: float32 array of shape (rows, columns): how unlike the patches are.
    """

    centre: np.ndarray
    matrix: np.ndarray
    cost: np.ndarray

    def put(self, rows: np.ndarray, columns: np.ndarray, centre, matrix, cost) -> None:
        """Replaces the transforms of some patches."""
        self.centre[rows, columns], self.matrix[rows, columns], self.cost[rows, columns] = centre, matrix, cost


class Matcher:
    """Compares the patches of a blurred target with transformed patches of smaller blurred images.

    Args:
        target: float32 array of shape (height, width, 3), in [0, 1]: an enlarged image.
        sharp: Smaller images, each `factor` times the size of the one before; the first one of the target's.
        blurred: The same images, as blurred as the target.
        factor: Below 1.
    """

    def __init__(self, target: np.ndarray, sharp: list[np.ndarray], blurred: list[np.ndarray], factor: float):
        self.height, self.width = target.shape[:2]
        self.grid = self.height - 2 * _REST, self.width - 2 * _REST
        self._log_factor = np.log(factor)
        self._windows = sliding_window_view(target.reshape(self.height, -1), (PATCH, 3 * PATCH))
        self._sharp, self._blurred = _atlas(sharp), _atlas(blurred)
        sides = np.array([image.shape[1::-1] for image in blurred], np.float32)
        self._most = sides + 1  # there, and below -1, is nothing but zeros
        self._top = np.cumsum([0, *sides[:-1, 1] + 2 * _MARGIN]).astype(np.float32)

    def start(self) -> Field:
        """Each patch looks where it is itself, in the image of half the size."""
        centre = np.stack(np.meshgrid(*(np.arange(side, dtype=np.float32) for side in self.grid[::-1])), -1) + _REST
        matrix = np.broadcast_to(2 * np.eye(2, dtype=np.float32), (*self.grid, 2, 2)).copy()
        return self._with_costs(centre, matrix)

    def enlarge(self, field: Field, before: "Matcher") -> Field:
        """A field that was found for a smaller target."""
        nearest, rest, ratios = [], [], []
        for side, side_before in ((self.width, before.width), (self.height, before.height)):
            places, ratio = np.arange(_REST, side - _REST, dtype=np.float32), np.float32(side / side_before)
            nearest.append(np.clip(np.rint(places / ratio), _REST, side_before - 1 - _REST).astype(int))
            rest.append(places - nearest[-1] * ratio)
            ratios.append(ratio)
        chosen = np.ix_(nearest[1] - _REST, nearest[0] - _REST)
        centre = field.centre[chosen] * np.array(ratios) + np.stack(np.meshgrid(*rest), axis=-1)
        centre = np.clip(centre, _REST, np.float32([self.width, self.height]) - 1 - _REST).astype(np.float32)
        return self._with_costs(centre, field.matrix[chosen])

    def improve(self, field: Field, rng: np.random.Generator) -> None:
        """One round: random search, ever nearer, then propagation to the right, downwards, to the left and upwards."""
        changed = np.zeros(self.grid, bool)
        rows, columns = (indices.ravel() for indices in np.indices(self.grid))
        radius, draw = max(self.height, self.width) / 4, 2
        while radius > 1:
            radius /= 2
            drawn = _random_matrices(len(rows), draw, rng) @ field.matrix[rows, columns]
            centre = field.centre[rows, columns] + rng.uniform(-radius, radius, (len(rows), 2)).astype(np.float32)
            changed |= self._try(field, rows, columns, centre, drawn)
            draw += 1
        for step in ((1, 0), (0, 1), (-1, 0), (0, -1)):
            self._propagate(field, changed, np.array(step))

    def vote(self, field: Field) -> np.ndarray:
        """The sharp partners of what was found, where patches overlap their mean: shape (height, width, 3)."""
        total = np.zeros((self.height, self.width, 3), np.float32)
        weights = np.zeros((self.height, self.width, 1), np.float32)
        num_rows, num_columns = self.grid
        for top in range(0, num_rows, max(1, _CHUNK // num_columns)):
            rows = np.arange(top, min(num_rows, top + max(1, _CHUNK // num_columns)))
            rows, columns = (part.ravel() for part in np.meshgrid(rows, np.arange(num_columns), indexing="ij"))
            places = self._places(field.centre[rows, columns], field.matrix[rows, columns])
            bias = _bias(self._patches(rows, columns) - _sampled(self._blurred, places))
            found = _sampled(self._sharp, places).reshape(-1, PATCH**2, 3) + bias[:, None]
            found = found.reshape(-1, num_columns, PATCH**2, 3)
            for index, (x, y) in enumerate(_OFFSETS.astype(int) + _REST):
                place = slice(top + y, top + y + len(found)), slice(x, x + num_columns)
                total[place] += _WEIGHTS[index] * found[:, :, index]
                weights[place] += _WEIGHTS[index]
        return total / weights

    def _propagate(self, field: Field, changed: np.ndarray, step: np.ndarray) -> None:
        """Hands the transforms that are new in this round on to neighbours, until none of them gets better."""
        front = np.argwhere(changed)
        while len(front):
            to = front + step[::-1]
            inside = ((to >= 0) & (to < self.grid)).all(axis=1)
            (rows, columns), (rows_from, columns_from) = to[inside].T, front[inside].T
            matrix, centre = field.matrix[rows_from, columns_from], field.centre[rows_from, columns_from]
            other = (np.abs(centre - field.centre[rows, columns]) > 1).any(axis=1)
            rows, columns, matrix = rows[other], columns[other], matrix[other]
            accepted = self._try(field, rows, columns, centre[other] + matrix @ step.astype(np.float32), matrix)
            changed |= accepted
            front = np.argwhere(accepted)

    def _try(self, field: Field, rows, columns, centre: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Takes over those transforms that are valid and cost less; returns where, as a mask of the grid."""
        scale = _scale(matrix)
        last = np.float32([self.width, self.height]) - 1 - _REST
        valid = ((centre >= _REST) & (centre <= last)).all(axis=1)
        valid &= (scale >= np.exp(-self._log_factor)) & (scale <= _LARGEST_SCALE)
        rows, columns, centre, matrix = rows[valid], columns[valid], centre[valid], matrix[valid]
        cost = self._costs(rows, columns, centre, matrix)
        better = cost < field.cost[rows, columns]
        rows, columns = rows[better], columns[better]
        field.put(rows, columns, centre[better], matrix[better], cost[better])
        accepted = np.zeros(self.grid, bool)
        accepted[rows, columns] = True
        return accepted

    def _with_costs(self, centre: np.ndarray, matrix: np.ndarray) -> Field:
        rows, columns = (indices.ravel() for indices in np.indices(self.grid))
        cost = self._costs(rows, columns, centre.reshape(-1, 2), matrix.reshape(-1, 2, 2))
        return Field(centre, matrix, cost.reshape(self.grid))

    def _costs(self, rows, columns, centre: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Weighted squared errors of patches, after their mean colours are made alike."""
        costs = np.empty(len(rows), np.float32)
        for top in range(0, len(rows), _CHUNK):
            part = slice(top, top + _CHUNK)
            error = self._patches(rows[part], columns[part])
            error -= _sampled(self._blurred, self._places(centre[part], matrix[part]))
            bias = _bias(error)
            # The weighted mean of (error - bias)², multiplied out.
            costs[part] = (bias * (bias - 2 * (error @ _WEIGHTED_MEANS))).sum(axis=1)
            costs[part] += np.square(error, out=error) @ _WEIGHTED_MEANS.sum(axis=1)
        return costs

    def _patches(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The target's patches, each in a row: shape (number, 75)."""
        return self._windows[rows, 3 * columns].reshape(len(rows), -1)

    def _places(self, centre: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x and y, in the atlas, of each pixel of transformed patches: two arrays of shape (number, 25)."""
        level = np.clip(np.rint(-np.log(_scale(matrix)) / self._log_factor), 1, len(self._most)).astype(int)
        ratio = np.exp(level * self._log_factor).astype(np.float32)
        x, y = (
            np.clip(
                (centre[:, axis, None] + matrix[:, axis] @ _OFFSETS.T) * ratio[:, None],
                -2,
                self._most[level - 1, axis, None],
            )
            for axis in range(2)
        )
        return x + _MARGIN, y + (_MARGIN + self._top[level - 1, None])


def _atlas(images: list[np.ndarray]) -> np.ndarray:
    """Images below each other, each with zeros around it."""
    width = max(image.shape[1] for image in images)
    margins = [(_MARGIN, _MARGIN, _MARGIN, _MARGIN + width - image.shape[1]) for image in images]
    return np.vstack(
        [cv2.copyMakeBorder(image, *margin, cv2.BORDER_CONSTANT) for image, margin in zip(images, margins)]
    )


def _sampled(atlas: np.ndarray, places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Patches, each in a row: shape (number, 75)."""
    return cv2.remap(atlas, *places, cv2.INTER_LINEAR).reshape(-1, 3 * PATCH**2)


def _bias(error: np.ndarray) -> np.ndarray:
    """What is to be added to red, green and blue of each patch, so that they have the target's means."""
    return np.clip(error @ _MEANS, -_MOST_BIAS, _MOST_BIAS)


def _scale(matrix: np.ndarray) -> np.ndarray:
    """By how much transforms enlarge: the root of their determinants."""
    return np.sqrt(np.abs(matrix[:, 0, 0] * matrix[:, 1, 1] - matrix[:, 0, 1] * matrix[:, 1, 0]))


def _random_matrices(count: int, draw: int, rng: np.random.Generator) -> np.ndarray:
    """Changes of scale, angle and shear, smaller from draw to draw: shape (count, 2, 2)."""
    size = 1 + rng.uniform(-0.5, 0.5, count) / draw
    angle = rng.uniform(-np.pi / 8, np.pi / 8, count) / draw
    shear = rng.uniform(-0.025, 0.025, (2, count)) / draw
    cos, sin, one = np.cos(angle), np.sin(angle), np.ones(count)
    turned = np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1)
    sheared = np.array([[one, shear[0]], [shear[1], one]]).transpose(2, 0, 1)
    return (size[:, None, None] * turned @ sheared).astype(np.float32)
