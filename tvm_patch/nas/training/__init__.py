"""Super networks, fine-tuning and quantization-aware training, in TensorFlow (extra ``[nas]``).

Nothing outside this package imports TensorFlow, and the compiler never does.
"""

import os

from tvm_patch.nas.training.quiet import quiet

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
with quiet():
    import tensorflow  # noqa: F401 -- it greets at length when it is imported first
