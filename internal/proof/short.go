//go:build !proof

package proof

// Full reports whether statistical tests run at full size.
const Full = false
