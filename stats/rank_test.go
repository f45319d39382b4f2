package stats

import (
	"math/big"
	"testing"
)

// The rank is ⌈n·p/100⌉ of the decimal number that was written, by exact rational arithmetic.
func TestRankAgainstExactArithmetic(t *testing.T) {
	for _, text := range []string{
		"0.1", "1", "2.5", "5", "7", "25", "29", "33.3", "50", "57", "75", "85", "90", "95", "99", "99.5",
		"99.9", "99.95", "99.99", "99.999", "99.9999",
	} {
		p, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatal(text)
		}
		percent, _ := p.Float64()
		check := func(n int64) {
			exact := new(big.Rat).Mul(p, big.NewRat(n, 100))
			up := new(big.Int).Add(exact.Num(), new(big.Int).Sub(exact.Denom(), big.NewInt(1)))
			want := new(big.Int).Quo(up, exact.Denom()).Int64()
			if got := Rank(percent, n); got != want {
				t.Errorf("p%s of %d values is of rank %d; want %d", text, n, got, want)
			}
		}
		for n := int64(1); n <= 3000; n++ {
			check(n)
		}
		for _, n := range []int64{1e4, 99_999, 1e5, 1e6, 1_234_567, 1e9, 3_000_000_019} {
			check(n)
		}
	}
}

func TestRankStaysWithinTheValues(t *testing.T) {
	for _, row := range []struct {
		percent float64
		n, want int64
	}{{0, 5, 1}, {-1, 5, 1}, {100, 5, 5}, {200, 5, 5}, {99, 1, 1}, {50, 0, 0}, {50, 2, 1}, {50.1, 2, 2}} {
		if got := Rank(row.percent, row.n); got != row.want {
			t.Errorf("Rank(%g, %d) = %d; want %d", row.percent, row.n, got, row.want)
		}
	}
}
