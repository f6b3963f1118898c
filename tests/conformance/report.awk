# report.awk: the tables of tools/conformance. In: file, cell, verdict, kind, functions, formula, cached value, computed value.
# reasons: DIFFERENCES.md; a heading is a reason, "- `file`: `Sheet!A1:B9`, `Sheet!*`" the cells it explains.
function column(s,    k, n) {
	for (k = 1; k <= length(s); k++)
		n = n * 26 + index("ABCDEFGHIJKLMNOPQRSTUVWXYZ", substr(s, k, 1))
	return n
}
function row_of(a1) { sub(/^[A-Z]+/, "", a1); return a1 + 0 }
function col_of(a1) { sub(/[0-9]+$/, "", a1); return column(a1) }
function bang(s,    k, at) { # the last "!"
	for (k = 1; k <= length(s); k++)
		if (substr(s, k, 1) == "!")
			at = k
	return at
}
function add_rule(file, cells, reason,    k, c, part) {
	n_rules++
	rule_file[n_rules] = file
	rule_reason[n_rules] = reason
	rule_text[n_rules] = file " " cells
	k = bang(cells)
	rule_sheet[n_rules] = substr(cells, 1, k - 1)
	c = substr(cells, k + 1)
	if (c == "*") {
		rule_c1[n_rules] = 0
		return
	}
	split(c, part, ":")
	if (part[2] == "")
		part[2] = part[1]
	rule_r1[n_rules] = row_of(part[1]); rule_c1[n_rules] = col_of(part[1])
	rule_r2[n_rules] = row_of(part[2]); rule_c2[n_rules] = col_of(part[2])
}
function reason_for(file, cell,    k, i, sheet, r, c) {
	k = bang(cell)
	sheet = substr(cell, 1, k - 1)
	r = row_of(substr(cell, k + 1)); c = col_of(substr(cell, k + 1))
	for (i = 1; i <= n_rules; i++)
		if (rule_file[i] == file && rule_sheet[i] == sheet &&
		    (!rule_c1[i] || (r >= rule_r1[i] && r <= rule_r2[i] && c >= rule_c1[i] && c <= rule_c2[i]))) {
			rule_used[i]++
			return rule_reason[i]
		}
	return ""
}
BEGIN {
	while ((getline line < reasons) > 0) {
		if (line ~ /^## /)
			heading = substr(line, 4)
		if (line !~ /^- `/)
			continue
		n = split(line, part, "`")
		for (i = 4; i <= n; i += 2)
			add_rule(part[2], part[i], heading)
	}
	while ((getline line < listed) > 0)
		if (line !~ /^#/) {
			n = split(line, part, " ")
			for (i = 1; i <= n; i++)
				in_list[part[i]] = 1
		}
}
{
	present[$1] = 1
	why = ""
	if ($3 == "differs" || $3 == "unsupported") {
		why = reason_for($1, $2)
		if (why == "")
			printf "%s  %s %s  =%s  cached %s  computed %s\n", $3, $1, $2, $6, $7, $8
		else
			explained[why]++
	}
	verdict = why == "" ? $3 : "explained"
	total[verdict]++
	nf = split($5, fn, " ")
	known = 1
	split("", seen)
	for (i = 1; i <= nf; i++) {
		known = known && fn[i] in in_list
		if (!(fn[i] in seen) && $3 != "random" && $3 != "uncached") {
			count[fn[i], verdict]++
			all[fn[i]] = 1
		}
		seen[fn[i]] = 1
	}
	if ($4 == "number" && known && $3 != "random" && $3 != "uncached") {
		numeric[$1]++
		good[$1] += $3 == "agrees"
		fine[$1] += verdict == "explained"
	}
}
END {
	printf "\n%-24s %9s %9s %9s %11s\n", "function", "agree", "differ", "explained", "unsupported"
	order = "sort -k3,3nr -k5,5nr -k4,4nr -k1,1"
	for (f in all)
		printf "%-24s %9d %9d %9d %11d\n", f, count[f, "agrees"], count[f, "differs"], count[f, "explained"],
			count[f, "unsupported"] | order
	close(order)
	printf "\n"
	for (why in explained)
		printf "%5d explained: %s\n", explained[why], why | "sort -nr"
	close("sort -nr")
	for (i = 1; i <= n_rules; i++)
		if (!rule_used[i] && rule_file[i] in present) {
			printf "a reason without a difference: %s (%s)\n", rule_text[i], rule_reason[i]
			stale++
		}
	for (f in numeric) {
		n_all += numeric[f]; n_good += good[f]; n_fine += fine[f]
		if (numeric[f] > 1000) { # sheets of one copied formula weigh too much
			giants = giants " " f
			continue
		}
		s_all += numeric[f]; s_good += good[f]; s_fine += fine[f]
	}
	if (n_all)
		printf "\nnumeric cells of the listed functions: %d of %d agree (%.2f %%), %d more explained\n", n_good, n_all,
			100 * n_good / n_all, n_fine
	if (s_all && giants != "")
		printf "without%s: %d of %d agree (%.2f %%), %d more explained\n", giants, s_good, s_all, 100 * s_good / s_all, s_fine
	printf "%d cells agree, %d differ, %d explained, %d unsupported, %d random or volatile\n", total["agrees"], total["differs"],
		total["explained"], total["unsupported"], total["random"]
	exit total["differs"] || total["unsupported"] || stale ? 1 : 0
}
