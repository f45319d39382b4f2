package native

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"bench/targets"
)

// A check that sees a body in pieces agrees with targets.Expect on the whole.
func FuzzCheckInPieces(f *testing.F) {
	f.Add([]byte("aabaabaaab"), "aabaaab", uint(3), uint(5), byte(0))
	f.Add([]byte("ababababac"), "ababac", uint(1), uint(9), byte(1))
	f.Add([]byte(""), "", uint(0), uint(0), byte(3))
	f.Fuzz(func(t *testing.T, whole []byte, needle string, a, b uint, which byte) {
		expect := targets.Expect{Contains: needle}
		length := int64(len(whole))
		sum := sha256.Sum256(whole)
		switch which % 4 {
		case 1:
			expect.Length = &length
		case 2:
			expect.SHA256 = hex.EncodeToString(sum[:])
		case 3:
			expect.SHA256 = "00"
		}
		n := uint(len(whole)) + 1
		a, b = a%n, b%n
		a, b = min(a, b), max(a, b)
		c := newCheck(expect)
		var seen body
		var space [sha256.Size]byte
		for range 2 { // as on a reused connection
			seen.reset()
			for _, piece := range [][]byte{whole[:a], whole[a:b], whole[b:]} {
				if len(piece) > 0 {
					seen.add(&c, piece)
				}
			}
			if got, want := seen.ok(&c, space[:]), expect.BodyOK(whole); got != want {
				t.Fatalf("body %q in pieces at %d and %d, expecting %+v: %v; want %v", whole, a, b, expect, got, want)
			}
		}
	})
}
