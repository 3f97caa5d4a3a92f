"""Fivetran's protocol by other people's means: Google's gRPC and protobuf, with stubs that protoc makes of the .proto files of this tree; and servers of
ours, started and ended.

The packages are those of the environment `fivetran` (requirements-fivetran.txt). The suite's own Python imports them from there.
"""

import contextlib
import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("WEIR_PEERS") or Path.home() / ".cache" / "weir-peers")
PROTO = ROOT / "src/proto/fivetran/proto"
FILES = ["common.proto", "connector_sdk.proto", "destination_sdk.proto"]
SITE = PEERS / "fivetran/lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
GRPCURL = PEERS / "bin" / "grpcurl"
LIMIT = 128 << 20

if (PEERS / "fivetran/installed.txt").exists() and str(SITE) not in sys.path:
    sys.path.append(str(SITE))


def missing() -> str | None:
    """Why nothing of this can be done; None if it can."""
    for name in ("grpc", "grpc_tools", "grpc_reflection", "grpc_health", "zstandard", "cryptography", "duckdb", "pyarrow"):
        if importlib.util.find_spec(name) is None:
            return f"no package '{name}' for this Python: see tests/interop/setup.sh fivetran"
    return None


def stubs() -> Path:
    """The folder of the generated modules. It is made again only when a .proto file has changed."""
    texts = b"".join((PROTO / name).read_bytes() for name in FILES)
    folder = PEERS / "fivetran" / ("stubs-" + hashlib.sha256(texts + sys.version.encode()).hexdigest()[:16])
    if not folder.exists():
        from grpc_tools import protoc

        made = Path(tempfile.mkdtemp(dir=folder.parent))
        well_known = Path(protoc.__file__).parent / "_proto"
        if protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", f"--python_out={made}", f"--grpc_python_out={made}", *FILES]):
            raise RuntimeError("protoc has failed")
        try:
            made.rename(folder)
        except OSError:  # somebody else was faster
            shutil.rmtree(made)
    return folder


def __getattr__(name):
    """common, source, destination: the messages; source_rpc, destination_rpc: stubs and servicers."""
    modules = {"common": "common_pb2", "source": "connector_sdk_pb2", "destination": "destination_sdk_pb2",
               "source_rpc": "connector_sdk_pb2_grpc", "destination_rpc": "destination_sdk_pb2_grpc"}  # fmt: skip
    if name not in modules:
        raise AttributeError(name)
    if str(stubs()) not in sys.path:
        sys.path.append(str(stubs()))
    return importlib.import_module(modules[name])


# ----------------------------------------------------------------------------------------------------------------- servers of ours


def flat(settings: dict) -> dict[str, str]:
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in settings.items()}


class Served:
    """A program that serves, on a port that it chose. lines: what it said on standard output."""

    def __init__(self, argv, cwd=None, **env):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, stderr=self.errors, stdin=subprocess.DEVNULL, cwd=cwd,
                                        env={k: v for k, v in os.environ.items() if not k.startswith("LOG_")} | env)  # fmt: skip
        self.lines, self.port, self.stubs = [], None, []
        said = threading.Event()
        self.reader = threading.Thread(target=self.read, args=(said,), daemon=True)
        self.reader.start()
        if not said.wait(60) or self.port is None:
            self.stop()
            raise AssertionError(f"{argv} does not say its port: {self.lines} {self.stderr()}")

    def read(self, said):
        for line in self.process.stdout:
            self.lines.append(line.decode())
            if self.port is None and ", port " in self.lines[-1]:
                self.port = int(self.lines[-1].split(", port ")[1].split('"')[0])
                said.set()
        said.set()

    def stderr(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def channel(self, **options):
        import grpc

        made = grpc.insecure_channel(f"127.0.0.1:{self.port}", options=[("grpc.max_receive_message_length", LIMIT), *options.items()])
        self.stubs.append(made)
        return made

    def source(self, **options):
        return sys.modules[__name__].source_rpc.SourceConnectorStub(self.channel(**options))

    def destination(self, **options):
        return sys.modules[__name__].destination_rpc.DestinationConnectorStub(self.channel(**options))

    def alive(self) -> bool:
        return self.process.poll() is None

    def status(self, word: str) -> int:
        """A number of /proc/PID/status: VmRSS in KiB, Threads."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith(word + ":")).split()[1])

    def stop(self) -> int:
        for made in self.stubs:
            made.close()
        self.stubs = []
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server has not ended within 30 s of SIGTERM") from None
        finally:
            self.reader.join(10)
        return self.process.returncode

    def log(self) -> list[dict]:
        return [json.loads(line) for line in self.lines]


@contextlib.contextmanager
def serving(*argv, cwd=None, **env):
    """A server for a while. It ends with status 0, has said one JSON object a line of the three levels, and nothing that a sanitizer says."""
    served = Served(argv, cwd, **env)
    try:
        yield served
        assert served.alive(), f"the server has ended, status {served.process.returncode}: {served.stderr()}"
        assert served.stop() == 0, served.stderr()
    finally:
        if served.alive():
            served.process.kill()
            served.process.wait()
        for made in served.stubs:
            made.close()
    for line in served.log():
        assert line["level"] in ("INFO", "WARNING", "SEVERE") and isinstance(line["message"], str), line
        assert line["message-origin"] in ("sdk_connector", "sdk_destination"), line
