# Puts the table of verdicts of docs/CLAIMS.md into the README, without its reasons:
# awk -f docs/claims-table.awk docs/CLAIMS.md README.md. `make claims-doc` calls it.
BEGIN { FS = " [|] " }
FNR == NR {
	if (/^#/) verdicts = /^#+ Verdicts$/
	else if (verdicts && /^[|]-/) { if (!ruled++) table = table "|---|---|---|\n" }
	else if (verdicts && /^[|] / && !($1 == "| claim" && headed++)) table = table $1 " | " $2 " | " $3 " |\n"
	next
}
/^<!-- claims -->$/ { print; inside = 1 }
/^<!-- [/]claims -->$/ {
	printf "%s\n[CLAIMS](docs/CLAIMS.md) has the reasons, the predictions and the pictures.\n", table
	inside = 0
}
!inside { print }
