"""The command line and the configuration: help, exit codes, order of sources, everything wrong
reported at once."""
import pytest

from conftest import LIBRARY
from harness import Modeld, StartFailed, run

# A schema has to exist where there are several.
IN_API = "CREATE SCHEMA api; SET search_path = api; -- postgresql only\n"


@pytest.mark.parametrize("args", [["-h"], ["--help"], ["serve", "-h"], ["serve", "--help"],
                                  ["config", "-h"], ["config", "show", "-h"],
                                  ["config", "check", "-h"]])
def test_help_is_everywhere(args):
    done = run(*args)
    assert done.returncode == 0
    assert "modeld" in done.stdout
    assert done.stderr == ""


def test_the_version_is_told():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("modeld ")


@pytest.mark.parametrize("args", [[], ["dance"], ["serve", "--nonsense"], ["serve", "--db"],
                                  ["config"], ["config", "dance"]])
def test_a_wrong_command_line_is_64(args):
    done = run(*args)
    assert done.returncode == 64
    assert done.stderr


def test_a_wrong_option_gets_a_suggestion():
    assert "--listen" in run("serve", "--listne", "x").stderr


def test_config_show_tells_values_and_their_origin(tmp_path):
    path = tmp_path / "modeld.conf"
    path.write_text("pool_size = 7\n")
    done = run("config", "show", "--config", path, "--set", "db-max-rows=50",
               env={"MODELD_LOG_LEVEL": "debug", "PGRST_DB_SCHEMAS": "api"})
    assert done.returncode == 0, done.stderr
    lines = {line.split("=")[0].strip().replace("-", "_"): line
             for line in done.stdout.splitlines() if "=" in line and not line.startswith("#")}
    assert "7" in lines["pool_size"] and "modeld.conf" in lines["pool_size"]
    assert "50" in lines["db_max_rows"]
    assert "debug" in lines["log_level"] and "MODELD_LOG_LEVEL" in lines["log_level"]
    assert "api" in lines["db_schemas"]


def test_config_show_never_shows_a_password(tmp_path):
    done = run("config", "show", "--set", "db-url=postgresql://me:sesame@db/x",
               "--set", "jwt-secret=open-sesame-open-sesame-open-sesame")
    assert "sesame" not in done.stdout + done.stderr


def test_config_check_of_a_good_file_is_0(tmp_path):
    path = tmp_path / "modeld.conf"
    path.write_text('# a comment\ndb-url = "sqlite:///tmp/x.db"\npool_size = 5\n'
                    'request-deadline = 10s\n')
    done = run("config", "check", "--config", path)
    assert done.returncode == 0, done.stderr


def test_everything_wrong_is_reported_at_once_with_lines(tmp_path):
    path = tmp_path / "modeld.conf"
    path.write_text("pool_siz = 5\n"
                    "max_overflow = many\n"
                    "request_deadline = 10 parsecs\n"
                    "pool_size = 100000\n"
                    "nonsense\n")
    done = run("config", "check", "--config", path)
    assert done.returncode == 78
    for line in ("1", "2", "3", "4", "5"):
        assert f"modeld.conf:{line}" in done.stderr
    assert "pool_size" in done.stderr  # the suggestion for pool_siz


def test_a_key_given_twice_under_two_names_is_an_error(tmp_path):
    path = tmp_path / "modeld.conf"
    path.write_text("db-url = sqlite:///a.db\ndb-uri = sqlite:///b.db\n")
    done = run("config", "check", "--config", path)
    assert done.returncode == 78
    assert "db" in done.stderr


def test_a_missing_file_is_66(tmp_path):
    done = run("config", "check", "--config", tmp_path / "nowhere.conf")
    assert done.returncode in (66, 78)
    assert "nowhere.conf" in done.stderr


def test_the_file_is_weaker_than_the_environment_and_that_than_the_command_line(tmp_path):
    path = tmp_path / "modeld.conf"
    path.write_text("db-max-rows = 1\npool-size = 1\nplan-cache = 100\n")
    done = run("config", "show", "--config", path, "--set", "db-max-rows=3",
               env={"MODELD_DB_MAX_ROWS": "2", "MODELD_POOL_SIZE": "2"})
    values = {line.split("=")[0].strip().replace("-", "_"): line.split("=")[1].split("#")[0].strip()
              for line in done.stdout.splitlines() if "=" in line and not line.startswith("#")}
    assert (values["db_max_rows"], values["pool_size"], values["plan_cache"]) == ("3", "2", "100")


def test_a_security_setting_without_effect_stops_the_start(database):
    with pytest.raises(StartFailed) as failed:
        Modeld(database().url, settings={"db-pre-request": "check_it"})
    assert failed.value.code == 78
    assert "db" in failed.value.log and "pre" in failed.value.log


def test_it_starts_when_that_is_meant(serve):
    server = serve(db_pre_request="check_it", ignore_unsupported="db-pre-request")
    assert server.get("/genre").status == 200


def test_another_address_than_loopback_needs_a_word(database):
    with pytest.raises(StartFailed) as failed:
        Modeld(database().url, listen="0.0.0.0:0")
    assert failed.value.code == 78
    assert "allow" in failed.value.log and "unauthenticated" in failed.value.log


def test_another_address_is_served_when_that_is_meant(serve):
    server = serve(listen="0.0.0.0:0", allow_unauthenticated="true")
    assert server.urls


def test_serve_without_a_database_says_so():
    with pytest.raises(StartFailed) as failed:
        Modeld(None)
    assert failed.value.code in (64, 78)
    assert "db" in failed.value.log


def test_an_address_in_use_is_told(library, database):
    with pytest.raises(StartFailed) as failed:
        Modeld(database().url, listen=f"127.0.0.1:{library.port}")
    assert failed.value.code in (69, 71, 75, 78)
    assert str(library.port) in failed.value.log
    assert "in use" in failed.value.log.lower()


def test_an_unknown_scheme_is_told():
    with pytest.raises(StartFailed) as failed:
        Modeld("oracle://somewhere/db")
    assert failed.value.code in (64, 78)
    assert "oracle" in failed.value.log


def test_a_postgrest_file_is_understood(serve, tmp_path, database):
    db = database(IN_API + LIBRARY)
    path = tmp_path / "postgrest.conf"
    path.write_text(f'db-uri = "{db.url}"\ndb-schemas = "api"\ndb-max-rows = 2\n'
                    'db-pool = 4\nlog-level = "info"\n')
    server = serve("", "--config", path)
    assert len(server.rows("/book")) == 2
    assert "'api.nowhere'" in server.error("/nowhere", 404, "PGRST205")["message"]
