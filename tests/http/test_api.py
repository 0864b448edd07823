"""The C API as programs get it: installed into a folder, found by pkg-config, the example of the
documentation compiled against it and run on both engines."""
import os
import pathlib
import shutil
import subprocess

import pytest

from harness import ROOT, find_modeld

PREFIX = "opt/modeld"


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False, timeout=120, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def blog(tmp_path_factory):
    """The example, compiled against what make install puts into a folder."""
    root = tmp_path_factory.mktemp("root")
    build = pathlib.Path(find_modeld()).parent
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
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
    sanitize = ["-fsanitize=address,undefined"] if "-fsanitize=address" in makefile else []
    program = root / "blog"
    run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", *sanitize,
        ROOT / "docs/examples/blog.c", "-o", program, *flags)
    return program


def expect(output):
    assert output == "3: Post 3\n1: Post 1\n2 in all\nrefused: 23505\n"


def test_the_example_runs_against_what_is_installed(blog, fresh):
    expect(run(blog, fresh.url, ROOT / "config/models/blog.json"))
    assert int(fresh.rows("SELECT count(*) FROM post")[0][0]) == 3
    # what is there already is refused, and nothing of the second run is left
    again = subprocess.run([blog, fresh.url, ROOT / "config/models/blog.json"],
                           capture_output=True, text=True, check=False, timeout=60)
    assert again.returncode == 1 and again.stderr.startswith("blog: 23505"), again.stderr
    assert int(fresh.rows("SELECT count(*) FROM post")[0][0]) == 3


@pytest.mark.skipif(not shutil.which("valgrind"), reason="there is no valgrind")
def test_the_example_leaks_nothing(blog, fresh):
    build = pathlib.Path(find_modeld()).parent
    if "-fsanitize=address" in (build / "Makefile").read_text(encoding="utf-8"):
        pytest.skip("the sanitizer looks itself")
    expect(run("valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
               "--errors-for-leak-kinds=definite,indirect,possible", blog, fresh.url,
               ROOT / "config/models/blog.json"))
