package main

import (
	"os"

	"bench/terminal"
)

// progress is the view of how a run proceeds: redrawn on a terminal, elsewhere a line every few seconds.
// It lasts until endProgress.
func progress(s *shell) terminal.View {
	if s.view == nil {
		s.view = newView(s)
	}
	return s.view
}

func newView(s *shell) terminal.View {
	if screen, is := s.stderr.(*os.File); is && s.terminal && s.live {
		return terminal.NewLive(screen, s.user(), s.clean)
	}
	return &terminal.Lines{To: s.errs}
}

// endProgress leaves the terminal as it was before the view. What is printed while there is one would be
// drawn over.
func endProgress(s *shell) {
	if s.view != nil {
		s.view.Close()
	}
}
