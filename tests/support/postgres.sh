#!/bin/sh
# A private PostgreSQL server for tests: in a directory of its own, on a Unix socket only, gone
# afterwards. Usage:
#   postgres.sh start DIR [PID]   make the cluster in DIR (new or empty) and start it; prints its
#                                 url. With PID it stops by itself when that process has ended.
#   postgres.sh stop DIR          stop it and remove DIR
# PostgreSQL refuses to run as root, so for root it runs as the user postgres.
set -eu

find_bin() {
	for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
		if [ -x "$dir/initdb" ]; then
			found=$dir
		fi
	done
	if [ -z "${found-}" ] && command -v initdb >/dev/null; then
		found=$(dirname "$(command -v initdb)")
	fi
	if [ -z "${found-}" ]; then
		echo "postgres.sh: no PostgreSQL server found (Debian: apt-get install postgresql)" >&2
		exit 1
	fi
	printf '%s\n' "$found"
}

as_server() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		(cd / && "$@")
	fi
}

watch_owner() {
	while kill -0 "$1" 2>/dev/null; do
		sleep 1
	done
	stop "$2"
}

start() {
	dir=$1 owner=${2-} bin=$(find_bin)
	mkdir -p "$dir"
	dir=$(cd "$dir" && pwd)
	if [ "$(id -u)" = 0 ]; then
		chown postgres "$dir"
	fi
	chmod 755 "$dir"
	as_server "$bin/initdb" -N --no-locale -E UTF8 -A trust -U test -D "$dir/data" \
		>"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
	as_server sh -c "cat >>'$dir/data/postgresql.conf'" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$dir'
		fsync = off
		max_connections = 50
		shared_buffers = 16MB
		log_min_messages = fatal
	CONF
	as_server "$bin/pg_ctl" -w -s -D "$dir/data" -l "$dir/data/server.log" start >&2 ||
		{ cat "$dir/data/server.log" >&2; exit 1; }
	if [ -n "$owner" ]; then
		(watch_owner "$owner" "$dir") </dev/null >/dev/null 2>&1 &
	fi
	printf 'postgresql://test@/postgres?host=%s\n' \
		"$(printf '%s' "$dir" | sed 's,%,%25,g; s,/,%2F,g')"
}

stop() {
	dir=$1
	if [ -d "$dir/data" ]; then
		as_server "$(find_bin)/pg_ctl" -m immediate -w -s -D "$dir/data" stop >&2 || :
	fi
	rm -rf "$dir"
}

case ${1-} in
start) start "$2" "${3-}" ;;
stop) stop "$2" ;;
*)
	echo "usage: postgres.sh start DIR [PID] | stop DIR" >&2
	exit 64
	;;
esac
