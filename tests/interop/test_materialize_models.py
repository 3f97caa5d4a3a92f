"""What `weir run` says to a Flow materialization, and what our destinations answer, judged by estuary-cdk's models where it has them: of materializations themselves it has none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

estuary = pytest.importorskip("estuary_cdk.flow")

from conftest import weir_program  # noqa: E402
from pydantic import BaseModel, ConfigDict  # noqa: E402

WEIR = weir_program()
PEER = Path(__file__).resolve().parents[1] / "golden/flow-materialize/peer.py"


class AnyObject(BaseModel):
    model_config = ConfigDict(extra="allow")


def run(folder: Path, peer: dict) -> list[tuple[str, dict]]:
    """Two documents into the peer, and what it was told but stores."""
    hello = {"endpoint": {"local": {"command": [str(WEIR.parent / "source-hello")], "config": {"count": 2, "text": "x"}}},
             "bindings": [{"resource": {"stream": "greetings"}, "target": "t/c"}]}
    endpoint = {"local": {"command": [sys.executable, str(PEER)], "config": {"path": "out.json", "tell": "told", "load_all": True, **peer}}}
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "text": {"type": "string"}}, "required": ["n"]}
    (folder / "flow.yaml").write_text(json.dumps({
        "captures": {"t/s": hello}, "collections": {"t/c": {"schema": schema, "key": ["/n"]}},
        "materializations": {"t/m": {"endpoint": endpoint, "bindings": [{"resource": {"table": "a"}, "source": "t/c"}]}}}))
    for _ in range(2):  # the second one is told what was applied last
        subprocess.run([WEIR, "run", "--once", "--quiet"], cwd=folder, check=True, timeout=60, capture_output=True)
    return [next(iter(json.loads(line).items())) for line in (folder / "told").read_text().splitlines()]


def of(told, kind):
    found = [body for k, body in told if k == kind]
    assert found, f"no {kind}"
    return found


def test_requests(tmp_path):
    told = run(tmp_path, {"mode": "files"})
    specs = [b["materialization"] for k, b in told if k in ("apply", "open")]
    specs += [b["lastMaterialization"] for k, b in told if b.get("lastMaterialization")]
    assert len(specs) > 6
    bindings = [b for s in specs for b in s["bindings"]] + [b for v in of(told, "validate") for b in v["bindings"]]
    for binding in bindings:
        collection = estuary.CollectionSpec.model_validate(binding["collection"])
        assert collection.name == "t/c" and collection.key == ["/n"]
    for body in of(told, "open"):
        assert estuary.RangeSpec.model_validate(body["range"], strict=True).keyEnd == 0xFFFFFFFF
    for body in of(told, "startCommit"):
        checkpoint = {"ackIntents": {}, **body["runtimeCheckpoint"]}  # zero values may be left out, and the model demands them
        checkpoint["sources"] = {name: {"producers": [], **source} for name, source in checkpoint["sources"].items()}
        assert estuary.Checkpoint.model_validate(checkpoint, strict=True).sources["t/c;db%2Fa"].readThrough.isdigit()


def answer(requests: list[dict], folder: Path) -> list[dict]:
    lines = "".join(json.dumps(r) + "\n" for r in requests)
    done = subprocess.run([WEIR.parent / "materialize-sqlite"], input=lines, capture_output=True, text=True, cwd=folder, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_spec(tmp_path):
    spec = answer([{"spec": {"connectorType": "LOCAL", "config": {}}}], tmp_path)[0]["spec"]
    model = estuary.ConnectorSpec.model_validate({"resourcePathPointers": [], **spec}, strict=True)
    assert model.protocol == 3032023
    assert any(p.get("x-collection-name") for p in model.resourceConfigSchema["properties"].values())


def test_states(tmp_path):
    """Through a shim, states are ours."""
    shim = ["shim", "--from", "flow", "--as", "flow", "--destination", "--", str(PEER)]
    told = run(tmp_path, {"mode": "files"})
    apply = next(b for b in of(told, "apply"))
    lines = json.dumps({"apply": {**apply, "state": {}}}) + "\n"
    done = subprocess.run([WEIR, *shim], input=lines, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=True)
    state = json.loads(done.stdout.splitlines()[-1])["applied"]["state"]
    assert estuary.ConnectorStateUpdate[AnyObject].model_validate(state).mergePatch is True
