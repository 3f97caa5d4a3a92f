"""The rows of Fivetran's protocol: a source streaming to a client that decodes nothing, and a source decoded as a client."""

import json
import subprocess

from measuring import BenchFailed, Place, Sample
from rows import Row, Variant

BATCH = 100


def peer(p: Place, *args) -> list[str]:
    return [str(p.environment("fivetran")), str(p.peers / "serve_fivetran.py"), *map(str, args)]


def drained(p: Place, server: list, settings: dict) -> tuple[Sample, dict]:
    """What a server took to stream everything; and how soon it accepted."""
    report = p.work / "drained"
    argv = [p.tool("rpcdrain"), str(report), *(f"{k}={v}" for k, v in settings.items()), "--", *map(str, server)]
    done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise BenchFailed(f"{' '.join(argv)}: {done.stderr[-500:]}")
    _, user, system, wall, rss, accepted, messages, size = report.read_text().split()
    return Sample(float(user) + float(system), float(wall), int(rss)), {"accepted": float(accepted), "messages": int(messages), "bytes": int(size)}


def source(p: Place, scale: float) -> Row:
    count = int(2_000_000 * scale)

    def variant(name: str, server: list, some: int, kind: str, **settings) -> Variant:
        settings = {"count": some, **settings}

        def run() -> Sample:
            sample, more = drained(p, server, settings)
            if more["messages"] < some / BATCH:
                raise BenchFailed(f"{name}: {more['messages']} messages of {some} records")
            return sample

        return Variant(name, run, some, kind)

    ours = [p.tool("five-bench")]
    variants = [variant("weir, typed values", ours, count, "weir"), variant("weir, JSON documents", ours, count, "weir", json="true")]
    if p.has_environment("fivetran"):
        variants.append(variant("grpcio, records built", peer(p, "build"), count // 20, "peer"))
        variants.append(variant("grpcio, as the official example", peer(p, "official"), count // 100, "peer"))
        variants.append(variant("grpcio, one batch ready-made", peer(p, "ready"), count // 2, "limit"))
    return Row("fivetran-source", "records of 5 columns in batches of 100 over gRPC, to a client that decodes nothing", "rec", variants,
               "4M rec per CPU second from typed values, 2M from documents, 15 MB",
               lambda r: r["weir, typed values"]["rate"] >= 4e6 and r["weir, JSON documents"]["rate"] >= 2e6 and r["weir, typed values"]["rss"] <= 15 * 1024)


def accept(p: Place, scale: float) -> Row:
    """Sample.wall is the time from exec to the first connection that is taken."""

    def variant(name: str, server: list, kind: str, **settings) -> Variant:
        def run() -> Sample:
            sample, more = drained(p, server, {"count": 100, **settings})
            return Sample(sample.cpu, more["accepted"] / 1000, sample.rss)

        return Variant(name, run, 0, kind)

    variants = [variant("weir", [p.tool("five-bench")], "weir")]
    if p.has_environment("fivetran"):
        variants.append(variant("grpcio", peer(p, "build"), "peer"))
    return Row("fivetran-start", "from exec to the first connection taken (clock); CPU: until the end of a sync of 100 records", "", variants,
               "15 ms", lambda r: r["weir"]["wall"] <= 0.015, runs=3)


def drive(p: Place, scale: float) -> Row:
    folder = p.work / "fivetran"
    folder.mkdir(exist_ok=True)
    subprocess.run(peer(p, "messages", folder), check=True)
    count = int(2_000_000 * scale)
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}

    def weir() -> Sample:
        command = [p.tool("rpcflood"), str(folder), str(count // BATCH)]
        path = p.work / "fivetran.flow.yaml"
        path.write_text(json.dumps({
            "collections": {"bench/records": {"schema": schema, "key": ["/id"]}},
            "captures": {"bench/source": {"endpoint": {"local": {"command": command, "protocol": "fivetran", "config": {}, "env": p.flood_report()}},
                                          "bindings": [{"resource": {"table": "records"}, "target": "bench/records"}]}}}))
        return p.measure([p.weir, "capture", "--source", path, "--name", "bench/source"])

    variants = [Variant("weir capture", weir, count, "weir")]
    few = count // 20

    def python() -> Sample:
        """Its own CPU and that of rpcflood, which is next to nothing beside it."""
        report = p.work / "peer"
        script = "import socket,subprocess,sys,time\n" + (
            "s=socket.socket();s.bind(('127.0.0.1',0));n=str(s.getsockname()[1]);s.close()\n"
            "f=subprocess.Popen([*sys.argv[1:4],'--port',n])\n"
            "sys.argv=['x','drain',n];import runpy\n"
            f"import grpc;grpc.channel_ready_future(grpc.insecure_channel('127.0.0.1:'+n)).result(30)\n"
            f"runpy.run_path({str(p.peers / 'serve_fivetran.py')!r},run_name='__main__')\n"
            "f.kill()\n")
        report.write_text(script)
        return p.measure([p.environment("fivetran"), report, p.tool("rpcflood"), folder, few // BATCH])

    if p.has_environment("fivetran"):
        variants.append(Variant("grpcio, decoded and counted", python, few))
    return Row("fivetran-drive", "the same records from a server that sends one batch again and again, decoded to documents; the client's CPU only", "rec", variants,
               "2M rec per CPU second", lambda r: r["weir capture"]["rate"] >= 2e6)


ROWS = {"fivetran-source": source, "fivetran-start": accept, "fivetran-drive": drive}
