"""Graph passes and analyses over Relax for int8 networks, each usable alone in any TVM pipeline."""
