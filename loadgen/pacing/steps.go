package pacing

import (
	"fmt"
	"strings"
	"time"
)

// Step is one stage of Steps.
type Step struct {
	PerSecond float64
	For       time.Duration
}

// Steps holds each rate for its time, and the last one indefinitely.
type Steps []Step

func parseSteps(text *Text) Pacer {
	steps := Steps{{text.Rate(), text.Time()}}
	for text.More() {
		steps = append(steps, Step{text.Rate(), text.Time()})
	}
	return steps
}

// At is part of Curve.
func (p Steps) At(x float64) time.Duration {
	var start float64
	for i, step := range p {
		in := step.PerSecond * step.For.Seconds()
		if x < in || i == len(p)-1 {
			return seconds(start + x/step.PerSecond)
		}
		x -= in
		start += step.For.Seconds()
	}
	return 0
}

// Due is part of Pacer.
func (p Steps) Due(n uint64) time.Duration { return p.At(float64(n)) }

// Rate is part of Pacer.
func (p Steps) Rate(at time.Duration) float64 {
	for _, step := range p[:len(p)-1] {
		if at < step.For {
			return step.PerSecond
		}
		at -= step.For
	}
	return p[len(p)-1].PerSecond
}

// Length is part of Bounded.
func (p Steps) Length() (sum time.Duration) {
	for _, step := range p {
		sum += step.For
	}
	return sum
}

func (p Steps) String() string {
	parts := make([]string, len(p))
	for i, step := range p {
		parts[i] = fmt.Sprintf("%s %v", rateText(step.PerSecond), step.For)
	}
	return "steps " + strings.Join(parts, " ")
}
