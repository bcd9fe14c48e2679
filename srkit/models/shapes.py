"""The shapes of the images that a model takes and makes."""

import contextlib
import weakref

import keras

from srkit.errors import InputError

_SIDE_PX = 96  # of an image that a model of any size is asked about

_found_by_running: "weakref.WeakKeyDictionary[keras.Model, dict[tuple, list]]" = weakref.WeakKeyDictionary()


def fixed_sides(model: keras.Model) -> tuple[int | None, int | None]:
    """The height and width of all images that the model takes; None where they may be any."""
    inputs = getattr(model, "inputs", None)  # a model that is program code has none
    return tuple(inputs[0].shape[1:3]) if inputs else (None, None)


def channels_of(model: keras.Model) -> int | None:
    """The number of channels of the images that a model takes; None where it does not say.

    Raises:
        InputError: It takes something else than one image.
    """
    inputs = getattr(model, "inputs", None)
    if inputs and len(inputs) != 1:
        raise not_for_super_resolution(model, f"it has {len(inputs)} inputs")
    if not inputs or len(inputs[0].shape) != 4:
        return None
    first, last = inputs[0].shape[1], inputs[0].shape[3]
    if first in (1, 3) and last not in (1, 3):
        raise not_for_super_resolution(model, "it takes images with channels first, (batch, channels, height, width)")
    return last


def enlargement_of(model: keras.Model, channels: int) -> int:
    """The factor by which a model enlarges images with that number of channels, which it keeps.

    Raises:
        InputError: It does something else, and the message says what.
    """
    taken = channels_of(model)
    if taken not in (None, channels):
        raise not_for_super_resolution(model, f"it takes {_counted(taken)}")
    height, width = (side or _SIDE_PX for side in fixed_sides(model))
    made = _made_of(model, (1, height, width, channels))
    if len(made) != 1 or len(made[0]) != 4:
        what = f"it has {len(made)} outputs" if len(made) != 1 else f"it makes no image, but the shape {made[0]}"
        raise not_for_super_resolution(model, what)
    _, new_height, new_width, new_channels = made[0]
    scale = new_height // height
    if scale < 1 or (new_height, new_width) != (height * scale, width * scale):
        advice = ": its convolutions need padding='same'" if new_height > height else ""
        sizes = f"{new_width}x{new_height} px of {width}x{height} px"
        raise not_for_super_resolution(model, f"it makes {sizes}{advice}")
    if new_channels != channels:
        raise not_for_super_resolution(model, f"it makes {_counted(new_channels)} of {channels}")
    return scale


def not_for_super_resolution(model: keras.Model, reason: str) -> InputError:
    return InputError(
        f"{model.name} is not a super-resolution model: it must map (batch, height, width, 3) to a whole multiple of "
        f"the height and width, and 3 channels; {reason}."
    )


def _made_of(model: keras.Model, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shapes of a model's outputs. One that does not know them is run once, on zeros, to find out."""
    if getattr(model, "inputs", None):
        with contextlib.suppress(Exception):  # layers of a user's own may raise anything
            made = _shapes(model.compute_output_spec(keras.KerasTensor(shape)))
            if all(None not in shape[1:] for shape in made):
                return made
    found = _found_by_running.setdefault(model, {})
    if shape not in found:
        try:
            found[shape] = _shapes(model(keras.ops.zeros(shape), training=False))
        except Exception as error:
            lines = [line for line in str(error).splitlines() if line.strip() and "Exception encountered" not in line]
            reason = lines[0].strip() if lines else type(error).__name__
            raise not_for_super_resolution(model, f"on an image of shape {shape} it fails: {reason}") from None
    return found[shape]


def _shapes(tensors: object) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in keras.tree.flatten(tensors)]


def _counted(channels: int) -> str:
    return f"{channels} channel{'' if channels == 1 else 's'}"
