package results

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Incident is something that was done to the servers or the load during a cell, on purpose.
type Incident struct {
	Kind    string  `json:"kind"`              // kill, signal, slow-clients, ...
	Text    string  `json:"text"`              // as scenarios.ParseIncident reads it
	Planned float64 `json:"planned_s"`         // since the start of the load
	At      float64 `json:"at_s"`              // when it was done
	Until   float64 `json:"until_s,omitempty"` // when it was undone, of one that lasts
	// On names the processes or files that it was done to.
	On []string `json:"on,omitempty"`
	// Error is why it could not be done.
	Error string `json:"error,omitempty"`
}

// What is the incident without its time.
func (i Incident) What() string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(i.Text, "at "), " ")
	return rest
}

// Moment is the record of a short time of a load with incidents. A request counts where it was due; that
// it was answered counts where the response came.
type Moment struct {
	At    time.Duration // start, since the start of the load
	Due   uint64        // requests that were due in it
	Lost  uint64        // of them, those that got no successful response
	Worst time.Duration // the longest response time of the others
	Came  uint64        // successful responses that came in it,
	First time.Duration // the first
	Last  time.Duration // and the last of them
}

// Plus is what two parts of a load record of the same moment together.
func (m Moment) Plus(n Moment) Moment {
	if n.Came > 0 && (m.Came == 0 || n.First < m.First) {
		m.First = n.First
	}
	m.Due, m.Lost, m.Came = m.Due+n.Due, m.Lost+n.Lost, m.Came+n.Came
	m.Worst, m.Last = max(m.Worst, n.Worst), max(m.Last, n.Last)
	return m
}

// MomentLength is the length of a moment, unless a load is so long that there would be too many.
const MomentLength = 10 * time.Millisecond

// mostMoments bounds the moments of a load: those of a worker on another machine fit into a message.
const mostMoments = 60_000

// MomentsOf is the length of the moments of a load that takes so long.
func MomentsOf(load time.Duration) time.Duration {
	return MomentLength * max(1, (load/MomentLength+mostMoments-1)/mostMoments)
}

var momentsHeader = []string{"at_s", "due", "lost", "worst_us", "came", "first_us", "last_us"}

// writeMoments writes the moments in which something happened. The times of the first and the last
// response count from the start of the load.
func writeMoments(moments []Moment) ([]byte, error) {
	var out bytes.Buffer
	rows := [][]string{momentsHeader}
	for _, m := range moments {
		rows = append(rows, []string{
			formatSeconds(m.At), strconv.FormatUint(m.Due, 10), strconv.FormatUint(m.Lost, 10),
			strconv.FormatInt(m.Worst.Microseconds(), 10), strconv.FormatUint(m.Came, 10),
			strconv.FormatInt(m.First.Microseconds(), 10), strconv.FormatInt(m.Last.Microseconds(), 10),
		})
	}
	err := csv.NewWriter(&out).WriteAll(rows)
	return out.Bytes(), err
}

func readMoments(data []byte) (moments []Moment, err error) {
	rows, err := readCSV(bytes.NewReader(data), momentsHeader)
	if err != nil {
		return nil, err
	}
	for i, row := range rows {
		var m Moment
		var errs [7]error
		var times [3]uint64
		m.At, errs[0] = parseSeconds(row[0])
		m.Due, errs[1] = strconv.ParseUint(row[1], 10, 63)
		m.Lost, errs[2] = strconv.ParseUint(row[2], 10, 63)
		times[0], errs[3] = strconv.ParseUint(row[3], 10, 50)
		m.Came, errs[4] = strconv.ParseUint(row[4], 10, 63)
		times[1], errs[5] = strconv.ParseUint(row[5], 10, 50)
		times[2], errs[6] = strconv.ParseUint(row[6], 10, 50)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		m.Worst, m.First, m.Last = microseconds(times[0]), microseconds(times[1]), microseconds(times[2])
		late := len(moments) > 0 && m.At <= moments[len(moments)-1].At
		if m.Lost > m.Due || m.First > m.Last || late {
			return nil, fmt.Errorf("row %d: %v is impossible", i+1, row)
		}
		moments = append(moments, m)
	}
	return moments, nil
}

func microseconds(n uint64) time.Duration { return time.Duration(n) * time.Microsecond }
