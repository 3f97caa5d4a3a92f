"""A PostgreSQL server of a test's own, on loopback, in a folder that goes with it."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path


def programs():
    """The folder with initdb and postgres, which Debian does not have on PATH; None: it is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    return folders[-1].parent if folders else None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """with Server() as s: s.ask("SELECT 1") == "1". The role is `weir`, the database too; the password is wanted."""

    password = "not-for-logs"

    def __init__(self, *settings):
        self.bin = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="weir-pg-"))
        self.port = free_port()
        self.settings = ["fsync=off", "max_connections=40", "unix_socket_directories=", "listen_addresses=127.0.0.1", "logging_collector=off",
                         "log_min_messages=warning", *settings]
        self.process = None
        self.secret = self.folder / "password"

    def as_nobody(self, command):
        """PostgreSQL refuses to be run by root."""
        if os.getuid() != 0:
            return command
        user = "postgres" if self.known("postgres") else "nobody"
        return ["setpriv", "--reuid", user, "--regid", self.group_of(user), "--clear-groups", *command]

    @staticmethod
    def known(user):
        import pwd
        try:
            return pwd.getpwnam(user)
        except KeyError:
            return None

    def group_of(self, user):
        return str(self.known(user).pw_gid)

    def run(self, *command):
        return subprocess.run(self.as_nobody([str(c) for c in command]), cwd="/", check=True, capture_output=True, text=True, env=self.env())

    @staticmethod
    def env():
        return {**{k: v for k, v in os.environ.items() if not k.startswith("PG") and k not in ("LD_PRELOAD", "WEIR_FAULT")}, "LC_ALL": "C.UTF-8"}

    def start(self):
        command = self.as_nobody([str(self.bin / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)] +
                                 [x for s in self.settings for x in ("-c", s)])
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(command, cwd="/", stdout=self.log, stderr=self.log, env=self.env())
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            if subprocess.run([str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], env=self.env()).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("postgres did not start: " + (self.folder / "log").read_text()[-2000:])

    def __enter__(self):
        try:
            self.secret.write_text(self.password)
            os.chmod(self.folder, 0o755)
            data = self.folder / "data"
            data.mkdir()
            if os.getuid() == 0:
                os.chown(data, self.known("postgres" if self.known("postgres") else "nobody").pw_uid, -1)
            self.run(self.bin / "initdb", "-D", data, "-U", "weir", "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={self.secret}", "-N")
            self.start()
            self.ask("CREATE DATABASE weir", database="postgres")
        except BaseException:
            self.__exit__()
            raise
        return self

    def stop(self, how=signal.SIGINT):
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, how)
            self.process.wait(60)
        if self.process:
            self.log.close()
        self.process = None

    def __exit__(self, *_):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def psql(self, *arguments, database="weir", text=None, check=True):
        env = dict(self.env(), PGPASSWORD=self.password)
        return subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "weir", "-d", database,
                               *arguments], env=env, input=text, capture_output=True, text=True, check=check)

    def session(self, name="psql"):
        """A psql that stays: what is written to its stdin is done, rows come to its stdout."""
        command = ["psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U", "weir", "-d", "weir"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                env=dict(self.env(), PGPASSWORD=self.password, PGAPPNAME=name))

    def ask(self, sql, database="weir"):
        """What a query gives, as psql prints it: | between columns, a line for each row."""
        done = self.psql("-A", "-t", "-P", "null=NULL", "-c", sql, database=database, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.rstrip("\n")

    def backends(self):
        """Process ids of the connector's sessions."""
        pids = self.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'weir'")
        return [int(p) for p in pids.split()]

    def config(self, **more):
        return {"address": f"127.0.0.1:{self.port}", "database": "weir", "user": "weir", "password": self.password, **more}


if __name__ == "__main__":
    with Server() as server:
        print(server.ask("SELECT version()"))
