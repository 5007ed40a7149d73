"""What host and firmware say to each other; ``templates/firmware/service.h`` is the other side of it."""

from microtvm_project.protocol.frames import VERSION, Decoder, Frame, encode
from microtvm_project.protocol.messages import Hello, RefusalCode, Result, Type, Unit, Wanted

__all__ = [
    "VERSION",
    "Decoder",
    "Frame",
    "Hello",
    "RefusalCode",
    "Result",
    "Type",
    "Unit",
    "Wanted",
    "encode",
]
