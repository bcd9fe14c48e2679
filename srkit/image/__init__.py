"""Images: reading, writing, resizing, degradation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "compression": ["is_lossy"],
        "degradation": ["DEGRADATION_NAMES", "Degradation", "Realistic", "get_degradation"],
        "formats": ["FORMATS", "FORMAT_NAMES", "check_target", "format_of", "list_images", "with_writable_extension"],
        "io": ["MAX_PIXELS", "read_image", "write_image"],
        "montage": ["side_by_side"],
        "photo": ["Photo", "read_photo"],
        "photo_writer": ["write_photo"],
        "pixels": [
            *("centre_crop", "crop_to_multiple", "full_range_luma", "nearest", "size_text", "to_grey", "to_uint8"),
            "y_channel",
        ],
        "resize": ["INTERPOLATIONS", "KERNELS", "SCALES", "downscale", "interpolate", "interpolation_taps"],
    },
)
