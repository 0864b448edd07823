"""Aggregates: switched off unless the configuration allows them; not built yet."""


def test_aggregates_are_PGRST123_unless_they_are_allowed(library):
    error = library.error("/book?select=pages.sum()", 400, "PGRST123")
    assert error["message"] == "Use of aggregate functions is not allowed"


def test_allowed_aggregates_say_that_they_are_not_built_yet(serve):
    error = serve(db_aggregates_enabled="true").error("/book?select=pages.sum()", 400, "PGRST127")
    assert "aggregate" in error["details"]
