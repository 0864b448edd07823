#!/bin/sh
# Instructions that modeld spends on a request, counted by callgrind: exact where times are not.
# Two runs with different numbers of requests are subtracted, so that the start cancels out.
#
#   instructions.sh MODELD LOAD [accept]     compare with baseline.txt, or write it
#   instructions.sh MODELD LOAD profile CASE  print where the instructions of one case go
set -eu

here=$(cd "$(dirname "$0")" && pwd)
baseline=$here/baseline.txt
few=40 allowed=5 # requests; per cent above the baseline

test $# -ge 2 || { sed -n '2,6p' "$0" >&2; exit 64; }
modeld=$1 load=$2 action=${3-compare}
if ! command -v valgrind >/dev/null 2>&1; then
	echo "instructions: skipped, there is no valgrind"
	exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/modeld-instructions-XXXXXX")
server=
stop()
{
	test -z "$server" || kill "$server" 2>/dev/null || true
	server=
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

path_of() # CASE
{
	case $1 in
	point) echo '/items/%d' ;;
	list) echo '/items?id=gte.%d&order=id&limit=100' ;;
	post | bulk) echo '/made' ;;
	embed) echo '/author?select=id,name,country(id,name),book(id,title,price)&id=gte.%d&order=id&limit=20' ;;
	*) echo "instructions: there is no case '$1'" >&2; exit 64 ;;
	esac
}

# Numbers depend on the compiler and the libraries; they are compared on the same platform only.
platform()
{
	. /etc/os-release
	echo "$ID-$VERSION_ID $(uname -m)"
}

# Both runs of a case begin with the same empty table.
body_of() # CASE: options of load
{
	case $1 in
	post) echo "-b $work/row.json" ;;
	bulk) echo "-b $work/rows.json" ;;
	esac
}

database_of() # CASE
{
	case $1 in
	post | bulk)
		rm -f "$work"/copy.db*
		cp "$work/write.db" "$work/copy.db"
		echo copy
		;;
	*) echo small ;;
	esac
}

run() # CASE REQUESTS OUTPUT: instructions from start to end
{
	name=$(database_of "$1")
	mkfifo "$work/ready"
	valgrind --tool=callgrind --callgrind-out-file="$3" "$modeld" serve \
		--db "sqlite:///$work/$name.db" --listen 127.0.0.1:0 --ready-fd 3 \
		--set threads=1 --set admin_listen=none 3>"$work/ready" 2>"$work/log" &
	server=$!
	read -r url <"$work/ready"
	rm "$work/ready"
	# shellcheck disable=SC2046
	"$load" -c 1 -n "$2" -r 900 $(body_of "$1") "$url" "$(path_of "$1")" >"$work/report"
	kill "$server"
	wait "$server" || { cat "$work/log" >&2; exit 1; }
	server=
	sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$work/log"
}

count() # CASE: instructions of one request
{
	case $1 in
	point | post) many=$((few + 2000)) ;;
	bulk) many=$((few + 20)) ;;
	*) many=$((few + 200)) ;;
	esac
	first=$(run "$1" "$few" /dev/null)
	second=$(run "$1" "$many" /dev/null)
	echo $(((second - first) / (many - few)))
}

python3 "$here/data.py" "$work" small write
case $action in
profile)
	requests=2000
	test "${4-point}" != bulk || requests=40
	run "${4-point}" "$requests" "$work/profile" >/dev/null
	callgrind_annotate "$work/profile" | sed -n '1,60p'
	exit
	;;
accept | compare) ;;
*) echo "instructions: accept, compare or profile, not '$action'" >&2; exit 64 ;;
esac

if test "$action" = accept; then
	echo "platform $(platform)" >"$baseline"
fi
if test "$(sed -n 's/^platform //p' "$baseline")" = "$(platform)"; then same=true; else same=false; fi
bad=
for case in point list embed post bulk; do
	now=$(count "$case")
	if test "$action" = accept; then
		echo "$case $now" >>"$baseline"
		echo "instructions: $case $now, accepted"
		continue
	fi
	was=$(sed -n "s/^$case //p" "$baseline")
	if test -z "$was"; then
		echo "instructions: $case $now, without a baseline" >&2
		exit 1
	fi
	echo "instructions: $case $now, baseline $was ($(((now - was) * 1000 / was)) per mille)"
	if test $((now * 100)) -gt $((was * (100 + allowed))); then bad="$bad $case"; fi
done
if test -z "$bad"; then
	echo "instructions: ok"
elif $same; then
	echo "instructions: more than $allowed % over the baseline:$bad." >&2
	echo "Make it cheaper, or accept it with a reason in the commit: make bench-accept" >&2
	exit 1
else
	echo "instructions: not judged, the baseline is of another platform"
fi
