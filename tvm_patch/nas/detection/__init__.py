"""Detection as a search wants it: scenes with boxes, a head on a grid, targets, decoding, scores; no TensorFlow."""
