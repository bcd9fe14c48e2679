"""Model builders. To add one: a file with a builder, and a line in `MODELS`; tests/models/test_models.py then tries it.

Builders name all layers. Names that Keras makes up count on from model to model, and TensorFlow orders its graphs by
name: with them, the same training could end in other last digits, depending on what was built before it.
"""

from srkit.lazy import LazyTable

# Generators: functions that build a model from LR to SR.
MODELS = LazyTable(
    {
        "srresnet": "srkit.models.architectures.srresnet:srresnet",
        "edsr": "srkit.models.architectures.edsr:edsr",
        "msrresnet": "srkit.models.architectures.msrresnet:msrresnet",
        "mdsr": "srkit.models.architectures.mdsr:mdsr",
        "rrdb": "srkit.models.architectures.rrdb:rrdb",
        "compact": "srkit.models.architectures.compact:compact",
        "span": "srkit.models.architectures.span:span",
        "srcnn": "srkit.models.architectures.srcnn:srcnn",
        "espcn": "srkit.models.architectures.espcn:espcn",
        "vdsr": "srkit.models.architectures.vdsr:vdsr",
        "wdsr": "srkit.models.architectures.wdsr:wdsr",
        "drcn": "srkit.models.architectures.drcn:drcn",
    }
)
