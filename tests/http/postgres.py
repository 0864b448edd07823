"""A PostgreSQL server of the tests' own, made by tests/support/postgres.sh: a cluster in a private
folder, on a Unix socket only."""
import os
import pathlib
import subprocess
import tempfile

from harness import ROOT

SCRIPT = ROOT / "tests" / "support" / "postgres.sh"


def tool(name):
    """A program of the newest server that is installed."""
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    return str(folders[-1] / name) if folders else name


def as_server(*command):
    """The server does not run as root, so neither do its tools."""
    if os.geteuid() == 0:
        command = ("runuser", "-u", "postgres", "--", *command)
    return subprocess.run(command, cwd="/", check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True).stdout


class Postgres:
    """One server; sql() is its administrator's door. `conf` is added to its configuration, `hba` goes
    before its rules of who may connect."""

    def __init__(self, conf="", hba=""):
        self.folder = tempfile.mkdtemp(prefix="modeld-pg-")
        # The watchdog that the script leaves behind keeps the pipe open: read one line only.
        with subprocess.Popen(["sh", SCRIPT, "start", self.folder, str(os.getpid())],
                              stdout=subprocess.PIPE, text=True) as script:
            self.url = script.stdout.readline().strip()
            assert script.wait() == 0
        if conf or hba:
            self._configure(pathlib.Path(self.folder, "data"), conf, hba)

    def _configure(self, data, conf, hba):
        with open(data / "postgresql.conf", "a", encoding="ascii") as settings:
            settings.write(conf)
        rules = data / "pg_hba.conf"
        rules.write_text(hba + rules.read_text())
        self.control("-m", "fast", "restart")

    def sql(self, text, database=None):
        """Run statements; what they print, unaligned and without headings."""
        url = self.url.replace("/postgres?", f"/{database}?") if database else self.url
        return subprocess.run([tool("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", url, "-c", text],
                              check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True).stdout.strip()

    def control(self, *arguments):
        """pg_ctl with these arguments."""
        data = f"{self.folder}/data"
        return as_server(tool("pg_ctl"), "-w", "-s", "-D", data, "-l", f"{data}/server.log",
                         *arguments)

    def kill_sessions(self):
        """End every session but our own."""
        self.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                 " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")

    def close(self):
        subprocess.run(["sh", SCRIPT, "stop", self.folder], check=False)
