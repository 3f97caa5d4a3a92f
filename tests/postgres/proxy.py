"""Between a connector and the server: a proxy that counts what passes through it, in both directions, and acts at a given number, so that every point is hit:
between rows, between COMMIT and its answer. And who the processes of a run are."""

import os
import signal
import socket
import threading
from pathlib import Path


class Proxy:
    """Passes on what comes, a buffer at a time; calls act() with the number of its own port when `at` buffers have passed."""

    def __init__(self, port, at, act):
        self.target, self.at, self.act, self.count = port, at, act, 0
        self.lock, self.closed = threading.Lock(), False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.sockets += [client, server]
            if self.closed:
                return self.close()
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b, client, server), daemon=True).start()

    def pump(self, source, to, client, server):
        try:
            while data := source.recv(8192):
                with self.lock:
                    self.count += 1
                    now = self.count == self.at
                if now:
                    self.act(server.getsockname()[1], (client, server))
                to.sendall(data)
        except OSError:
            pass
        for s in (client, server):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        """Shut down, not just closed: a thread that waits for data of a closed socket would keep the connection, and the server what it has locked."""
        self.closed = True
        for s in [self.listener, *self.sockets]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()


def descendants(pid):
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        try:
            children = [c for path in Path(f"/proc/{parent}/task").glob("*/children") for c in path.read_text().split()]
        except OSError:
            continue
        found += map(int, children)
        todo += map(int, children)
    return found


def named(pid, name):
    try:
        return open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")[0].endswith(name)
    except OSError:
        return False


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def healthy_again(server):
    """After the end of a process by force the server restarts all others."""
    for _ in range(600):
        try:
            return server.ask("SELECT 1")
        except RuntimeError:
            threading.Event().wait(0.05)
    raise AssertionError("the server did not come back")
