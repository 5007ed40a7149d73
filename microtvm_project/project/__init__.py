"""Firmware projects: folders that hold a model, the firmware around it and how to build it, one handler a template."""

from microtvm_project.project.base import PROJECT_FILE, ProjectFile, TemplateHandler, read_project
from microtvm_project.project.templates import HANDLERS, handler_for, template_folder

__all__ = [
    "HANDLERS",
    "PROJECT_FILE",
    "ProjectFile",
    "TemplateHandler",
    "handler_for",
    "read_project",
    "template_folder",
]
