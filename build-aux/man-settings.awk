# modeld.conf(5): put the settings of docs/config.md in the place of @SETTINGS@.
#	awk -f man-settings.awk docs/config.md modeld.conf.5.in

# Markdown of a table's cell in roff: `code` is bold, *emphasis* italic, a link its text.
function roff(text,    out, at)
{
	gsub(/\\/, "\\e", text)
	while (match(text, /\[[^]]*\]\([^)]*\)/)) {
		at = substr(text, RSTART + 1, RLENGTH - 1)
		sub(/\].*/, "", at)
		text = substr(text, 1, RSTART - 1) at substr(text, RSTART + RLENGTH)
	}
	# What the page says further down, this page says elsewhere.
	gsub(/ See (below|differences|[a-z]+\.md)\./, "", text)
	gsub(/-/, "\\-", text)
	out = ""
	while (match(text, /`[^`]*`/)) {
		out = out substr(text, 1, RSTART - 1) "\\fB" substr(text, RSTART + 1, RLENGTH - 2) "\\fR"
		text = substr(text, RSTART + RLENGTH)
	}
	text = out text
	out = ""
	while (match(text, /\*[A-Z][^*]*\*/)) {
		out = out substr(text, 1, RSTART - 1) "\\fI" substr(text, RSTART + 1, RLENGTH - 2) "\\fR"
		text = substr(text, RSTART + RLENGTH)
	}
	return out text
}

FNR == 1 { file++ }
file == 1 && /^## / { heading = substr($0, 4) }
file == 1 && /^\| Key \|/ { section = 1; settings = settings ".SS " heading "\n"; next }
file == 1 && /^\| Name \|/ { section = 2; next }
file == 1 && !/^\|/ { section = 0 }
file == 1 && section && /^\| `/ {
	split($0, cell, / *\| */)
	if (section == 2) {
		names = names ".TP\n" roff(cell[2]) "\n" roff(cell[3]) "\n"
		next
	}
	value = cell[3]
	settings = settings ".TP\n" roff(cell[2]) " (" roff(value) ")\n" roff(cell[6]) "\n"
	settings = settings (cell[4] == "`\"\"`" ? "Not set by default" : "Default: " roff(cell[4]))
	settings = settings (cell[5] == "yes" ? ".\n" : "; a change needs a restart.\n")
}
file == 2 && /^@SETTINGS@$/ { printf "%s", settings; next }
file == 2 && /^@NAMES@$/ { printf "%s", names; next }
file == 2 { print }
