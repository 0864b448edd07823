#!/bin/sh
# Compile every header alone: a header that needs another one includes it. Usage: headers.sh SRCDIR CC [FLAGS...]
set -u
srcdir=$1
shift
bad=0
for header in $(cd "$srcdir" && find core config server -name '*.h' | sort); do
	printf '#include "%s"\n' "$header" | "$@" -x c -fsyntax-only - || { echo "does not compile alone: $header"; bad=1; }
done
exit $bad
