"""An HTTP server that answers as it is told, and keeps what it got."""

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """answers: called with the number of the request and the request; gives (status, headers, body), or "drop" to close the connection, "half" to break off
    in the middle of the answer, "hang" to say nothing."""

    def __init__(self, answers=None, certificate=None):
        self.answers = answers or (lambda n, r: (200, {}, ""))
        self.requests, self.lock, self.over = [], threading.Lock(), threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.take(self)

            do_PUT = do_POST

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # those who are killed leave in the middle
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if certificate else "http"
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def url(self, path="/in/{path}"):
        return f"{self.scheme}://localhost:{self.port}{path}"

    def take(self, h):
        body = h.rfile.read(int(h.headers.get("Content-Length", 0)))
        with self.lock:
            number = len(self.requests)
            request = {"at": time.monotonic(), "method": h.command, "path": h.path, "headers": dict(h.headers), "body": body.decode()}
            self.requests.append(request)
        answer = self.answers(number, request)
        request["answer"] = answer
        if answer == "hang":
            self.over.wait(30)
        if answer in ("drop", "hang"):
            h.close_connection = True
            return
        status, headers, text = (200, {}, "") if answer == "half" else answer
        data = b"x" * 1000 if answer == "half" else text.encode()
        h.send_response(status)
        for name, value in headers.items():
            h.send_header(name, value)
        h.send_header("Content-Length", str(len(data) + (1000 if answer == "half" else 0)))
        h.end_headers()
        try:
            h.wfile.write(data)
        except OSError:
            pass
        h.close_connection = answer == "half"

    def taken(self):
        """Documents of requests that were answered with success."""
        docs = []
        for r in self.requests:
            if isinstance(r["answer"], tuple) and 200 <= r["answer"][0] < 300:
                docs += json.loads(r["body"]) if r["body"][0] == "[" else [json.loads(line) for line in r["body"].splitlines()]
        return docs
