//go:build !linux

package loadgen

// Untaken is known on Linux alone.
func Untaken(int) bool { return false }
