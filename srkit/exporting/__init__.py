"""Models for other programs: TensorFlow's SavedModel, TFLite, ONNX."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"formats": ["FORMATS", "PRECISIONS"], "saving": ["export"]},
)
