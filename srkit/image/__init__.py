"""Images: reading, writing, resizing, degradation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "degradation": ["Degradation", "Realistic", "get_degradation"],
        "io": [
            *("FORMAT_NAMES", "MAX_PIXELS", "centre_crop", "crop_to_multiple", "format_of", "list_images"),
            *("read_image", "side_by_side", "to_uint8", "write_image", "y_channel"),
        ],
        "photo": ["NO_PHOTOGRAPHS", "Photo", "check_target", "read_photo", "write_photo"],
        "resize": ["INTERPOLATIONS", "KERNELS", "SCALES", "downscale", "interpolate", "interpolation_taps", "nearest"],
    },
)
