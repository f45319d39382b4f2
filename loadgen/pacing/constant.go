package pacing

import "time"

// Constant is the same rate throughout; request n is due at n/PerSecond.
type Constant struct{ PerSecond float64 }

func parseConstant(text *Text) Pacer { return Constant{text.Rate()} }

// At is part of Curve.
func (p Constant) At(x float64) time.Duration { return seconds(x / p.PerSecond) }

// Due is part of Pacer.
func (p Constant) Due(n uint64) time.Duration { return p.At(float64(n)) }

// Rate is part of Pacer.
func (p Constant) Rate(time.Duration) float64 { return p.PerSecond }

func (p Constant) String() string { return "constant " + rateText(p.PerSecond) }
