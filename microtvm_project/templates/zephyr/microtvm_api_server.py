"""The Project API server of this template, and of every project that is made from it."""

from pathlib import Path

from microtvm_project.project.zephyr import ZephyrHandler
from microtvm_project.project_api import main

if __name__ == "__main__":
    main(ZephyrHandler(Path(__file__).resolve().parent))
