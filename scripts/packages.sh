# Sourced by scripts/demo and scripts/test: the Debian packages they need, and how they get them.
# shellcheck shell=sh disable=SC2034

build_packages='build-essential autoconf automake autoconf-archive pkg-config
	libmicrohttpd-dev libjansson-dev libsqlite3-dev libpq-dev libpcre2-dev'
test_packages='check python3 python3-pytest python3-pytest-xdist postgresql valgrind xz-utils
	nginx-light haproxy'
# Of node and npm any that is there will do; scripts/test looks for them. Debian's npm and pip trust the
# system's certificates, which only a recommendation would bring.
client_packages='python3-venv ca-certificates'
lint_packages='clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev cppcheck shellcheck pmccabe
	systemd man-db groff mandoc'
deb_packages='debhelper dpkg-dev lintian'

installed() # PACKAGE
{
	test "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed
}

# need PACKAGE…: install what is missing. apt is not called when nothing is. Without the right to
# install, say what to do and stop.
need()
{
	if ! command -v dpkg-query >/dev/null 2>&1; then
		echo "This is not Debian or a relative of it; trying without looking for packages." >&2
		return 0
	fi
	lacking=
	for package in "$@"; do
		installed "$package" || lacking="$lacking $package"
	done
	test -n "$lacking" || return 0
	line="apt-get install -y --no-install-recommends$lacking"
	if test "$(id -u)" -eq 0; then
		sudo=
	elif command -v sudo >/dev/null 2>&1; then
		sudo='sudo DEBIAN_FRONTEND=noninteractive'
	else
		echo "Packages are missing, and only root can install them. Run as root:" >&2
		echo "    $line" >&2
		exit 69
	fi
	echo "Installing:$lacking"
	# shellcheck disable=SC2086
	if ! { $sudo apt-get update -q && $sudo $line; } >&2; then
		echo "Packages could not be installed. Run as root, with the network up:" >&2
		echo "    apt-get update && $line" >&2
		exit 69
	fi
}
