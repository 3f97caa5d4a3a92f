"""The Python of the environment `fivetran`, for scripts outside of this suite."""

import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON = Path(os.environ.get("WEIR_PEERS") or Path.home() / ".cache" / "weir-peers") / "fivetran/bin/python"


def enter(name: str) -> None:
    """The script goes on in that Python; without one its tests, which have this name, are skipped."""
    if not PYTHON.exists():
        print(f"ok {name} # SKIP no environment 'fivetran': see tests/interop/setup.sh")
        sys.exit(0)
    if Path(sys.prefix) != PYTHON.parents[1]:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])


def wire():
    """The module interop/fivetran.py, whatever else is named fivetran."""
    spec = importlib.util.spec_from_file_location("wire", HERE / "fivetran.py")
    module = sys.modules["wire"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
