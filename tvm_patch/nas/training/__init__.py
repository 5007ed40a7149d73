"""Super networks, fine-tuning and quantization-aware training, in TensorFlow (extra ``[nas]``).

Nothing outside this package imports TensorFlow, and the compiler never does.
"""
