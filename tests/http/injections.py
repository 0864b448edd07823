"""What the tests of injection share: the texts of tests/data/injections, a client that has many
requests on their way at once, and a reader of the SQL that the daemon logs (echo = true).

A file of texts has one on each line; \\n \\r \\t \\0 \\\\ \\xHH \\uHHHH \\UHHHHHHHH are characters,
lines that begin with "# " are comments."""
import re
import socket

from harness import DATA, PATIENCE, wait_until

ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[nrt0\\])")
PLAIN = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}
# One after the other, with what may be in it.
TOKEN = re.compile(r"""\s+|(?P<name>"(?:[^"]|"")*")|(?P<text>'(?:[^']|'')*')|(?P<bad>--|/\*|;|\0)"""
                   r"""|(?P<param>[$?]\d+)|(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_]\w*)"""
                   r"""|(?P<sign>[-+*/<>=~!@\#%^&|`?:.,()\[\]]+?)""")
AT_ONCE = 24
LOGGED = 1900


def texts(*lists):
    """The texts of these lists, or of all; each once."""
    found = {}
    for path in sorted((DATA / "injections").glob("*.txt")):
        if lists and path.stem not in lists:
            continue
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line and not line.startswith("# "):
                found[ESCAPE.sub(lambda m: PLAIN.get(m[1]) or chr(int(m[1][1:], 16)), line)] = True
    return list(found)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


class Wire:
    """A connection that sends many requests before it reads their answers."""

    def __init__(self, host, port):
        self.where = (host, port)
        self.sock = None
        self.rest = b""

    def close(self):
        if self.sock:
            self.sock.close()
        self.sock, self.rest = None, b""

    def many(self, requests):
        """The answers to a list of requests (bytes), in order."""
        answers = []
        while len(answers) < len(requests):
            if not self.sock:
                self.sock = socket.create_connection(self.where, timeout=PATIENCE)
            batch = requests[len(answers):len(answers) + AT_ONCE]
            begin = len(answers)
            try:
                self.sock.sendall(b"".join(batch))
                for request in batch:
                    answers.append(self._read(request.startswith(b"HEAD ")))
                    if answers[-1].headers.get("connection") == "close":
                        self.close()
                        break
            except TimeoutError:
                self.close()  # what comes later answers nothing that is sent from now on
                raise
            except ConnectionError:
                # What the daemon has closed the connection for is the first without an answer.
                self.close()
                assert len(answers) > begin, f"no answer to {requests[begin]!r}"
        return answers

    def _more(self):
        piece = self.sock.recv(1 << 16)
        if not piece:
            raise ConnectionResetError
        self.rest += piece

    def _read(self, bare):
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.split(":", 1) for line in lines]
        headers = {name.lower(): value.strip() for name, value in pairs}
        assert len(headers) == len(pairs) or "vary" in headers, lines
        length = 0 if bare else int(headers.get("content-length", 0))
        assert "transfer-encoding" not in headers, head
        while len(self.rest) < length:
            self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return Answer(int(first.split()[1]), headers, body)


def request(method, target, headers=(), body=None):
    """A request as bytes; nothing is checked or encoded."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        body = body if isinstance(body, bytes) else body.encode()
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")


class Echo:
    """The statements that a daemon with echo = true has executed since the last look. Its setting
    server-trace-header is X-Request-Id."""

    def __init__(self, server, wire):
        self.server, self.wire = server, wire
        self.offset = 0
        self.looks = 0

    def _read(self):
        """The log since the last look, to the end of the last request: it is written behind."""
        self.looks += 1
        mark = f"look-{self.looks}"
        self.wire.many([request("GET", "/-/models", [("X-Request-Id", mark)])])

        def complete():
            with open(self.server.log_path, "rb") as log:
                log.seek(self.offset)
                data = log.read()
            return data if f"id={mark}\n".encode() in data else None
        data = wait_until(complete, f"{mark} in the log")
        self.offset += len(data)
        return data.decode(errors="replace")

    def take(self):
        found = set()
        for line in self._read().split("\n"):
            if line.startswith("sql: ") and not line.startswith("sql: ["):
                statement = line[len("sql: "):]
                if statement not in ("BEGIN (implicit)", "COMMIT", "ROLLBACK"):
                    found.add(re.sub(r"\bLIMIT -?\d+", "LIMIT n", statement))
        return found


def tokens(statement):
    """The set of words, names, signs and literals of a statement. Numbers and parameters count as
    one each, and so do the names that we give tables (t0), and those that a client gives its columns:
    an alias is all of what stands behind AS between two quotes."""
    found = set()
    at, before = 0, ""
    while at < len(statement):
        match = TOKEN.match(statement, at)
        if not match and statement[at] in "'\"" and at + 200 > LOGGED:
            break  # the log has only the beginning of a long line
        assert match and match.lastgroup != "bad", f"at {at}: {statement!r}"
        at = match.end()
        kind = match.lastgroup
        if kind is None:
            continue
        token = match[0]
        if kind in ("param", "number"):
            token = kind
        elif re.fullmatch(r"[ct]\d+", token):
            token = "numbered"  # tables and columns of subqueries
        elif kind == "name" and before == "AS":
            token = "alias"
        found.add(token)
        before = token
    return found


__all__ = ["Answer", "Echo", "Wire", "request", "texts", "tokens"]
