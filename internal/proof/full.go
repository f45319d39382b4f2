//go:build proof

package proof

// Full says that tests prove what they claim in full.
const Full = true
