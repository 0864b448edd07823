"""A project with definition files, a folder of revisions and a database, and `modeld db …` on it:

    project = Migrating(db, folder)
    project.models({"Note": {"fields": {"text": "string(80)"}}})
    project.make("notes"); project.up()

Each call returns what the command printed with --json; fails(code, …) expects an exit code."""
import json
import os
import subprocess

from engines import PATIENCE


class Failed(AssertionError):
    def __init__(self, arguments, done):
        super().__init__(f"modeld {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        self.code, self.text = done.returncode, done.stderr


class Migrating:
    def __init__(self, db, folder, schema=None):
        self.db, self.folder, self.schema = db, folder, schema
        self.revisions = folder / "migrations"
        self.file = folder / "models.json"
        self.env = {}

    def models(self, models, **more):
        self.file.write_text(json.dumps({"version": 1, "models": models, **more}), encoding="utf-8")
        return self

    def command(self, *words):
        settings = [f"migrations={self.revisions}"]
        if self.schema:
            settings.append(f"db_schemas={self.schema}")
        arguments = [*words, "--db", self.db.url]
        for setting in settings:
            arguments += ["--set", setting]
        if self.file.exists() and "--models" not in words and words[:2] != ("models", "import"):
            arguments += ["--models", str(self.file)]
        return arguments

    def run(self, *words, env=None):
        """The finished process, whatever became of it."""
        return subprocess.run([os.environ["MODELD_BIN"], *self.command(*words)],
                              capture_output=True, text=True, timeout=4 * PATIENCE, check=False,
                              env={**os.environ, **self.env, **(env or {})}, cwd=self.folder)

    def json(self, *words):
        arguments = [*words, "--json"]
        done = self.run(*arguments)
        if done.returncode not in (0, 3, 4, 5) or not done.stdout:
            raise Failed(arguments, done)
        return json.loads(done.stdout)

    def db_command(self, verb, *words):
        arguments = ["db", verb, *words, "--json"]
        done = self.run(*arguments)
        if done.returncode != 0:
            raise Failed(arguments, done)
        return json.loads(done.stdout)

    def make(self, message="change", *words):
        return self.db_command("makemigrations", "-m", message, *words)

    def up(self, *words):
        return self.db_command("migrate", *words)

    def down(self, *words):
        return self.db_command("rollback", *words)

    def status(self):
        return self.json("db", "status")

    def fails(self, code, verb, *words):
        """What was written to standard error by a command that must end with `code`."""
        done = self.run("db", verb, *words)
        assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done.stderr

    def described(self):
        """What the database contains, as a definition document in which order does not matter."""
        done = self.run("models", "import", "--from-db", "--managed")
        if done.returncode != 0:
            raise Failed(["models", "import"], done)
        return in_order(json.loads(done.stdout))


def in_order(value):
    if isinstance(value, dict):
        return {key: in_order(one) for key, one in value.items()}
    if isinstance(value, list):
        return sorted((in_order(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    return value
