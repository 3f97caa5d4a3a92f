"""Running one command and knowing what it took."""

import os
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path


class BenchFailed(Exception):
    pass


@dataclass
class Sample:
    cpu: float  # seconds, in the program and in the kernel
    wall: float
    rss: int  # KiB


class Place:
    """The folder of one run: where programs are, and where files may be put."""

    def __init__(self, root: Path, build: Path, work: Path, peers: Path):
        self.root, self.build, self.work = root, build, work
        self.weir = build / "bin" / "weir"
        self.environments = peers
        self.python = self.environment("suite")
        self.peers = root / "bench" / "peers"

    def tool(self, name: str) -> str:
        return str(self.build / "bench" / name)

    def environment(self, name: str) -> Path:
        """The Python of one of the environments that tests/interop/setup.sh makes."""
        return self.environments / name / "bin" / "python"

    def has_environment(self, name: str) -> bool:
        return (self.environments / name / "installed.txt").exists()

    def has_peers(self) -> bool:
        return self.has_environment("suite")

    def measure(self, argv, *, feed=None, say: bytes | None = None, hold=False, drain=False, keep=None, env=None) -> Sample:
        """Runs a command. Its input is the output of the command `feed`, or a pipe that says `say` and then ends, or stays open (hold). Its output
        goes into a pipe that is emptied without a look (drain), to the file `keep`, or nowhere. CPU of flood, if it was a child, is taken off."""
        report, children = self.work / "measured", self.work / "children"
        children.unlink(missing_ok=True)
        feeder = subprocess.Popen([str(a) for a in feed], stdout=subprocess.PIPE) if feed else None
        out = open(keep, "wb") if keep else subprocess.PIPE if drain else subprocess.DEVNULL
        child = subprocess.Popen(
            [self.tool("measure"), str(report), *map(str, argv)],
            stdin=feeder.stdout if feeder else subprocess.PIPE if say is not None else subprocess.DEVNULL,
            stdout=out,
            stderr=(self.work / "errors").open("wb"),
            env={**os.environ, "LOG_LEVEL": "warn", **(env or {})},
        )
        if feeder:
            feeder.stdout.close()
        if keep:
            out.close()
        emptier = threading.Thread(target=_empty, args=(child.stdout,)) if drain else None
        if emptier:
            emptier.start()
        if say is not None:
            child.stdin.write(say)
            child.stdin.flush()
            if not hold:
                child.stdin.close()
        child.wait()
        if say is not None and hold:
            child.stdin.close()
        for thing in (emptier.join if emptier else None, feeder.wait if feeder else None):
            if thing:
                thing()
        status, user, system, wall, rss = report.read_text().split()
        if status != "0":
            raise BenchFailed(f"{' '.join(map(str, argv))}: status {status}: {(self.work / 'errors').read_text()[-500:]}")
        others = sum(map(float, children.read_text().split())) if children.exists() else 0
        return Sample(float(user) + float(system) - others, float(wall), int(rss))

    def flood_report(self) -> dict[str, str]:
        return {"FLOOD_REPORT": str(self.work / "children")}


def _empty(pipe) -> None:
    """Moves the pages of a pipe to nowhere: costs next to nothing, so that the writer is not kept waiting."""
    with open(os.devnull, "wb") as nowhere:
        while os.splice(pipe.fileno(), nowhere.fileno(), 1 << 20):
            pass
