#!/usr/bin/env python3
"""Tries client libraries that others wrote on a real daemon, with each engine.

Usage: run.py BUILD [--engine sqlite|postgresql]... [--client js|admin|py|schema|alembic]...

BUILD holds modeld; what is installed from npm and PyPI goes to BUILD/clients, as the lock file and
the requirements beside this program say. The first run needs the network, later ones do not.
"""
import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "http"))

from engines import Postgres, Sqlite  # noqa: E402
from harness import Modeld  # noqa: E402

ENGINES = {"sqlite": Sqlite, "postgresql": Postgres}
SETTINGS = {"threads": 2, "db-tx-end": "commit-allow-override", "db-aggregates-enabled": "true"}


def changed(folder, *pins):
    """Does `folder` hold something other than these files ask for? Then it is emptied."""
    wanted = hashlib.sha256(b"".join(pin.read_bytes() for pin in pins)).hexdigest()
    mark = folder / "installed"
    if mark.exists() and mark.read_text(encoding="ascii") == wanted:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return lambda: mark.write_text(wanted, encoding="ascii")


def find_node():
    """Node's test runner has had the reporter that is asked for since 18.15."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            sys.exit(f"There is no {program} here (Debian: apt-get install nodejs npm ca-certificates).")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(map(int, version.lstrip("v").split("-")[0].split(".")[:2])) < (18, 15):
        sys.exit(f"This node is {version}; 18.15 or later is needed.")


def install_js(folder):
    find_node()
    pins = [HERE / "js" / name for name in ("package.json", "package-lock.json")]
    done = changed(folder, *pins)
    if done:
        for pin in pins:
            shutil.copy(pin, folder)
        # What react-admin itself needs is not needed by its data provider.
        subprocess.run(["npm", "ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit",
                        "--no-fund", "--loglevel=error"], cwd=folder, check=True)
        done()


def installer(name):
    """Installs what tests in Python need."""
    def install(folder):
        requirements = HERE / name / "requirements.txt"
        done = changed(folder, requirements)
        if done:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([folder / "bin/pip", "-q", "--disable-pip-version-check", "install", "-r",
                            requirements], check=True)
            done()
    return install


def node(program):
    return lambda folder: (["node", "--test-reporter=tap", HERE / "js" / program], {"NODE_PATH": folder / "node_modules"})


def pytest(name):
    # Programs that the tests start are compiled once, in the build folder.
    return lambda folder: ([folder / "bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                            HERE / name], {"PYTHONDONTWRITEBYTECODE": "",
                                           "PYTHONPYCACHEPREFIX": folder / "cache"})


def install_schema(folder):
    """Both: the TypeScript compiler with what it is tried on, and validators."""
    find_node()
    pins = [HERE / "schema" / name
            for name in ("package.json", "package-lock.json", "requirements.txt")]
    done = changed(folder, *pins)
    if done:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "-q", "--disable-pip-version-check", "install", "-r",
                        pins[2]], check=True)
        for pin in pins[:2]:
            shutil.copy(pin, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                        "--loglevel=error"], cwd=folder, check=True)
        done()


def schema(folder):
    return [folder / "bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider",
            HERE / "schema"], {"PYTHONDONTWRITEBYTECODE": "1", "SCHEMA_TOOLS": folder}


# client: its folder in BUILD/clients, how to install it, how to run its tests
CLIENTS = {
    "js": ("js", install_js, node("main.js")),
    "admin": ("js", install_js, node("admin.js")),
    "py": ("py", installer("py"), pytest("py")),
    "schema": ("schema", install_schema, schema),
    "alembic": ("alembic", installer("alembic"), pytest("alembic")),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path, help="where modeld was built")
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--client", action="append", choices=CLIENTS)
    options = parser.parse_args()
    build = options.build.resolve()
    os.environ["MODELD_BIN"] = str(build / "modeld")
    failed = []
    for name in options.engine or ENGINES:
        engine = ENGINES[name]()
        try:
            for client in options.client or CLIENTS:
                folder, install, command = CLIENTS[client]
                folder = build / "clients" / folder
                install(folder)
                with tempfile.TemporaryDirectory(prefix="modeld-clients-") as scratch:
                    sql = (HERE / "park.sql").read_text(encoding="utf-8")
                    database = engine.database(scratch, sql, "park.db")
                    daemon = Modeld(database.url, folder=scratch, settings=SETTINGS)
                    arguments, env = command(folder)
                    print(f"== {client}, {name}", flush=True)
                    try:
                        code = subprocess.run(arguments, check=False, env={
                            **os.environ, "MODELD_URL": daemon.url.rstrip("/"),
                            "MODELD_ENGINE": name, "MODELD_DB": database.url,
                            **{k: str(v) for k, v in env.items()}},
                            timeout=300).returncode
                    finally:
                        daemon.stop()
                    if code:
                        failed.append(f"{client} on {name}")
        finally:
            engine.stop()
    print("FAILED: " + ", ".join(failed) if failed else "clients: all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
