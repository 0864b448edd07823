# Sourced by the tests: something to serve, and a way to say what went wrong.
# shellcheck shell=sh

url=http://127.0.0.1:8080

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

# A small model, its table made by the daemon.
configure()
{
	cat >/etc/modeld/models.d/note.json <<-'END'
	{ "version": 1, "models": { "Note": { "fields": { "text": "string(80)" } } } }
	END
	sed -i -e 's,^#*models = .*,models = "/etc/modeld/models.d/*.json",' \
		-e 's,^#db_url = "sqlite:.*,db_url = "sqlite:////var/lib/modeld/modeld.db",' \
		/etc/modeld/modeld.conf
	modeld config check || fail "the packaged configuration"
}

# A row goes in and comes out.
use()
{
	code=$(curl -sS -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' \
		-d '{"text": "it works"}' "$url/note")
	test "$code" = 201 || fail "POST /note was answered $code"
	answer=$(curl -sS "$url/note?select=text&limit=1")
	test "$answer" = '[{"text":"it works"}]' || fail "GET /note was answered $answer"
	curl -sS --fail --unix-socket /run/modeld/admin.sock http://localhost/-/metrics |
		grep '^modeld_db_up 1$' >/dev/null || fail "the metrics"
}
