"""From lowered TIR to an artifact: C sources, constants, metadata, Model Library Format."""
