"""TFLite files: reading, checking, building and writing them.  Imports no TVM.

The PyPI package ``tflite`` is another thing: the schema's generated accessors, which only the writer uses.
"""
