"""Records of Fivetran beside Google's protobuf: other values each time. The unit test writes and reads them; fivetran_vectors.py says what they have to be."""

import os
import random
import subprocess
import sys

import pytest

import fivetran

if fivetran.missing():
    pytest.skip(fivetran.missing(), allow_module_level=True)

from conftest import DEADLINE, HERE, ours


def test_records(tmp_path):
    unit = os.path.join(os.path.dirname(ours("weir")), "../tests/unit_proto_test_fivetran_record")
    if not os.path.exists(unit):
        pytest.skip(f"{unit} is not there: build it")
    seed, vectors = random.randrange(1 << 32), tmp_path / "vectors.txt"
    environment = os.environ | {"PYTHONPATH": str(fivetran.SITE)}
    with vectors.open("w") as out:
        subprocess.run([sys.executable, HERE / "fivetran_vectors.py", "5000", str(seed)], stdout=out, env=environment, check=True, timeout=DEADLINE)
    assert vectors.read_bytes().count(b"\n") > 5000
    run = subprocess.run([unit], env=os.environ | {"WEIR_FIVETRAN_VECTORS": str(vectors)}, capture_output=True, text=True, timeout=DEADLINE)
    assert run.returncode == 0, f"seed {seed}\n{run.stdout}{run.stderr}"
