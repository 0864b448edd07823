"""make install into a folder: which files come, that what is in them fits, and that completion knows
the commands. Uses the build that the daemon under test is from."""
import os
import pathlib
import re
import subprocess

import pytest

from harness import ROOT, build_folder, clean_environment, find_modeld

pytestmark = pytest.mark.sqlite("installing has nothing to do with an engine")
DOCS = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
PREFIX = "opt/modeld"
FILES = sorted([
    "bin/modeld",
    "include/modeld/core/base/error.h",
    "include/modeld/modeld.h",
    "lib/libmodeld.a",
    "lib/pkgconfig/modeld.pc",
    "lib/systemd/system/modeld.service",
    "lib/systemd/system/modeld.socket",
    "lib/sysusers.d/modeld.conf",
    "lib/tmpfiles.d/modeld.conf",
    "share/bash-completion/completions/modeld",
    "share/doc/modeld/README.md",
    *(f"share/doc/modeld/{name}" for name in DOCS),
    "share/doc/modeld/examples/async.c",
    "share/doc/modeld/examples/blog.c",
    "share/doc/modeld/examples/blog.json",
    "share/doc/modeld/examples/modeld.conf",
    "share/fish/vendor_completions.d/modeld.fish",
    "share/man/man1/modeld.1",
    "share/man/man5/modeld.conf.5",
    "share/modeld/modeld-models-1.schema.json",
    "share/zsh/site-functions/_modeld",
])


def make(build, *words):
    """make in the build folder, with another prefix than it was configured for."""
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", "-s", "-C", str(build), *words, f"prefix=/{PREFIX}"],
                          capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")
                  if not path.is_dir())


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A DESTDIR after make install."""
    root = tmp_path_factory.mktemp("root")
    # These name the prefix: made anew for ours, and then again for the one configured.
    with build_folder() as build:
        made = [build / "systemd" / "modeld.service", build / "modeld.pc"]
        for path in made:
            path.unlink(missing_ok=True)
        try:
            make(build, "install", f"DESTDIR={root}")
        finally:
            for path in made:
                path.unlink(missing_ok=True)
    return root


def test_install_puts_these_files_and_no_others(installed):
    assert files_below(installed) == [f"{PREFIX}/{name}" for name in FILES]


def test_the_program_can_be_run_and_nothing_else(installed):
    for name in FILES:
        mode = (installed / PREFIX / name).stat().st_mode & 0o777
        assert mode == (0o755 if name.startswith("bin/") else 0o644), name
    done = subprocess.run([installed / PREFIX / "bin/modeld", "--version"], capture_output=True,
                          text=True, check=True)
    assert re.fullmatch(r"modeld \d+\.\d+\.\d+\n", done.stdout)


def test_the_unit_starts_what_was_installed(installed):
    text = (installed / PREFIX / "lib/systemd/system/modeld.service").read_text()
    assert f"\nExecStart=/{PREFIX}/bin/modeld serve\n" in text
    assert "@" not in re.sub(r"@system-service|@privileged|@resources", "", text)


def test_the_sample_is_a_valid_configuration(installed):
    done = subprocess.run(
        [installed / PREFIX / "bin/modeld", "config", "check", "--config",
         installed / PREFIX / "share/doc/modeld/examples/modeld.conf", "--db", "sqlite:///x.db"],
        capture_output=True, text=True, check=False, env=clean_environment())
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


def test_the_manual_has_every_setting(installed):
    page = (installed / PREFIX / "share/man/man5/modeld.conf.5").read_text()
    headings = re.findall(r"^\.TP\n\\fB([a-z_]+)\\fR \(", page, re.MULTILINE)
    known = subprocess.run([find_modeld(), "help", "settings"], capture_output=True, text=True,
                           check=True).stdout
    assert headings == re.findall(r"^  ([a-z_]+) = ", known, re.MULTILINE)
    assert "@SETTINGS@" not in page and "@NAMES@" not in page


def test_uninstall_takes_every_file_away(tmp_path):
    with build_folder() as build:
        make(build, "install", f"DESTDIR={tmp_path}")
        make(build, "uninstall", f"DESTDIR={tmp_path}")
    assert files_below(tmp_path) == []


# --- completion ---------------------------------------------------------------------------------

def complete(*words, cwd=None):
    """What bash offers for the last of `words`; it takes "=" for a word of its own."""
    script = """
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _modeld
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    folder = str(pathlib.Path(find_modeld()).parent)
    done = subprocess.run(
        ["bash", "-c", script, "bash", str(ROOT / "scripts/completion/modeld"), "modeld", *words],
        capture_output=True, text=True, check=True, cwd=cwd,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
    return {word for word in done.stdout.split("\n") if word}


def help_of(*words):
    return subprocess.run([find_modeld(), *words], capture_output=True, text=True,
                          check=True).stdout


def commands():
    """Every command as its words."""
    return [tuple(match.split()) for match in
            re.findall(r"^  ([a-z][a-z -]*[a-z])  ", help_of("--help"), re.MULTILINE)]


def test_bash_completes_every_command():
    assert complete("") == {words[0] for words in commands()} | {"--help", "--version"}
    for first in {words[0] for words in commands() if len(words) == 2}:
        assert complete(first, "") == {words[1] for words in commands()
                                       if words[0] == first and len(words) == 2} | {"--help"}


def test_bash_completes_every_option():
    for words in commands():
        options = set(re.findall(r"^  (--[a-z-]+)", help_of("help", *words), re.MULTILINE))
        if words in [("help",), ("version",)]:
            continue
        assert complete(*words, "--") == options, words


def test_bash_completes_settings():
    assert complete("serve", "--set", "pool_") == {"pool_size=", "pool_timeout=", "pool_recycle=",
                                                   "pool_idle="}


    assert complete("serve", "--set", "=", "pool_s") == {"pool_size="}
    assert complete("serve", "--set", "migrate", "=") == set()
    assert complete("db", "check", "--set", "migrate", "=", "au") == set()


def test_bash_completes_names_of_files(tmp_path):
    (tmp_path / "my models.json").touch()
    (tmp_path / "folder").mkdir()
    assert complete("models", "check", "my", cwd=tmp_path) == {"my models.json"}
    assert complete("serve", "--config", "", cwd=tmp_path) == {"my models.json", "folder"}
    assert complete("serve", "--models", "=", cwd=tmp_path) == {"my models.json", "folder"}
    assert complete("serve", "--models", "=", "fo", cwd=tmp_path) == {"folder"}


def test_bash_knows_which_options_have_a_value():
    assert complete("db", "migrate", "--json", "--pl") == {"--plan"}
    assert complete("create", "note", "--json", "") == set()
    assert complete("db", "migrate", "--to", "") == set()
    assert complete("help", "db", "mi") == {"migrate"}


@pytest.mark.parametrize("name", ["_modeld", "modeld.fish"])
def test_the_other_shells_know_the_same_words(name):
    text = (ROOT / "scripts/completion" / name).read_text()
    for words in commands():
        for word in words:
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text), word
        for option in re.findall(r"^  --([a-z-]+)", help_of("help", *words), re.MULTILINE):
            assert re.search(rf"(--|-l ){option}(?![\w-])", text), option
