#!/usr/bin/env python3
"""run.py [PART-OF-A-NAME...] - runs the transcripts: tests/golden/**/*.t and connectors/*/*.t. README.md says how to write one.

Prints "ok NAME" or "not ok NAME" for every case, with the difference on lines behind "# ". The exit status only says whether it could do that.
WEIR_BUILD names another build folder.
"""
import concurrent.futures
import difflib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = (ROOT / os.environ.get("WEIR_BUILD", "build") / "bin").resolve()
LIMIT_S = 60
SHOWN_LINES, SHOWN_CHARS = 40, 400
ANY = object()  # any number of lines


class Bad(Exception):
    """A transcript that cannot be read."""


class Command:
    def __init__(self, text, env):
        self.text, self.env = text, dict(env)
        self.stdin = b""
        self.stdout, self.stderr, self.never = [], [], []
        self.status = 0


class Case:
    def __init__(self, name, files, env):
        self.name, self.files, self.env = name, dict(files), dict(env)
        self.steps = []  # ("file", path, bytes) and ("run", Command)


# ---- reading ----

def unescape(text):
    def one(match):
        code = match.group(1)
        simple = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\"}
        if code in simple:
            return simple[code]
        if code.startswith("x") and len(code) == 3:
            return chr(int(code[1:], 16))
        raise Bad(f"unknown escape \\{code}: \\xNN, \\n, \\r, \\t, \\0 and \\\\ are known")
    escaped = re.compile(r"\\(x[0-9a-fA-F]{2}|.|$)")
    return escaped.sub(one, text.encode().decode("latin-1")).encode("latin-1")


def parse_json(text):
    """Numbers stay text: 1 is not 1.0, nor true."""
    return json.loads(text, parse_int=lambda n: ("number", n), parse_float=lambda n: ("number", n), parse_constant=lambda n: ("constant", n))


class Reader:
    def __init__(self, path, name):
        self.prefix = name
        self.cases = []
        self.case = None            # None: before the first "=="
        self.files, self.env = {}, {}
        self.open_file = None       # [path, lines]
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            try:
                self.take(line)
            except Bad as e:
                raise Bad(f"{path.relative_to(ROOT)}:{number}: {e}") from None
        self.end_file()
        if not self.cases:
            raise Bad(f"{path.relative_to(ROOT)}: no case; one begins with a line '== TITLE'")

    def take(self, line):
        word, _, rest = line.partition(" ")
        if word == "|":
            if not self.open_file:
                raise Bad("'|' continues a file, and none was begun")
            self.open_file[1].append(rest)
            return
        self.end_file()
        if not line.strip() or line.startswith("#"):
            return
        rules = {"==": self.begin, "file": self.begin_file, "env": self.set_env, "$": self.command, ">": self.stdin, ">>": self.raw_stdin,
                 "<": self.stdout, "<=": self.stdout_json, "<*": self.stdout_any, "!": self.stderr, "!*": self.stderr_any,
                 "!!": self.never, "=": self.status}
        if word not in rules:
            raise Bad(f"'{word}' begins no line of a transcript; these do: # | {' '.join(rules)}")
        rules[word](rest)

    def begin(self, title):
        if not title:
            raise Bad("a case needs a title")
        name = f"{self.prefix}: {title}"
        if any(c.name == name for c in self.cases):
            raise Bad(f"a second case is called '{title}'")
        self.case = Case(name, self.files, self.env)
        self.cases.append(self.case)

    def begin_file(self, path):
        if not path or path.startswith("/") or ".." in path.split("/"):
            raise Bad("a file needs a path within the folder of the case")
        self.open_file = [path, []]

    def end_file(self):
        if not self.open_file:
            return
        path, lines = self.open_file
        content = "".join(line + "\n" for line in lines).encode()
        if self.case:
            self.case.steps.append(("file", path, content))
        else:
            self.files[path] = content
        self.open_file = None

    def set_env(self, text):
        name, given, value = text.partition("=")
        (self.case.env if self.case else self.env)[name] = value if given else None

    def command(self, text):
        if not self.case:
            raise Bad("a command before the first case: begin one with '== TITLE'")
        self.case.steps.append(("run", Command(text, self.case.env)))

    def last(self):
        if not self.case or not self.case.steps or self.case.steps[-1][0] != "run":
            raise Bad("this line belongs to a command, and there is none before it")
        return self.case.steps[-1][1]

    def stdin(self, text):
        self.last().stdin += text.encode() + b"\n"

    def raw_stdin(self, text):
        self.last().stdin += unescape(text)

    def stdout(self, text):
        self.last().stdout.append(text)

    def stdout_json(self, text):
        try:
            self.last().stdout.append(("json", parse_json(text), text))
        except ValueError as e:
            raise Bad(f"not JSON: {e}") from None

    def stdout_any(self, _):
        self.last().stdout.append(ANY)

    def stderr(self, text):
        self.last().stderr.append(text)

    def stderr_any(self, _):
        self.last().stderr.append(ANY)

    def never(self, text):
        self.last().never.append(text)

    def status(self, text):
        if not text.isdigit():
            raise Bad("an exit status is a number")
        self.last().status = int(text)


# ---- running ----

def environment(case_env, folder):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LOG_", "FLOW_", "WEIR_"))}
    env.update(PATH=f"{BIN}:{BIN.parent}/examples/derive:{env.get('PATH', '/usr/bin:/bin')}", HOME=folder, TMPDIR=folder, ROOT=str(ROOT), TERM="dumb", TZ="UTC",
               LC_ALL="C.UTF-8", LOG_FORMAT="text", PYTHONDONTWRITEBYTECODE="1")
    for name, value in case_env.items():
        env.pop(name, None)
        if value is not None:
            env[name] = value
    return env


def processes_of(session):
    """What still runs of a session: (pid, command line)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[3]) == session and after_name[0] not in "ZX":
                found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()))
        except (OSError, ValueError, IndexError):
            pass  # it has just ended
    return found


def end_session(session):
    left = processes_of(session)
    for pid, _ in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return left


def execute(command, folder):
    """@return stdout, stderr, status, complaints"""
    process = subprocess.Popen(["sh", "-c", command.text], cwd=folder, env=environment(command.env, folder), start_new_session=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    complaints = []
    try:
        out, err = process.communicate(command.stdin, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        complaints.append(f"hangs: it has not ended within {LIMIT_S} s")
        end_session(process.pid)
        out, err = process.communicate()
    left = end_session(process.pid)
    if left and not complaints:
        complaints.append("left behind: " + "; ".join(f"process {pid}: {text}" for pid, text in left))
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return out, err, status, complaints


# ---- judging ----

def same_line(expected, got):
    if isinstance(expected, str):
        return expected == got
    try:
        return parse_json(got) == expected[1]
    except ValueError:
        return False


def holds(expected, got):
    return expected in got


def match(expected, got, same):
    """Do the lines fit, with ANY standing for any number of them?"""
    fits = {0}  # how many lines of got may be used up
    for want in expected:
        if want is ANY:
            fits = set(range(min(fits), len(got) + 1)) if fits else fits
        else:
            fits = {i + 1 for i in fits if i < len(got) and same(want, got[i])}
    return len(got) in fits


def lines_of(data):
    text = data.decode("utf-8", errors="backslashreplace")
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += "    (no newline at the end)"
    else:
        lines.pop()
    return lines


def shown(lines, what):
    texts = ["..." if x is ANY else x[2] if isinstance(x, tuple) else x for x in lines]
    return [f"{what}{t[:SHOWN_CHARS]}{' ...' if len(t) > SHOWN_CHARS else ''}" for t in texts]


def difference(what, expected, got, same):
    """Where a line fits, it is shown as it was expected, so that only what differs stands out."""
    want, have = shown(expected, ""), shown(got, "")
    for i, line in enumerate(got):
        for k, e in enumerate(expected):
            if e is not ANY and same(e, line):
                have[i] = want[k]
                break
    diff = list(difflib.unified_diff(want, have, "expected " + what, "got " + what, lineterm="", n=1))
    return diff[:SHOWN_LINES] + (["..."] if len(diff) > SHOWN_LINES else [])


def judge(command, out, err, status):
    complaints = []
    stdout, stderr = lines_of(out), lines_of(err)
    if not match(command.stdout, stdout, same_line):
        complaints += difference("stdout", command.stdout, stdout, same_line)
    if not match(command.stderr, stderr, holds):
        complaints += difference("stderr", command.stderr, stderr, holds)
    for text in command.never:
        if text.encode() in out + err:
            complaints.append(f"'{text}' must not be said, but was on {'stdout' if text.encode() in out else 'stderr'}")
    if status != command.status:
        complaints.append(f"exit status {status}, expected {command.status}")
        if not any(c.startswith("+++ got stderr") for c in complaints):
            complaints += shown(stderr[-5:], "stderr: ")
    return complaints


def put_file(folder, path, content):
    target = Path(folder, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def run_case(case):
    """@return what went wrong: lines; none if all is well"""
    with tempfile.TemporaryDirectory(prefix="weir-golden-") as folder:
        for path, content in case.files.items():
            put_file(folder, path, content)
        for step in case.steps:
            if step[0] == "file":
                put_file(folder, step[1], step[2])
                continue
            out, err, status, complaints = execute(step[1], folder)
            complaints += judge(step[1], out, err, status)
            if complaints:
                return ["$ " + step[1].text] + complaints
    return []


def find(parts):
    paths = sorted((ROOT / "tests/golden").rglob("*.t")) + sorted((ROOT / "connectors").glob("*/*.t"))
    cases, broken = [], []
    for path in paths:
        home = ROOT / "tests/golden" if (ROOT / "tests/golden") in path.parents else ROOT
        name = str(path.relative_to(home))[:-2]
        try:
            cases += Reader(path, name).cases
        except (Bad, UnicodeDecodeError) as e:
            broken.append((name, str(e)))
    return [c for c in cases if not parts or any(p in c.name for p in parts)], broken


def main(parts):
    cases, broken = find(parts)
    for name, why in broken:
        print(f"not ok {name}\n# {why}")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for case, complaints in zip(cases, pool.map(run_case, cases)):
            print(f"{'not ok' if complaints else 'ok'} {case.name}")
            for line in complaints:
                print("# " + line)
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
