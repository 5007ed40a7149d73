"""The templates by name."""

from __future__ import annotations

from pathlib import Path

from microtvm_project.linker import TEMPLATES
from microtvm_project.project.base import TemplateHandler
from microtvm_project.project.c import CHandler
from microtvm_project.project.local import HostHandler, QemuHandler
from microtvm_project.project.zephyr import ZephyrHandler
from tvm_patch.errors import UserError

HANDLERS: dict[str, type[TemplateHandler]] = {
    h.template: h for h in (ZephyrHandler, QemuHandler, HostHandler, CHandler)
}
"""What makes, builds and runs the projects of each template."""


def handler_for(template: str) -> type[TemplateHandler]:
    """Return a template's handler.

    Raises
    ------
    UserError
        There is no such template.
    """
    if template not in HANDLERS:
        raise UserError(f"there is no template {template!r}; known are {', '.join(HANDLERS)}")
    return HANDLERS[template]


def template_folder(template: str) -> Path:
    """Return the folder of a template's server.

    Raises
    ------
    UserError
        There is no such template.
    """
    return TEMPLATES / handler_for(template).template
