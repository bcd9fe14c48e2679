"""Does a recogniser of faces do better on super-resolved faces? LFW's verification at 20 to 60 px."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "embeddings": ["keras_facenet", "keras_file", "onnx_file", "opencv_sface", "tfjs_file"],
        "experiment": ["SIZES_PX", "verify_small_faces"],
        "lfw": ["FacePairs", "find_lfw", "read_pairs"],
        "significance": ["McNemar", "mcnemar"],
        "verification": ["Verification", "verify"],
    },
)
