package main

import (
	"bench/internal/inert"
	"bench/internal/secret"
)

// guardStreams puts the guards before the streams, and returns what takes them away again.
func guardStreams(s *shell) (restore func()) {
	s.stdout, s.stderr = s.out, s.errs
	out, errs := secret.NewWriter(inert.NewWriter(s.out)), secret.NewWriter(inert.NewWriter(s.errs))
	s.out, s.errs = out, errs
	return func() {
		_, _ = out.Flush(), errs.Flush() // there is no stream left to report an error on
		s.out, s.errs = s.stdout, s.stderr
	}
}

// reveal lets secrets through, to a person's terminal and nowhere else.
func reveal(s *shell) error {
	if !s.showSecrets {
		return nil
	}
	if !s.interactive {
		return usagef("--show-secrets is for a person at a terminal: this output goes to a file, a pipe or a CI job")
	}
	s.out, s.errs = inert.NewWriter(s.stdout), inert.NewWriter(s.stderr)
	return nil
}

// clean is a text without secrets, unless they are to be shown.
func (s *shell) clean(text string) string {
	if s.showSecrets {
		return text
	}
	return secret.Redact(text)
}
