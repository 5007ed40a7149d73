"""Network architectures as records, and what they cost, without weights, TVM or TensorFlow."""
