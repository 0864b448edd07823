"""The C API as programs get it: installed into a folder, found by pkg-config, the examples of the
documentation compiled against it and run on both engines."""
import os
import pathlib
import shutil
import subprocess

import pytest

from harness import ROOT, build_folder, find_modeld

PREFIX = "opt/modeld"


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False, timeout=120, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A folder with the examples, compiled against what make install puts into it."""
    root = tmp_path_factory.mktemp("root")
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    with build_folder() as build:
        (build / "modeld.pc").unlink(missing_ok=True)
        try:
            run("make", "-s", "-C", build, "install-libLIBRARIES", "install-apiHEADERS",
                "install-api_baseHEADERS", "install-pkgconfigDATA", f"DESTDIR={root}",
                f"prefix=/{PREFIX}", env=environment)
        finally:
            (build / "modeld.pc").unlink(missing_ok=True)
    environment.update(PKG_CONFIG_PATH=str(root / PREFIX / "lib/pkgconfig"),
                       PKG_CONFIG_SYSROOT_DIR=str(root))
    flags = run("pkg-config", "--cflags", "--libs", "modeld", env=environment).split()
    makefile = (build / "Makefile").read_text(encoding="utf-8")
    sanitize = [flag for flag in ("-fsanitize=address,undefined", "-fsanitize=thread")
                if flag.split(",")[0] in makefile]
    for name in EXAMPLES:
        run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", *sanitize,
            ROOT / f"docs/examples/{name}.c", "-o", root / name, *flags)
    return root


EXAMPLES = {
    "blog": "3: Post 3\n1: Post 1\n2 in all\nrefused: 23505\n",
    "async": "john: 3 posts\nann: 2 posts\n",
}


def test_the_example_runs_against_what_is_installed(programs, fresh):
    command = [programs / "blog", fresh.url, ROOT / "config/models/blog.json"]
    assert run(*command) == EXAMPLES["blog"]
    assert int(fresh.rows("SELECT count(*) FROM post")[0][0]) == 3
    # what is there already is refused, and nothing of the second run is left
    again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert again.returncode == 1 and again.stderr.startswith("blog: 23505"), again.stderr
    assert int(fresh.rows("SELECT count(*) FROM post")[0][0]) == 3


def test_the_example_with_a_loop_runs_two_sessions(programs, fresh):
    command = [programs / "async", fresh.url, ROOT / "config/models/blog.json"]
    assert run(*command) == EXAMPLES["async"]
    assert int(fresh.rows("SELECT count(*) FROM post")[0][0]) == 5
    again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert again.returncode == 1 and again.stdout == "", again.stdout
    assert sorted(line[:11] for line in again.stderr.splitlines()) == ["ann: 23505 ",
                                                                       "john: 23505"]
    assert int(fresh.rows("SELECT count(*) FROM post")[0][0]) == 5


@pytest.mark.skipif(not shutil.which("valgrind"), reason="there is no valgrind")
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_leaks_nothing(name, programs, fresh):
    build = pathlib.Path(find_modeld()).parent
    if "-fsanitize=" in (build / "Makefile").read_text(encoding="utf-8"):
        pytest.skip("the sanitizer looks itself, or is in the way")
    assert run("valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
               "--errors-for-leak-kinds=definite,indirect,possible", programs / name, fresh.url,
               ROOT / "config/models/blog.json") == EXAMPLES[name]
