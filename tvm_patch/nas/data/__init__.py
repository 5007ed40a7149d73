"""Data sets as a search wants them: pictures of any resolution, by class or with boxes; no TensorFlow, no TVM."""
