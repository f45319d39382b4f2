package targets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Expect is what a response must satisfy to count as ok. The zero value requires a status of
// 200 to 399 and accepts any body.
type Expect struct {
	Status   Statuses `json:"status,omitempty" yaml:"status"`
	Length   *int64   `json:"length,omitempty" yaml:"length"` // body bytes
	SHA256   string   `json:"sha256,omitempty" yaml:"sha256"` // of the body, in hex
	Contains string   `json:"contains,omitempty" yaml:"contains"`
	// AnyBody says that bodies may differ between topologies (a clock, a token): the preflight
	// then compares only status and headers.
	AnyBody bool `json:"any_body,omitempty" yaml:"any_body"`
}

// Statuses are status codes, any of which is expected. One is written as a number, several as a list.
type Statuses []int

// StatusOK reports whether the status is an expected one.
func (e Expect) StatusOK(status int) bool {
	if len(e.Status) > 0 {
		return slices.Contains(e.Status, status)
	}
	return status >= 200 && status < 400
}

// NeedsBody reports whether the body has to be checked.
func (e Expect) NeedsBody() bool { return e.Length != nil || e.SHA256 != "" || e.Contains != "" }

// BodyOK reports whether the body is an expected one.
func (e Expect) BodyOK(body []byte) bool {
	if e.Length != nil && int64(len(body)) != *e.Length {
		return false
	}
	if e.Contains != "" && !bytes.Contains(body, []byte(e.Contains)) {
		return false
	}
	if e.SHA256 != "" {
		sum := sha256.Sum256(body)
		return hex.EncodeToString(sum[:]) == strings.ToLower(e.SHA256)
	}
	return true
}

// Problem says in what a body differs from the expected one; empty: in nothing.
func (e Expect) Problem(body []byte) string {
	switch {
	case e.Length != nil && int64(len(body)) != *e.Length:
		return fmt.Sprintf("a body of %d bytes; want %d", len(body), *e.Length)
	case e.Contains != "" && !bytes.Contains(body, []byte(e.Contains)):
		return fmt.Sprintf("a body of %d bytes without %q", len(body), e.Contains)
	case !e.BodyOK(body):
		return fmt.Sprintf("a body of %d bytes with another SHA-256", len(body))
	}
	return ""
}

func (e Expect) validate() error {
	for _, code := range e.Status {
		if code < 100 || code > 999 {
			return fmt.Errorf("expect: status %d: want three digits, such as 200, or a list of them", code)
		}
	}
	if e.Length != nil && *e.Length < 0 {
		return fmt.Errorf("expect: length %d: want the number of a body's bytes", *e.Length)
	}
	if sum, err := hex.DecodeString(e.SHA256); err != nil || len(sum) != 0 && len(sum) != sha256.Size {
		return fmt.Errorf("expect: sha256 %.70q: want 64 hexadecimal digits", e.SHA256)
	}
	return nil
}

// UnmarshalYAML reads one status code or a list.
func (s *Statuses) UnmarshalYAML(read func(any) error) error {
	var one int
	if read(&one) == nil {
		*s = Statuses{one}
		return nil
	}
	return read((*[]int)(s))
}

// MarshalJSON writes one status code as a number.
func (s Statuses) MarshalJSON() ([]byte, error) {
	if len(s) == 1 {
		return json.Marshal(s[0])
	}
	return json.Marshal([]int(s))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Statuses) UnmarshalJSON(data []byte) error {
	var one int
	if json.Unmarshal(data, &one) == nil {
		*s = Statuses{one}
		return nil
	}
	return json.Unmarshal(data, (*[]int)(s))
}
