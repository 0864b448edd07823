#!/bin/sh
# Everything that can be checked without running the program. Called by `make lint`:
#	lint.sh SRCDIR BUILDDIR [STEP…]
# Steps, all of them by default: format layers files words headers complexity tidy cppcheck shell
# python docs symbols man units. Each prints one line, after its findings as file:line. A tool that is not
# installed skips its step; with CI=true that is a failure. From the environment: CC, LINT_CPPFLAGS
# (for clang-tidy, cppcheck and the headers), CLANG_FORMAT, CLANG_TIDY.
# Lists of files and flags are split into words on purpose.
# shellcheck disable=SC2046,SC2086,SC2016
set -u
LC_ALL=C
export LC_ALL
unset CDPATH

srcdir=$1
builddir=$(cd "$2" && pwd)
shift 2
cd "$srcdir" || exit 1
CC=${CC:-cc}
CLANG_FORMAT=${CLANG_FORMAT:-clang-format-14}
CLANG_TIDY=${CLANG_TIDY:-clang-tidy-14}
LINT_CPPFLAGS=${LINT_CPPFLAGS:-}
export LINT_CPPFLAGS
cache=$builddir/lint-cache
mkdir -p "$cache"

folders='core config server'
complexity_max=20
lines_max=80
file_max=800

sources() # FOLDER…: the C files below them, in order
{
	find "$@" -name '*.[ch]' | sort
}

have() # TOOL: is it installed?
{
	command -v "$1" >/dev/null 2>&1
}

missing() # TOOL: skip, or fail where nothing may be skipped
{
	echo "  skipped: $1 is not installed"
	test "${CI:-}" != true
}

# How far the path checks of clang-tidy follow one function: a third of the usual, which takes a third
# of the time.
tidy_nodes=75000

# --- format: as .clang-format says -------------------------------------------------------------
step_format()
{
	have "$CLANG_FORMAT" || { missing "$CLANG_FORMAT"; return; }
	"$CLANG_FORMAT" --dry-run -Werror $(sources $folders tests)
}

# --- layers: who may include whom --------------------------------------------------------------
# may FOLDER REGEX: the files of FOLDER may include their own folder and what REGEX matches in full.
may()
{
	test -d "$1" || return 0
	set -- "$1" "$2" $(sources "$1")
	folder=$1
	allowed="($folder/[^\"]*|$2)"
	shift 2
	test $# -gt 0 || return 0
	grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' /dev/null "$@" |
		grep -vE "#[[:space:]]*include[[:space:]]*\"($allowed|config\\.h)\"" |
		awk -v folder="$folder" '{ print $0 "  <- not for " folder }' >"$cache/layer"
	test -s "$cache/layer" || return 0
	cat "$cache/layer"
	return 1
}

# only HEADER REGEX: HEADER is included by files that REGEX matches in full, and by no others.
only()
{
	grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]$1[>\"]" $folders |
		grep -vE "^($2):" | awk '{ print $0 "  <- not the place for it" }' >"$cache/layer"
	test -s "$cache/layer" || return 0
	cat "$cache/layer"
	return 1
}

step_layers()
{
	rc=0
	base='core/base/[^"]*'
	may core/base 'nothing' || rc=1
	may core/db "$base" || rc=1
	may core/model "$base|core/db/(catalog|value)\\.h" || rc=1
	may core/query "$base|core/model/[^\"]*|core/json/(shape|sink_text|write)\\.h|core/db/(dialect|value|unit)\\.h" || rc=1
	may core/json "$base|core/db/(rows|unit|value)\\.h" || rc=1
	may core/migrate "$base|core/(model|db)/[^\"]*" || rc=1
	may core/ops 'core/[^"]*' || rc=1
	may core/api 'core/[^"]*|include/modeld\.h' || rc=1
	may config "$base" || rc=1
	# The server speaks to ops. It may see the tree that parsers make of a request and the face of
	# the database it opens; drivers, dialects and SQL stay below.
	may server "$base|core/(ops|model)/[^\"]*|core/query/(ast|headers|parse)\\.h|core/db/(db|session)\\.h|core/json/(body|pairs|write)\\.h|config/[^\"]*|include/modeld\\.h" || rc=1
	only 'sqlite3\.h' 'core/db/sqlite[a-z0-9_]*\.[ch]' || rc=1
	only 'libpq-fe\.h' 'core/db/postgres[a-z0-9_]*\.[ch]' || rc=1
	only 'mysql(/mysql)?\.h' 'core/db/mysql[a-z0-9_]*\.[ch]' || rc=1
	only 'microhttpd\.h' 'server/[a-z0-9_]*\.[ch]' || rc=1
	only 'jansson\.h' '(core/json|core/model|core/migrate)/[a-z0-9_]*\.[ch]|core/ops/migrate[a-z0-9_]*\.[ch]|server/(admin|cli_migrate|documents|migrations|raised)[a-z0-9_]*\.[ch]' || rc=1
	# Whoever uses the C API uses nothing else of core's operations.
	only 'include/modeld\.h' '(core/api|server/cli_data)[a-z0-9_/]*\.[ch]' || rc=1
	only 'core/db/driver\.h' 'core/db/[a-z0-9_]*\.[ch]' || rc=1
	only 'core/query/builder\.h' 'core/query/[a-z0-9_]*\.[ch]' || rc=1
	return $rc
}

# --- files: length, the list of banned functions, include guards -------------------------------
step_files()
{
	rc=0
	for file in $(sources $folders tests); do
		lines=$(wc -l <"$file")
		if test "$lines" -gt "$file_max"; then
			echo "$file:$file_max: $lines lines, more than $file_max"
			rc=1
		fi
	done
	for file in $(sources $folders | grep '\.c$'); do
		last=$(grep -nE '^#[[:space:]]*include' "$file" | grep -v '\.def"$' | tail -n 1)
		case $last in
		*'"core/base/banned.h"'*) ;;
		*)
			echo "$file:${last%%:*}: core/base/banned.h is not the last include"
			rc=1
			;;
		esac
	done
	for file in $(sources $folders | grep '\.h$' | grep -v 'banned\.h$'); do
		grep -qE '^#ifndef MD_[A-Z0-9_]+_H$' "$file" || {
			echo "$file:1: no include guard MD_…_H"
			rc=1
		}
	done
	return $rc
}

# --- words: leftovers that do not belong in a finished tree -------------------------------------
step_words()
{
	words='TO''DO|FIX''ME|XX''X|HA''CK'
	if grep -rnwE "$words" $folders tests scripts docs build-aux ./*.md configure.ac Makefile.am \
		--include='*.[ch]' --include='*.def' --include='*.inc' --include='*.in' --include='*.py' \
		--include='*.sh' --include='*.sql' --include='*.md' --include='*.ac' --include='*.am'; then
		echo "say what has to be decided (NEEDSWORK: …) or do it"
		return 1
	fi
	if grep -rnE '[[:space:]]+$' $folders tests scripts build-aux --include='*.[ch]' \
		--include='*.def' --include='*.inc' --include='*.py' --include='*.sh'; then
		echo "space at the end of a line"
		return 1
	fi
}

# --- headers: each compiles alone --------------------------------------------------------------
step_headers()
{
	sh build-aux/headers.sh . $CC $LINT_CPPFLAGS -std=gnu11 -Wall -Wextra -Werror -I. -I"$builddir"
}

# --- complexity: paths through a function and its length ----------------------------------------
step_complexity()
{
	have pmccabe || { missing pmccabe; return; }
	pmccabe $(sources $folders | grep '\.c$') >"$cache/pmccabe" 2>"$cache/pmccabe.err" || {
		cat "$cache/pmccabe.err"
		return 1
	}
	awk -F '\t' -v complexity="$complexity_max" -v lines="$lines_max" '
		{ split($6, at, /[():]+/); where = at[1] ":" at[2] ":" at[3] }
		$1 > complexity { print where ": complexity " $1 ", more than " complexity; bad = 1 }
		$5 > lines { print where ": " $5 " lines, more than " lines; bad = 1 }
		END { exit bad }' "$cache/pmccabe"
}

# --- tidy: clang-tidy; a file that passed is looked at again when it or a header of it changed ----
step_tidy()
{
	have "$CLANG_TIDY" || { missing "$CLANG_TIDY"; return; }
	common=$({ cat .clang-tidy "$builddir/config.h"; echo "$tidy_nodes"; } | cksum)
	: >"$cache/tidy.list"
	for file in $(sources $folders | grep '\.c$'); do
		used=$($CC $LINT_CPPFLAGS -std=gnu11 -I. -I"$builddir" -MM "$file" | sed 's/^[^:]*://; s/\\$//')
		key=$(printf '%s %s %s' "$file" "$common" "$(cat $used | cksum)" | cksum | tr ' ' -)
		test -e "$cache/tidy-$key" || printf '%s %s\n' "$file" "$cache/tidy-$key" >>"$cache/tidy.list"
	done
	rm -f "$cache"/tidy.out.*
	xargs -r -P "$(nproc 2>/dev/null || echo 2)" -L 1 sh -c '
		tool=$1 builddir=$2 file=$3 key=$4
		out=$(mktemp "$builddir/lint-cache/tidy.out.XXXXXX")
		if "$tool" --quiet "$file" -- -std=gnu11 -include "$builddir/config.h" -I. -I"$builddir" \
			$LINT_CPPFLAGS -Xclang -analyzer-config -Xclang max-nodes='$tidy_nodes' \
			>"$out" 2>/dev/null; then
			: >"$key"
			rm -f "$out"
		fi' sh "$CLANG_TIDY" "$builddir" <"$cache/tidy.list"
	set -- "$cache"/tidy.out.*
	test -e "$1" || return 0
	cat "$@"
	return 1
}

# --- cppcheck ------------------------------------------------------------------------------------
# Left out is what its first findings got wrong each time: pointers that are compared and not
# followed, structures filled by the callee, strings handed over inside a compound literal (the
# sanitizers see leaks).
step_cppcheck()
{
	have cppcheck || { missing cppcheck; return; }
	mkdir -p "$cache/cppcheck"
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 --cppcheck-build-dir="$cache/cppcheck" -j "$(nproc 2>/dev/null || echo 2)" \
		--suppress=missingIncludeSystem --suppress=unmatchedSuppression \
		--suppress=arrayIndexThenCheck --suppress=ctuuninitvar --suppress=memleak \
		--suppress=nullPointerRedundantCheck \
		--include=build-aux/cppcheck.h \
		--include="$builddir/config.h" -I. $folders
}

# --- shell: every script -------------------------------------------------------------------------
step_shell()
{
	have shellcheck || { missing shellcheck; return; }
	shellcheck -x $(grep -rlE '^#!/bin/(ba)?sh' autogen.sh build-aux/lint.sh build-aux/headers.sh \
		build-aux/check-*.sh scripts tests .ci 2>/dev/null)
}

# --- python: the tests' files parse --------------------------------------------------------------
step_python()
{
	have python3 || { missing python3; return; }
	python3 - tests scripts <<'EOF'
import ast
import pathlib
import sys

bad = False
for folder in sys.argv[1:]:
    for path in sorted(pathlib.Path(folder).rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        except SyntaxError as error:
            print(f"{path}:{error.lineno}: {error.msg}")
            bad = True
            continue
        if ast.get_docstring(tree) is None:
            print(f"{path}:1: no docstring that says what the file is for")
            bad = True
sys.exit(bad)
EOF
}

# --- docs: every option is documented ------------------------------------------------------------
step_docs()
{
	test -e build-aux/check-docs.sh || return 0
	sh build-aux/check-docs.sh .
}

# --- symbols: parts of libmicrohttpd that must never be linked in --------------------------------
step_symbols()
{
	have nm || { missing nm; return; }
	if ! test -e "$builddir/modeld"; then
		echo "  skipped: modeld is not built in $builddir"
		test "${CI:-}" != true
		return
	fi
	if nm "$builddir/modeld" | grep -E ' MHD_(create_post_processor|create_response_for_upgrade)'; then
		echo "modeld: must not use libmicrohttpd's post processor or upgrade"
		return 1
	fi
}

# --- man: the manual pages are good roff, and modeld(1) knows every command and option -----------
step_man()
{
	have mandoc || { missing mandoc; return; }
	have man || { missing man; return; }
	page=$builddir/docs/modeld.conf.5
	if ! test -e "$page" || ! test -x "$builddir/modeld"; then
		echo "  skipped: modeld is not built in $builddir"
		test "${CI:-}" != true
		return
	fi
	rc=0
	mandoc -T lint -W warning docs/man/modeld.1 "$page" || rc=1
	for file in docs/man/modeld.1 "$page"; do
		man --warnings -E UTF-8 -l -Tutf8 -Z "$file" 2>&1 >/dev/null | sed "s,^,$file: ," >"$cache/man"
		test -s "$cache/man" && { cat "$cache/man"; rc=1; }
	done
	# Commands are "  words   summary" in the overview, options "  --name" in the help of each.
	sed 's/\\f[BIR]//g; s/\\//g; s/[" ]\{1,\}/ /g' docs/man/modeld.1 >"$cache/man"
	"$builddir/modeld" --help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' >"$cache/commands"
	while read -r command; do
		grep -qE "^\.[A-Z]+ modeld $command( |$)" "$cache/man" || {
			echo "docs/man/modeld.1: the command \"$command\" is missing"
			rc=1
		}
		"$builddir/modeld" help $command | grep -oE '^  --[a-z-]+' | tr -d ' '
	done <"$cache/commands" >"$cache/found"
	grep -v '^--' "$cache/found"
	grep '^--' "$cache/found" | sort -u >"$cache/options"
	while read -r option; do
		grep -qE "^\.[A-Z]+ (-h , )?$option( |$)" "$cache/man" || {
			echo "docs/man/modeld.1: the option $option is missing"
			rc=1
		}
	done <"$cache/options"
	test -s "$cache/commands" || { echo "modeld --help: no commands found"; rc=1; }
	return $rc
}

# --- units: systemd understands them, and has little left to say about safety ---------------------
exposure_max=15 # tenths
step_units()
{
	have systemd-analyze || { missing systemd-analyze; return; }
	rm -rf "$cache/units"
	mkdir -p "$cache/units/bin"
	# Commands must be there for verify; what they are does not matter.
	printf '#!/bin/sh\n' >"$cache/units/bin/modeld"
	chmod +x "$cache/units/bin/modeld"
	sed "s,@bindir@,$cache/units/bin," systemd/modeld.service.in >"$cache/units/modeld.service"
	cp systemd/modeld.socket "$cache/units"
	rc=0
	systemd-analyze verify --man=no "$cache/units/modeld.service" "$cache/units/modeld.socket" \
		>"$cache/units/verify" 2>&1 || rc=1
	test -s "$cache/units/verify" && { cat "$cache/units/verify"; rc=1; }
	systemd-analyze security --offline=yes --no-pager --threshold="$exposure_max" \
		"$cache/units/modeld.service" >"$cache/units/security" 2>&1 || {
		cat "$cache/units/security"
		rc=1
	}
	grep -q 'Overall exposure level' "$cache/units/security" || rc=1
	if have systemd-sysusers; then
		systemd-sysusers --dry-run "$PWD/systemd/sysusers.d/modeld.conf" >"$cache/units/sysusers" 2>&1 || {
			cat "$cache/units/sysusers"
			rc=1
		}
	fi
	return $rc
}

# ---------------------------------------------------------------------------------------------------
test $# -gt 0 || set -- format layers files words headers complexity tidy cppcheck shell python docs symbols man units
failed=
for step in "$@"; do
	begin=$(date +%s)
	if "step_$step"; then
		echo "lint: $step ok ($(($(date +%s) - begin)) s)"
	else
		echo "lint: $step FAILED"
		failed="$failed $step"
	fi
done
test -z "$failed" || {
	echo "lint: failed:$failed"
	exit 1
}
