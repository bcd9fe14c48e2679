"""Images: reading, writing, resizing, degradation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "degradation": ["Degradation", "Realistic", "get_degradation"],
        "io": ["centre_crop", "crop_to_multiple", "list_images", "luma", "read", "strip", "to_uint8", "write"],
        "photo": ["Photo"],
        "resize": ["INTERPOLATIONS", "KERNELS", "SCALES", "downscale", "nearest"],
    },
)
