package results

import "fmt"

// Slow is what became of a population of slow clients. They are no part of the counts.
type Slow struct {
	Kind     string `json:"kind"`
	Clients  int    `json:"clients"`
	Opened   uint64 `json:"opened"`           // connections made
	Refused  uint64 `json:"refused"`          // connections that could not be made
	Closed   uint64 `json:"closed_by_server"` // before the client was done
	Answered uint64 `json:"answered"`         // whole requests that got a first byte of an answer
	Held     int    `json:"held_at_end"`      // connections that were still open when the load ended
}

func (s Slow) String() string {
	return fmt.Sprintf("slow clients (%s): %d; opened %d, refused %d, closed by the server %d, answered %d, held at the end %d",
		s.Kind, s.Clients, s.Opened, s.Refused, s.Closed, s.Answered, s.Held)
}
