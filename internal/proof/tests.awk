# The names of the functions that call proof.WithoutRace.
/^func / { split($2, name, "(") }
/proof\.WithoutRace\(/ { print name[1] }
