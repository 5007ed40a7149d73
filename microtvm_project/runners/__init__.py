"""Programs that run here: as a child process, or in QEMU."""

from microtvm_project.runners.ending import explain_end
from microtvm_project.runners.qemu import qemu_command
from microtvm_project.runners.transport import transport_to

__all__ = ["explain_end", "qemu_command", "transport_to"]
