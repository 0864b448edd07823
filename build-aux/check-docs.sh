#!/bin/sh
# Do docs/config.md and config/modeld.conf.in name every setting of config/options.def, and nothing
# else? The defaults and the column "Reload" must be right, too.
#	check-docs.sh SRCDIR
set -u
LC_ALL=C
export LC_ALL
cd "${1:-.}" || exit 1

awk '
function fail(text) { print text; bad = 1 }
FNR == 1 { file = FILENAME; section = "" }

file ~ /options\.def$/ && /^OPTION\(/ {
	name = $0; sub(/^OPTION\(/, "", name); sub(/,.*/, "", name)
	def = $0; sub(/^[^"]*"/, "", def); sub(/".*/, "", def)
	rest = $0; sub(/^[^"]*"[^"]*"/, "", rest); sub(/".*/, "", rest)
	options[name] = 1; defaults[name] = def
	reload[name] = rest ~ /RELOAD/ ? "yes" : "no"
}
file ~ /options\.def$/ && /^ALIAS\(/ {
	name = $0; sub(/^ALIAS\(/, "", name); sub(/,.*/, "", name)
	target = $0; sub(/^[^,]*, */, "", target); sub(/\).*/, "", target)
	aliases[name] = target
}

# A table of settings has five columns, one of other names two; the rest is of no interest.
file ~ /config\.md$/ && /^\| Key \|/ { section = "keys"; next }
file ~ /config\.md$/ && /^\| Name \|/ { section = "names"; next }
file ~ /config\.md$/ && !/^\|/ { section = "" }
file ~ /config\.md$/ && section != "" && /^\| `/ {
	split($0, cell, / *\| */)
	gsub(/`/, "", cell[2])
	where = file ":" FNR ": " cell[2]
	if (section == "names") {
		gsub(/`/, "", cell[3])
		named[cell[2]] = 1
		if (aliases[cell[2]] != cell[3])
			fail(where " is no other name of " cell[3])
		next
	}
	if (!(cell[2] in options)) {
		fail(where " is no setting")
		next
	}
	if (cell[2] in documented)
		fail(where " is there twice")
	documented[cell[2]] = 1
	gsub(/^`|`$/, "", cell[4])
	if (cell[4] == "\"\"")
		cell[4] = ""
	if (cell[4] != defaults[cell[2]])
		fail(where ": the default is \"" defaults[cell[2]] "\"")
	if (cell[5] != reload[cell[2]])
		fail(where ": Reload must be " reload[cell[2]])
}

file ~ /modeld\.conf\.in$/ && /^#?[a-z][a-z0-9_.]* *=/ {
	name = $0; sub(/^#/, "", name); sub(/ *=.*/, "", name)
	if (name ~ /^app\.settings\./)
		next
	if (!(name in options))
		fail(file ":" FNR ": " name " is no setting")
	sampled[name] = 1
}

END {
	for (name in options) {
		if (!(name in documented))
			fail("docs/config.md: " name " is missing")
		if (!(name in sampled))
			fail("config/modeld.conf.in: " name " is missing")
		found = 1
	}
	for (name in aliases)
		if (!(name in named))
			fail("docs/config.md: the other name " name " is missing")
	if (!found)
		fail("config/options.def: no settings found")
	exit bad
}' config/options.def docs/config.md config/modeld.conf.in
