"""Autotuning: TVM's MetaSchedule chooses the configs of kernels by what they cost on a board."""
