"""What the tests of injection share: the texts of tests/data/injections, a client that has many
requests on their way at once, a reader of the SQL that the daemon logs (echo = true), and the places
in which a value may stand.

A file of texts has one on each line; \\n \\r \\t \\0 \\\\ \\xHH \\uHHHH \\UHHHHHHHH are characters,
lines that begin with "# " are comments."""
import json
import re
import socket
import urllib.parse

from conftest import LIBRARY
from harness import DATA, PATIENCE, Modeld, wait_until

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
        self.patience = PATIENCE
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
                self.sock = socket.create_connection(self.where, timeout=self.patience)
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
                if statement not in ("BEGIN", "BEGIN (implicit)", "COMMIT", "ROLLBACK"):
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


DRY = [("Prefer", "return=representation, tx=rollback")]
USUAL = {"access-control-allow-credentials", "access-control-allow-headers",
         "access-control-allow-methods", "access-control-allow-origin",
         "access-control-expose-headers", "access-control-max-age", "allow", "connection",
         "content-length", "content-location", "content-profile", "content-range", "content-type",
         "date", "etag", "last-modified", "link", "location", "preference-applied", "proxy-status",
         "retry-after", "server", "vary", "www-authenticate", "x-request-id", "cache-control",
         "x-content-type-options", "accept-patch", "accept-query", "warning"}
# How the engines say that a statement cannot be read.
BROKEN = re.compile(r'syntax error at|: syntax error|unrecognized token|unterminated quoted|'
                    r'incomplete input|multiple commands')


def enc(text):
    return urllib.parse.quote(text, safe="")


def quoted(text):
    return enc('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')


def sql_name(text):
    return '"' + text.replace('"', '""') + '"'


class Target:
    """A daemon that logs its statements, and what its tables held at first. `shapes` makes harmless
    requests that between them use the words that statements are made of."""

    def __init__(self, engine, folder, shapes=None, sql=LIBRARY, **settings):
        self.shapes = shapes
        self.db = engine.database(folder, sql, "library.db")
        self.server = Modeld(self.db.url, folder=folder, settings={
            "threads": 1, "echo": "true", "db-aggregates-enabled": "true", "db-tx-end": "commit-allow-override",
            "server-trace-header": "X-Request-Id", **settings})
        self.wire = Wire(self.server.host, self.server.port)
        self.echo = Echo(self.server, self.wire)
        self.first = self.dump()
        self.words = None

    def dump(self):
        return {table: sorted(map(repr, self.db.rows(f"SELECT * FROM {sql_name(table)}")))
                for table in self.db.tables()}

    def send(self, requests):
        """The answers, each of which is sound."""
        answers = self.wire.many(requests)
        for sent, answer in zip(requests, answers):
            assert answer.status < 500, (sent, answer)
            assert set(answer.headers) <= USUAL, (sent, answer)
            if answer.status >= 300 and answer.body and b"<html>" not in answer.body:
                assert "json" in answer.headers["content-type"], (sent, answer)
                error = json.loads(answer.body)
                assert error["message"] and not BROKEN.search(error["message"]), (sent, answer)
        return answers

    def statements(self, requests):
        self.echo.take()
        answers = self.send(requests)
        return self.echo.take(), answers

    def only_values(self, harmless, hostile):
        """The hostile requests execute no statement that the harmless ones do not."""
        wanted, answers = self.statements(harmless)
        assert wanted or {answer.status for answer in answers} == {400}, answers
        executed, answers = self.statements(hostile)
        assert executed <= wanted, executed - wanted
        return answers

    def only_known_words(self, hostile):
        """Their statements are made of the words of harmless ones."""
        if self.words is None:
            self.words = set().union(*map(tokens, self.statements(self.shapes())[0]))
        executed, _ = self.statements(hostile)
        for statement in executed:
            assert tokens(statement) <= self.words, (statement, tokens(statement) - self.words)

    def untouched(self):
        assert self.dump() == self.first

    def stop(self):
        self.wire.close()
        self.server.stop()


HARMLESS = ["", "a", "1", "2.5", "-1", "null", "true", "x y", "é", "a*", "*a", "a*b", "*", "a%", "%a",
            "a_b", "2020-01-01", "{a,b}", "{1,2}", "(a,b)", "a,b", "a,b,c,d,e", '["a"]', '{"a":1}',
            "$", "^a", "[1,2)", "x" * 400, "1,2", "a\\b"]
VALUES = [
    "/genre?name=eq.{}", "/genre?name=neq.{}", "/genre?name=gt.{}", "/genre?name=lte.{}",
    "/genre?name=not.eq.{}", "/genre?name=isdistinct.{}", "/genre?name=like.{}",
    "/genre?name=ilike.{}", "/genre?name=like.{}*", "/genre?name=match.{}",
    "/genre?name=imatch.{}", "/genre?id=eq.{}", "/genre?id=gte.{}", "/book?price=lt.{}",
    "/book?published=eq.{}", "/book?in_print=eq.{}", "/measure?whole=eq.{}",
    "/measure?exact=eq.{}", "/measure?raw=eq.{}", "/book?info=cs.{}", "/book?info=cd.{}",
    "/book?info=ov.{}", "/book?info->>isbn=eq.{}", "/book?info->size->>w=gt.{}",
    "/genre?name=fts.{}", "/genre?name=plfts.{}", "/genre?name=wfts(english).{}",
    "/genre?name=sl.{}", "/reading room?größe=eq.{}", "/author?select=id,book!book_writer(id)&book.title=eq.{}",
    "/genre/{}", "/genre/{}/book", "/shelf/{},1", "/shelf/A,{}", "/genre?limit={}",
    "/genre?offset={}", "/author?select=id,book!book_writer(id)&book.limit={}",
    "/author?select=id,book!book_writer(id)&book.offset={}", "/-/models/{}",
]
QUOTED = [
    "/genre?name=in.({})", "/genre?name=in.(a,{})", "/genre?name=eq(any).{{{}}}",
    "/genre?name=like(all).{{{}}}", "/genre?or=(name.eq.{},id.eq.1)",
    "/genre?and=(name.like.{},not.or(id.eq.1,name.in.({})))", "/shelf/{},1",
    "/book?info->>isbn=in.({})",
]


def get(place, text, encode=enc):
    return request("GET", urllib.parse.quote(place, safe="/?#[]@!$&'()*+,;=:%{}|~-._").replace(
        "{{", "\1").replace("}}", "\2").replace("{}", encode(text)).replace("\1", "{").replace("\2", "}"))
