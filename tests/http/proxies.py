"""Proxies in front of a daemon under test: Nginx and Haproxy, each a child of ours in a folder of
its own, on a port of the loopback interface. At most one connection to the daemon is kept, so that
every client's requests share it. `forwarded()` is what the proxy says it has passed on."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from harness import PATIENCE, wait_until


def reserve():
    """A free port: nobody is given it as long as this socket is bound, and who names it and sets
    SO_REUSEADDR, as all daemons do, may listen there."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


def find(program):
    """Daemons are not always in the path of a user."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Proxy:
    program, text = None, None

    def __init__(self, folder, server):
        self.folder = pathlib.Path(folder)
        self.log = self.folder / "requests"
        self.errors = self.folder / "errors"
        config = self.folder / "conf"
        self.place = reserve()
        self.port = self.place.getsockname()[1]
        config.write_text(self.text.format(folder=self.folder, port=self.port,
                                           backend=f"{server.host}:{server.port}"))
        with open(self.errors, "wb") as errors, open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command(config), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=errors)
        wait_until(self.is_up, f"{self.program} answers")

    def is_up(self):
        assert self.process.poll() is None, self.errors.read_text() + self.log.read_text()
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.place.close()

    def forwarded(self):
        """Requests that were passed on and answered, from the proxy's log."""
        time.sleep(0.05)
        lines = self.log.read_text(errors="replace").splitlines()
        return sum(line.startswith("passed ") and line.split()[1] not in ("-", "<NOSRV>")
                   for line in lines)


class Nginx(Proxy):
    program = "nginx"
    text = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    log_format passed 'passed $upstream_addr $status $upstream_status';
    access_log /dev/stdout passed;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream modeld {{ server {backend}; keepalive 1; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://modeld;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host localhost;
            proxy_next_upstream off;
            proxy_read_timeout 10s;
        }}
    }}
}}
"""

    def command(self, config):
        return [find("nginx"), "-p", str(self.folder), "-c", str(config)]


class Haproxy(Proxy):
    program = "haproxy"
    text = """
global
    nbthread 1
    maxconn 64
    log stdout format raw local0
defaults
    mode http
    log global
    log-format "passed %s %ST %ts"
    timeout client 10s
    timeout server 10s
    timeout connect 5s
    timeout http-request 10s
    retries 0
frontend front
    bind 127.0.0.1:{port}
    http-request set-header Host localhost
    default_backend back
backend back
    http-reuse always
    server modeld {backend} pool-max-conn 1
"""

    def command(self, config):
        return [find("haproxy"), "-db", "-f", str(config)]


PROXIES = {"nginx": Nginx, "haproxy": Haproxy}
