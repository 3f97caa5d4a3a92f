"""What the hostile suites share: running a program in a session of its own, looking who is left afterwards, reading its log, reporting."""
import concurrent.futures
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN = (ROOT / os.environ.get("WEIR_BUILD", "build") / "bin").resolve()
WEIR = BIN / "weir"
LIMIT_S = 60
OK, FAILED, CONFIG, TRANSIENT, REMOTE, PROTOCOL, MACHINE, BUG = 0, 1, 2, 3, 4, 5, 6, 7
CODES = {CONFIG: "config", TRANSIENT: "transient", REMOTE: "remote", PROTOCOL: "protocol"}


class Failure(Exception):
    pass


def must(condition, complaint):
    if not condition:
        raise Failure(complaint)


# ---- running ----

def environment(**more):
    return {k: v for k, v in os.environ.items() if not k.startswith(("LOG_", "FLOW_", "WEIR_"))} | {"LOG_FORMAT": "json", "TERM": "dumb"} | more


def relatives(session):
    """Processes of a session whose leader is gone: (pid, state, is it a connector itself). They are our children then; those that still have a parent
    come later."""
    for task in Path("/proc/self/task").iterdir():
        try:
            children = [int(pid) for pid in (task / "children").read_text().split()]
        except OSError:
            continue  # a thread that has just ended
        for pid in children:
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                yield pid, fields[0], int(fields[2]) == pid


def bury(session):
    """Nobody is left: we are the reaper of orphans, so a zombie that weir should have reaped is ours now."""
    until = time.monotonic() + 2
    while True:
        left = list(relatives(session))
        running = [pid for pid, state, _ in left if state not in "ZX"]
        if not running or time.monotonic() > until:
            break
        time.sleep(0.01)
    unreaped = [pid for pid, state, leader in left if state == "Z" and leader]
    while left:
        for pid, _, _ in left:
            finish(pid)
        left = list(relatives(session))
    must(not running, f"left running: {running}")
    must(not unreaped, f"left as zombies: {unreaped}")


def finish(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ChildProcessError, ProcessLookupError):
        pass


class Ended:
    """What became of a program. megabytes: the most memory that it had at a time."""

    def __init__(self, status, out, err, seconds, most):
        self.status, self.out, self.err, self.seconds, self.megabytes = status, out, err, seconds, most


def feed(process, data):
    try:
        process.stdin.write(data)
        process.stdin.close()
    except OSError:
        pass  # it does not listen any more


def megabytes(pid):
    """The most memory that a process had so far. (The rusage of a child begins with what its parent had.)"""
    try:
        return int(re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024
    except (OSError, AttributeError):
        return 0  # it has just ended


def wait(process, limit, poll):
    """Until it has ended: the most megabytes seen, or None if it had to be killed. poll() is called every now and then."""
    until, most, pause = time.monotonic() + limit, 0, 0.001
    while process.poll() is None:
        if time.monotonic() > until:
            process.kill()
            process.wait()
            return None
        most = max(most, megabytes(process.pid))
        if poll:
            poll(process)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    return most


def run(argv, folder, env, stdin=b"", limit=LIMIT_S, poll=None, stdout=None):
    """Runs a program to its end. stdin: bytes, None for a pipe that nobody writes to and poll() may close, or a file. stdout: a
    file that takes it; what the Ended has of it is then empty. poll(process) is called again and again; process.printed() is what it has printed."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen([str(a) for a in argv], cwd=folder, env=env, stdout=stdout or out, stderr=err, start_new_session=True,
                                   stdin=subprocess.PIPE if stdin is None or isinstance(stdin, bytes) else stdin)
        process.printed = lambda: os.pread(out.fileno(), 1 << 20, 0)
        feeder = threading.Thread(target=feed, args=(process, stdin), daemon=True) if isinstance(stdin, bytes) else None
        if feeder:
            feeder.start()
        most = wait(process, limit, poll)
        seconds = time.monotonic() - began
        hangs = most is None
        try:
            bury(process.pid)
        except Failure:
            if not hangs:
                raise
        finally:
            if stdin is None:
                process.stdin.close()
        out.seek(0)
        err.seek(0)
        said = err.read().decode(errors="surrogateescape")
        must(not hangs, f"{argv[0]} {argv[1] if len(argv) > 1 else ''} hangs: it has not ended within {limit} s\n{said[-1000:]}")
        return Ended(process.returncode, out.read(), said, seconds, most)


# ---- judging ----

def log_records(text):
    """The records of a log in JSON. Every line must be one."""
    records = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            raise Failure(f"a log line is no JSON: {line[:300]}") from None
        must(isinstance(record, dict) and isinstance(record.get("message"), str), f"a log line is no record: {line[:300]}")
        records.append(record)
    return records


def parse_lines(out):
    lines = out.decode().split("\n")
    must(lines.pop() == "", "standard output ends inside a line")
    return [json.loads(line) for line in lines]


# ---- reporting ----

def attempt(work, job):
    try:
        work(*job)
    except Failure as e:
        return str(e)
    except Exception as e:  # a broken line, a missing file: that is a failure, too
        return repr(e)
    return None


def report(jobs, work, parts, waits=lambda job: False):
    """Does the jobs, tuples of words, as far as their names are wanted, and prints "ok NAME" or "not ok NAME" for each, in order.
    waits(job): it waits for a time limit, using nothing."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    jobs = [j for j in jobs if not parts or any(p in "/".join(j) for p in parts)]
    with concurrent.futures.ThreadPoolExecutor(6) as waiting, concurrent.futures.ThreadPoolExecutor(3) as working:
        futures = [(waiting if waits(j) else working).submit(attempt, work, j) for j in jobs]
        for job, future in zip(jobs, futures):
            complaint = future.result()
            print(f"{'not ok' if complaint else 'ok'} {'/'.join(job)}")
            for line in (complaint or "").splitlines():
                print("# " + line)
            sys.stdout.flush()
