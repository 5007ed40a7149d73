"""A child process that is spoken to through its standard input and output."""

from __future__ import annotations

from microtvm_project.transports.child import ChildTransport


class PipeTransport(ChildTransport):
    """See :class:`ChildTransport`; programs built for the host."""

    def _connect(self) -> tuple[int, int]:
        process = self._start(self.command, piped=True)
        assert process.stdout is not None
        assert process.stdin is not None
        return process.stdout.fileno(), process.stdin.fileno()
