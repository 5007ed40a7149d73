"""From a TFLite file to Relax: checks, canonical rewrite, and TVM's frontend with our converter."""

from tvm_patch.frontend.importer import Imported, import_tflite

__all__ = ["Imported", "import_tflite"]
