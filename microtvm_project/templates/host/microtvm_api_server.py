"""The Project API server of this template, and of every project that is made from it."""

from pathlib import Path

from microtvm_project.project.local import HostHandler
from microtvm_project.project_api import main

if __name__ == "__main__":
    main(HostHandler(Path(__file__).resolve().parent))
